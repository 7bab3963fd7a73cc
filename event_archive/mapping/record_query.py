"""The query that maps records: which elements they have, which rule takes each, and what it makes of it.

Belongs here: going through the lists of `each`, and the SELECT around the expressions of a mapping. Not here:
those expressions (`mapping`, `mapped_values`), and running the query (`map_records`).

A record, or an element of it, is one row. The fields that are read of outer records are extracted once for
each of these, however many elements stand in it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlglot import exp

from event_archive.expressions.sql_tree import call, if_else, is_null, reference, string
from event_archive.mapping.choice import NO_RULE
from event_archive.mapping.scope import PLACES, Scope, place_column
from event_archive.sql_text import quoted

ELEMENT = "the element"
EMPTY, ABSENT, NO_LIST = -2, -10, -30  # in the place of a rule's number; less by one for each step further in
MOST_STEPS = 8
RECORD_ITSELF = 0
"""The number of an element that stands for its whole record: it has no elements."""


@dataclass(frozen=True)
class ListStep:
    """One list of `each`: its field as it is written, and as it is read from the scope around it."""

    text: str
    items: exp.Expr


def fault_of(taken: int, steps: Sequence[ListStep]) -> str | None:
    """Return why a record has no elements, by what stands in the place of a rule's number; None: it has."""
    if NO_LIST >= taken > NO_LIST - MOST_STEPS:
        return f"{steps[NO_LIST - taken].text} is no list, and each takes the elements of one"
    if ABSENT >= taken > ABSENT - MOST_STEPS:
        return f"nothing at {steps[ABSENT - taken].text}, of which each takes the elements"
    return None


def elements_sql(table: str, levels: Sequence[Scope], steps: Sequence[ListStep]) -> str:
    """Return a SELECT of all elements of the records in a table.

    It gives `n`, ELEMENT, the places, the fields of `levels`, and `fault`: a number in the place of a rule's,
    see `fault_of`. The table has the columns of `record_types`. Without steps, a record is an element itself.
    """
    file, position = (quoted(place_column(root)) for root in ("file", "position"))
    element, index = quoted(ELEMENT), quoted(place_column("index"))
    kept = f"n, {position}, {file}"
    sql = f"SELECT {kept}, record AS {element}, CAST(NULL AS INTEGER) AS fault FROM {table}"
    if not steps:
        return f"SELECT {kept}, 1 AS {index}, {element}, fault FROM ({sql})"
    places: list[str] = []
    for depth, (level, step) in enumerate(zip(levels, steps, strict=True)):
        fields = _sql(level.extracted(reference(ELEMENT)))
        sql = f"SELECT * EXCLUDE ({element}), {fields} AS {quoted(level.name)} FROM ({sql})"
        # Once, for all that asks for them: a list may be large.
        sql = (
            f"SELECT *, {_sql(call('json_type', step.items))} AS kind, "
            f"{_sql(call('json_extract', step.items, string('$[*]')))} AS items FROM ({sql})"
        )
        places.append(quoted(f"the place {depth}"))
        is_filled = "kind = 'ARRAY' AND len(items) > 0"
        sql = (
            f"SELECT * EXCLUDE (fault, kind, items), {_fault(depth)} AS fault, "
            f"unnest(CASE WHEN {is_filled} THEN items ELSE [NULL] END) AS {element}, "
            f"unnest(CASE WHEN {is_filled} THEN range(1, len(items) + 1) ELSE [0] END) AS {places[-1]} "
            f"FROM ({sql})"
        )
    number = places[0]
    if len(places) > 1:
        window = f"row_number() OVER (PARTITION BY n ORDER BY {', '.join(places)})"
        number = f"CASE {places[0]} WHEN {RECORD_ITSELF} THEN {RECORD_ITSELF} ELSE {window} END"
    return f"SELECT * EXCLUDE ({', '.join(places)}), {number} AS {index} FROM ({sql})"


def mapped_sql(elements: str, taken: exp.Expr, event: exp.Expr, reason: exp.Expr) -> str:
    """Return a SELECT of what becomes of elements: `n`, `element`, `taken`, `event` and `reason`.

    `taken`: over the element, the number of its rule; `event` and `reason` are over the element and `taken`.
    """
    index = quoted(place_column("index"))
    chosen = if_else(is_null(reference("fault")), taken, reference("fault"))
    return (
        f"SELECT n, element, taken, event, CASE WHEN event IS NULL THEN {_sql(reason)} END AS reason "
        f"FROM (SELECT *, CAST({_sql(event)} AS VARCHAR) AS event "
        f"FROM (SELECT *, {index} AS element, CAST({_sql(chosen)} AS INTEGER) AS taken FROM ({elements})))"
    )


def record_types() -> dict[str, str]:
    """Return the columns of a table of records, with their DuckDB types."""
    places = {place_column(root): PLACES[root] for root in ("position", "file")}
    return {"n": "BIGINT", "record": "VARCHAR", **places}


def _fault(depth: int) -> str:
    """Return SQL for the fault of a step: that of one before it, or what `kind` and `items` say."""
    return (
        "CASE WHEN fault IS NOT NULL THEN fault "
        f"WHEN kind IS NULL OR kind = 'NULL' THEN {ABSENT - depth} "
        f"WHEN kind <> 'ARRAY' THEN {NO_LIST - depth} "
        f"WHEN len(items) = 0 THEN {EMPTY} END"
    )


def _sql(tree: exp.Expr) -> str:
    return str(tree.sql("duckdb"))


__all__ = [
    "ELEMENT",
    "EMPTY",
    "MOST_STEPS",
    "NO_RULE",
    "RECORD_ITSELF",
    "ListStep",
    "elements_sql",
    "fault_of",
    "mapped_sql",
    "record_types",
]
