"""Which code derived each fact: its SQL and config, the models, seeds, macros and event views below it.

Belongs here: the code of a model as named parts with digests, what is recorded of it in the warehouse, what
has changed since, and requesting that. A fact of which any part has changed holds rows of two codes as soon
as it is brought up to date, so it is derived from nothing instead. Not here: the version of the whole project
(`dataset.code_version`). What a `var` or `env_var` says is not in dbt's manifest: the materialization of a
fact, which has its SQL as it is rendered, compares that as well, and by itself builds anew what differs.
"""

import hashlib
import json
from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb

from event_archive.registry.contract import Contracts
from orchestration.dataset.tables import insert_rows
from orchestration.dbt.graph import Manifest, Node, facts, is_fact, is_of_project, table_of, upstream
from orchestration.settings import Settings
from orchestration.warehouse.engine import has_columns, open_warehouse
from orchestration.warehouse.requests import request_rebuild

FACT_CODE = "audit.fact_code"
FACT_CONFIG = ("key", "events", "day", "lookups")
Parts = Mapping[str, str]
"""Digests by name: a file of SQL, a macro, an event type."""


@dataclass(frozen=True)
class ChangedFact:
    """A fact that other code derived, and the names of what is not as it was."""

    model: str
    table: str
    parts: tuple[str, ...]


def code_of(manifest: Manifest, contracts: Contracts, unique_id: str) -> Parts:
    """The parts that a model is derived by: everything below it, down to the events."""
    parts: dict[str, str] = {}
    for name, node in upstream(manifest, unique_id).items():
        if name.startswith("source."):
            if definition := view_definition(contracts, node["identifier"]):
                parts[f"events.{node['identifier']}"] = digest(definition)
        elif name.startswith("macro."):
            if is_of_project(node):  # the version of dbt's own is locked
                parts[f"macro {node['name']}"] = digest(node["macro_sql"])
        else:
            parts[node["original_file_path"]] = digest(code_of_node(node))
    return dict(sorted(parts.items()))


def code_of_node(node: Node) -> str:
    """What a node of dbt says itself: its SQL and what its config says of a fact, or the rows of a seed."""
    if node["resource_type"] == "seed":
        # Of a large file dbt notes its path alone.
        if node["checksum"]["name"] == "path":
            file = Path(node["root_path"]) / node["original_file_path"]
            return hashlib.sha256(file.read_bytes()).hexdigest()
        return str(node["checksum"]["checksum"])
    config = {name: node["config"].get(name) for name in FACT_CONFIG}
    return str(node["raw_code"]) + (json.dumps(config, sort_keys=True) if is_fact(node) else "")


def code_version(manifest: Manifest, contracts: Contracts, unique_id: str) -> str:
    """A digest of the code that a model is derived by."""
    return digest(json.dumps(code_of(manifest, contracts, unique_id)))


def view_definition(contracts: Contracts, view_name: str) -> str:
    """What the events of a view look like: the type of their data in each major, and the upcasts between."""
    majors = [contract for contract in contracts.values() if contract.view_name == view_name]
    steps = [contracts.upcast(major) if major.upcast is not None else "" for major in majors]
    return "\n".join(
        f"{major.type} {major.data_type.sql()} {step}" for major, step in zip(majors, steps, strict=True)
    )


def describe_events(connection: duckdb.DuckDBPyConnection, contracts: Contracts) -> None:
    """Tell the warehouse what the events of each view look like, and make its record of what derived facts.

    A fact's materialization compares: what derived the rows that are there is written with them.
    """
    if has_columns(connection, FACT_CODE) and not has_columns(connection, FACT_CODE, "description"):
        connection.execute(f"DROP TABLE {FACT_CODE}")  # of an older version: every fact is built anew
    connection.execute(
        f"CREATE TABLE IF NOT EXISTS {FACT_CODE} "
        "(table_name VARCHAR, code VARCHAR, description VARCHAR, query VARCHAR, first_steps VARCHAR[])"
    )
    connection.execute("CREATE OR REPLACE TABLE audit.event_types (view_name VARCHAR, definition VARCHAR)")
    views = sorted({contract.view_name for contract in contracts.values()})
    rows = [(view, view_definition(contracts, view)) for view in views]
    insert_rows(connection, "audit.event_types", rows)


def digest(text: str) -> str:
    """Shorten a text to what tells it from others."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def record_code(
    connection: duckdb.DuckDBPyConnection,
    manifest: Manifest,
    contracts: Contracts,
    models: Iterable[str],
    afresh: Container[str],
) -> None:
    """Remember in the warehouse by which code these facts are derived; `afresh`: those built from nothing.

    Any other of which the code is not as it was recorded changed while a build was about to begin: it now
    holds rows of two codes. What was recorded stays, so that the next build derives it again.
    """
    connection.execute("CREATE TABLE IF NOT EXISTS audit.derived_by (model VARCHAR, parts VARCHAR)")
    recorded = recorded_parts(connection)
    for model in sorted(set(models) & set(facts(manifest))):
        parts = code_of(manifest, contracts, model)
        if model in recorded and recorded[model] != parts and model not in afresh:
            continue
        connection.execute("DELETE FROM audit.derived_by WHERE model = ?", [model])
        connection.execute("INSERT INTO audit.derived_by VALUES (?, ?)", [model, json.dumps(parts)])


def recorded_parts(connection: duckdb.DuckDBPyConnection) -> dict[str, Parts]:
    """By which code each fact of the warehouse was derived; empty where nothing was recorded yet."""
    if not has_columns(connection, "audit.derived_by"):
        return {}
    rows = connection.execute("SELECT model, parts FROM audit.derived_by").fetchall()
    return {model: json.loads(parts) for model, parts in rows}


def changed_since(
    recorded: Mapping[str, Parts], manifest: Manifest, contracts: Contracts
) -> list[ChangedFact]:
    """The facts that other code than today's derived, by what was recorded of each."""
    changed = []
    for model, node in sorted(facts(manifest).items()):
        if model not in recorded:
            continue
        before, now = recorded[model], code_of(manifest, contracts, model)
        names = tuple(name for name in sorted({*before, *now}) if before.get(name) != now.get(name))
        if names:
            changed.append(ChangedFact(model, table_of(node), names))
    return changed


def request_rebuild_of_changed(
    settings: Settings, manifest: Manifest, contracts: Contracts, log: Callable[[str], None] | None = None
) -> None:
    """Ask the next build to derive from nothing what other code derived; needs the warehouse's lock.

    The request outlives a build that is killed, and by then what has changed could not be told any more of a
    fact that was built before that.
    """
    if not settings.warehouse.is_file():
        return
    with open_warehouse(settings) as connection:
        changed = changed_since(recorded_parts(connection), manifest, contracts)
        request_rebuild(connection, [fact.model for fact in changed])
    if log is not None:
        for line in format_changes(changed):
            log(line)


def format_changes(changed: Iterable[ChangedFact]) -> list[str]:
    """What is derived again and why: one line for all facts of which the same has changed."""
    tables: dict[tuple[str, ...], list[str]] = {}
    for fact in changed:
        tables.setdefault(fact.parts, []).append(fact.table)
    return [
        f"{', '.join(named)} {'is' if len(named) == 1 else 'are'} derived again from nothing: "
        f"{'its' if len(named) == 1 else 'their'} code changed ({', '.join(parts)})"
        for parts, named in tables.items()
    ]
