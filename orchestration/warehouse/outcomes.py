"""How each node of dbt fared when it was built or tested last, and from which inputs that was.

Belongs here: the table `audit.outcomes`, what a check of publishing is, and what a build that leaves nodes
out may keep of the one before. Not here: which dbt process built the warehouse (`build_record`), and which
nodes are left out (`planning.selection`).

    unique_id, name     of the node
    passed, detail      how it fared
    inputs              a digest of all that it was made of; null where it did not pass without a warning, or
                        where nobody knows it: such a node is built again
    moves, unsaid       whether it is made of something that no digest is of: what changes by itself, or a
                        table that it does not name: such a node is built each time, with all below it
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import duckdb

from event_archive.sql_text import literal
from event_archive.views.correction_tables import DECIDED
from event_archive.views.corrections import WAITING
from event_archive.views.segment_sql import SCHEMA
from orchestration.dataset.tables import insert_rows
from orchestration.dbt.kinds import is_relation, is_test, name_of
from orchestration.warehouse.engine import has_columns
from orchestration.warehouse.unknown_inputs import UnknownInputs

OUTCOMES = "audit.outcomes"
PASSED = {"pass", "success", "warn", "no-op", "reused"}
WITHOUT_A_WORD = {"pass", "success"}


@dataclass(frozen=True)
class Check:
    """One thing that was checked; a failed check that blocks keeps the dataset from being published."""

    name: str
    passed: bool
    blocking: bool
    detail: str
    is_test: bool = True


class NodeCheck(Check):
    """How one node of dbt fared in a build: a test that was run; or a model, seed or snapshot."""


@dataclass(frozen=True)
class BuiltFrom:
    """What the warehouse's nodes were made of, by unique id, and `without`: those that no digest is of.

    `corrections_wait`: whether a correction waited then for what it names.
    """

    inputs: Mapping[str, str]
    without: frozenset[str]
    corrections_wait: bool


NOTHING_BUILT = BuiltFrom({}, frozenset(), corrections_wait=False)


def is_checked(result: Mapping[str, Any]) -> bool:
    """Whether a result of dbt says anything: of what is neither built nor tested (a hook), only a failure."""
    name = result["unique_id"]
    return is_relation(name) or is_test(name) or result["status"] not in PASSED


def outcome(result: Mapping[str, Any]) -> NodeCheck:
    """Return one result of dbt as a check: how a test ended, or whether a model was built or skipped."""
    unique_id, status = result["unique_id"], result["status"]
    message = " ".join((result.get("message") or "").split())
    detail = f"{status}: {message}" if message else status
    passed, test = status in PASSED, is_test(unique_id)
    return NodeCheck(name_of(unique_id), passed, blocking=True, detail=detail, is_test=test)


def record_outcomes(
    connection: duckdb.DuckDBPyConnection,
    results: Collection[Mapping[str, Any]],
    *,
    inputs: Mapping[str, str],
    unknown: UnknownInputs,
    kept: Collection[str],
) -> set[str]:
    """Remember these results, and of the nodes that were `kept` what was remembered; returns which these are.

    `inputs`: of what each node was to be made; `unknown`: which nodes are made of something else besides.
    """
    before = _kept(connection, {*kept} - {result["unique_id"] for result in results})
    connection.execute(
        f"CREATE OR REPLACE TABLE {OUTCOMES} "
        "(unique_id VARCHAR, name VARCHAR, passed BOOLEAN, detail VARCHAR, inputs VARCHAR, moves BOOLEAN, "
        "unsaid BOOLEAN)"
    )
    rows = [*before]
    for result in results:
        name, check = result["unique_id"], outcome(result)
        moves, unsaid = name in unknown.moving, name in unknown.unsaid
        is_known = result["status"] in WITHOUT_A_WORD and not moves and not unsaid
        of = inputs.get(name) if is_known else None
        rows.append((name, check.name, check.passed, check.detail, of, moves, unsaid))
    insert_rows(connection, OUTCOMES, rows)
    return {row[0] for row in before}


def _kept(connection: duckdb.DuckDBPyConnection, names: Collection[str]) -> list[tuple[Any, ...]]:
    if not names or not has_columns(connection, OUTCOMES, "unique_id"):
        return []
    return connection.execute(
        f"SELECT unique_id, name, passed, detail, inputs, moves, unsaid FROM {OUTCOMES} "
        "WHERE passed AND inputs IS NOT NULL AND list_contains(?, unique_id)",
        [sorted(names)],
    ).fetchall()


def recorded_outcomes(connection: duckdb.DuckDBPyConnection) -> list[NodeCheck]:
    """How each model and test fared when it was built last, by name."""
    rows = connection.execute(f"SELECT name, passed, detail FROM {OUTCOMES} ORDER BY name").fetchall()
    return [NodeCheck(name, passed, blocking=True, detail=detail) for name, passed, detail in rows]


def read_built_from(connection: duckdb.DuckDBPyConnection) -> BuiltFrom:
    """Of what the nodes were made, as they were recorded; nothing where an older version recorded them."""
    if not has_columns(connection, OUTCOMES, "unique_id", "inputs"):
        return NOTHING_BUILT
    rows = connection.execute(f"SELECT unique_id, inputs, moves OR unsaid FROM {OUTCOMES}").fetchall()
    return BuiltFrom(
        {name: inputs for name, inputs, _ in rows if inputs is not None},
        frozenset(name for name, _, is_unknown in rows if is_unknown),
        corrections_wait=corrections_waiting(connection) > 0,
    )


def corrections_waiting(connection: duckdb.DuckDBPyConnection) -> int:
    """How many corrections waited, when the last build began, for what they name."""
    decided = f"SELECT count(*) FROM {SCHEMA}.{DECIDED} WHERE status = {literal(WAITING)}"
    return int(connection.execute(decided).fetchall()[0][0])


def any_moves(connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether a node may say something else although nothing that we know of has changed."""
    if not has_columns(connection, OUTCOMES, "moves"):
        return True
    return bool(connection.execute(f"SELECT bool_or(moves) FROM {OUTCOMES}").fetchall()[0][0])
