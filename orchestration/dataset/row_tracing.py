"""What tells the rows of a mart apart, and how a row is traced to the events that it comes from.

Belongs here: reading both out of dbt's manifest, and their form in a dataset file. Not here: finding the
events (`diff.causes`). A fact is traced by its key, through the relations of its events (`key_tracing`). A
report is traced to the rows of facts that it is made of: by the columns of its row key where a fact that it
reads has all of them, else by what its YAML says:

    config:
      meta:
        traced_to:
          - table: billing.usage
            by: {customer_id: customer_id, month_start_date: {month_of: delivered_date}}
          - {object_id: engine_id, events: [engine_deployed]}
          - {object_id: object_id, object_type: object_type}
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from event_archive import UnusableInput
from event_archive.views.correction_tables import TABLES
from orchestration.dataset.key_tracing import KeyTrace, from_json, key_trace, to_json
from orchestration.dbt.graph import (
    Manifest,
    is_fact,
    meta_of,
    row_keys,
    table_of,
    views_of,
)
from orchestration.dbt.kinds import marts

MONTH_OF, LAST_SEQUENCE = "month_of", "last_sequence"


@dataclass(frozen=True)
class EventTrace:
    """A row comes from the events of these views about the object whose id stands in a column.

    `object_type`: where it may be an object of any kind, the column that says of which.
    """

    object_id: str
    views: tuple[str, ...]
    object_type: str | None = None

    @property
    def columns(self) -> dict[str, str]:
        """The columns that say which object it is, by what they say."""
        kind = {"object_type": self.object_type} if self.object_type else {}
        return {"object_id": self.object_id, **kind}


@dataclass(frozen=True)
class RowTrace:
    """A row comes from rows of another mart: per column of its own, the column there that has its value.

    `months`: those of its own columns that hold the first day of the month of the column there.
    """

    table: str
    by: Mapping[str, str]
    months: frozenset[str] = frozenset()


Trace = EventTrace | KeyTrace | RowTrace


@dataclass(frozen=True)
class MartDescription:
    """What is known of a mart besides its rows. Without a `row_key`, all columns together tell rows apart.

    `landing_columns`: columns that say when something landed, not what happened; alone they change no row.
    """

    table: str
    row_key: tuple[str, ...] = ()
    traced_to: tuple[Trace, ...] = ()
    landing_columns: tuple[str, ...] = ()


def describe_marts(manifest: Manifest) -> list[MartDescription]:
    """Return what the dbt project declares of each mart, in the order of their names.

    Raises UnusableInput where the name of one can't be used, or what its YAML declares.
    """
    nodes = marts(manifest)
    keys = row_keys(manifest)
    for node in nodes.values():
        if "." in node["schema"]:
            raise UnusableInput(f"{table_of(node)}: a schema of marts has no dot in its name; rename it")
    return sorted(
        (
            MartDescription(
                table=table_of(node),
                row_key=keys.get(unique_id, ()),
                traced_to=traces(manifest, unique_id, keys.get(unique_id, ())),
                landing_columns=landing_columns(node),
            )
            for unique_id, node in nodes.items()
        ),
        key=lambda mart: mart.table.split(".", 1),
    )


def landing_columns(node: Mapping[str, Any]) -> tuple[str, ...]:
    """The columns that only say when something landed: those that are marked so, and those of a fact.

    A fact has them also where its YAML describes none.
    """
    marked = (
        column
        for column, description in node["columns"].items()
        if column == LAST_SEQUENCE or meta_of(description).get("says_when_landed") is True
    )
    added = ("first_sequence", LAST_SEQUENCE) if is_fact(node) else ()
    return tuple(dict.fromkeys((*marked, *added)))


def traces(manifest: Manifest, unique_id: str, row_key: tuple[str, ...]) -> tuple[Trace, ...]:
    """Return how the rows of a mart are traced: as its YAML declares, or as follows from what it is.

    Raises UnusableInput where the YAML declares what can't be.
    """
    node = manifest["nodes"][unique_id]
    views = views_of(manifest, unique_id) - set(TABLES)
    declared = meta_of(node).get("traced_to")
    if declared is not None:
        if not isinstance(declared, list):
            raise unusable_trace(node, "not a list")
        return tuple(declared_trace(manifest, node, views, entry) for entry in declared)
    if is_fact(node):
        trace = key_trace(manifest, unique_id)
        return (trace,) if trace else ()
    published = marts(manifest)
    # dbt writes of a seed, which depends on no node, not even that.
    upstream = [name for name in node["depends_on"].get("nodes", ()) if name in published]
    return tuple(
        RowTrace(table_of(manifest["nodes"][name]), {column: column for column in row_key})
        for name in upstream
        if row_key and set(row_key) <= set(manifest["nodes"][name]["columns"])
    )


def declared_trace(
    manifest: Manifest, node: Mapping[str, Any], views: frozenset[str], declared: object
) -> Trace:
    """Return one entry of `traced_to`; raises UnusableInput where it names what is not there."""
    match declared:
        case {"object_id": str(column), **rest} if set(rest) <= {"events", "object_type"}:
            named = rest.get("events", sorted(views))
            if not isinstance(named, list) or not set(map(str, named)) <= views:
                raise unusable_trace(node, f"events {named} are not among those that the model reads")
            kind = known_column(node, node, rest["object_type"]) if "object_type" in rest else None
            return EventTrace(known_column(node, node, column), tuple(map(str, named)), kind)
        case {"table": str(table), "by": dict(by), **rest} if by and not rest:
            mart = next((mart for mart in marts(manifest).values() if table_of(mart) == table), None)
            if mart is None:
                raise unusable_trace(node, f"{table} is no mart")
            months = frozenset(column for column, upstream in by.items() if isinstance(upstream, dict))
            columns = {
                column: month_of(node, upstream) if column in months else upstream
                for column, upstream in by.items()
            }
            return RowTrace(
                table,
                {
                    known_column(node, node, column): known_column(node, mart, upstream)
                    for column, upstream in columns.items()
                },
                months,
            )
    raise unusable_trace(node, f"{json.dumps(declared)} is neither {{object_id}} nor {{table, by}}")


def month_of(node: Mapping[str, Any], upstream: Mapping[str, Any]) -> object:
    """Return the column of `{month_of: column}`."""
    if set(upstream) != {MONTH_OF}:
        raise unusable_trace(node, f"{json.dumps(upstream)} is not {{{MONTH_OF}: column}}")
    return upstream[MONTH_OF]


def known_column(node: Mapping[str, Any], holder: Mapping[str, Any], column: object) -> str:
    """Return a column, if its model describes it; raises UnusableInput where it does not."""
    if not isinstance(column, str) or column not in holder["columns"]:
        raise unusable_trace(node, f"{table_of(holder)} describes no column {column}")
    return column


def unusable_trace(node: Mapping[str, Any], why: str) -> UnusableInput:
    """The error that says what of a model's YAML can't be used."""
    return UnusableInput(f"{table_of(node)}: meta traced_to: {why}")


def traces_to_json(traced_to: tuple[Trace, ...]) -> str:
    """Return traces as JSON text, the form in which a dataset file holds them."""
    return json.dumps([trace_to_json(trace) for trace in traced_to])


def trace_to_json(trace: Trace) -> dict[str, object]:
    """Return one trace as its YAML would declare it."""
    if isinstance(trace, EventTrace):
        kind = {"object_type": trace.object_type} if trace.object_type else {}
        return {"object_id": trace.object_id, "events": list(trace.views), **kind}
    if isinstance(trace, KeyTrace):
        return to_json(trace)
    by = {
        column: {MONTH_OF: upstream} if column in trace.months else upstream
        for column, upstream in trace.by.items()
    }
    return {"table": trace.table, "by": by}


def traces_from_json(text: str) -> tuple[Trace, ...]:
    """Return the traces that a JSON text holds.

    Raises ValueError, KeyError or TypeError where it holds something else.
    """
    return tuple(trace_from_json(record) for record in json.loads(text))


def trace_from_json(record: Mapping[str, Any]) -> Trace:
    """Return the trace that a JSON object holds."""
    if "object_id" in record:
        kind = record.get("object_type")
        views = tuple(map(str, record["events"]))
        return EventTrace(str(record["object_id"]), views, None if kind is None else str(kind))
    if "key" in record:
        return from_json(record)
    by = record["by"].items()
    months = frozenset(column for column, upstream in by if isinstance(upstream, dict))
    return RowTrace(
        str(record["table"]),
        {column: str(upstream[MONTH_OF]) if column in months else str(upstream) for column, upstream in by},
        months,
    )
