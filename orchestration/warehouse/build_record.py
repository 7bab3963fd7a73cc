"""What the warehouse remembers of its last build, so that nobody publishes one that was not checked.

Belongs here: remembering, in the warehouse itself, which dbt process built it over which cut of the log and
how its tests ended. Not here: the outcome of each node (`outcomes`), what publishing waits for (`checks`),
and running dbt (`dbt.process`). Every dbt process that connects begins a new build, so a build made by hand
counts as unchecked.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

import duckdb

from event_archive import Archive, UnusableInput
from event_archive.registry.contract import Contracts
from event_archive.store.commit import Commit
from orchestration.dataset.key_tracing import KeyTrace, with_definitions
from orchestration.dataset.mart_lineage import mart_lineage, record_lineage
from orchestration.dataset.row_tracing import MartDescription, describe_marts, traces_to_json
from orchestration.dataset.tables import insert_rows
from orchestration.dbt.graph import Manifest, facts
from orchestration.dbt.kinds import built_nodes
from orchestration.dbt.process import RUN_RESULTS
from orchestration.json_file import read_json_file
from orchestration.settings import Settings
from orchestration.warehouse import untested_keys
from orchestration.warehouse.engine import has_columns, open_warehouse
from orchestration.warehouse.model_code import describe_events, record_code
from orchestration.warehouse.outcomes import Check, is_checked, outcome, record_outcomes
from orchestration.warehouse.requests import (
    EVERYTHING,
    create_tables,
    hold_most_events,
    mark_fulfilled,
    request_rebuild,
    requested_days,
    requested_rebuilds,
)
from orchestration.warehouse.unknown_inputs import unknown_inputs

BUILD = "audit.build"


@dataclass(frozen=True)
class Build:
    """The last build of the warehouse: by which dbt process, over which cut, and whether of everything."""

    id: str
    sequence: int
    log_digest: str
    complete: bool | None
    as_of: datetime | None = None


def commit_at(archive: Archive, sequence: int) -> Commit | None:
    """Return a commit; None for sequence 0, which is the empty log, and where the log has none of it."""
    return next((commit for commit in archive.log.commits() if commit.sequence == sequence), None)


def begin_build(
    connection: duckdb.DuckDBPyConnection,
    archive: Archive,
    sequence: int,
    *,
    as_of: datetime | None,
    build_id: str,
) -> None:
    """Record that a dbt process is about to write: what earlier checks found is out of date.

    A fact remembers how far it has read, so it can only go forward: where the last build saw another log, a
    longer one, or other events of it, everything is derived from nothing.
    """
    commit = commit_at(archive, sequence)
    create_tables(connection)
    untested_keys.create_tables(connection)
    describe_events(connection, archive.contracts)
    if not goes_forward(connection, archive, sequence, as_of):
        request_rebuild(connection, [EVERYTHING])
    replays_most = hold_most_events(requested_days(connection), archive.log.commits(sequence))
    connection.execute(
        f"CREATE OR REPLACE TABLE {BUILD} AS SELECT ?::VARCHAR AS build_id, ?::BIGINT AS sequence, "
        "?::VARCHAR AS log_digest, ?::TIMESTAMPTZ AS as_of, now() AS started_at, NULL::BOOLEAN AS complete, "
        "?::BOOLEAN AS replays_most",
        [build_id, sequence, commit.digest if commit else "", as_of, replays_most],
    )


def goes_forward(
    connection: duckdb.DuckDBPyConnection, archive: Archive, sequence: int, as_of: datetime | None
) -> bool:
    """Whether a cut holds all that the last build saw, and the same events of it."""
    if not has_columns(connection, BUILD):
        return True
    if not has_columns(connection, BUILD, "as_of"):  # recorded before a cut by time was possible
        return False
    row = connection.execute(f"SELECT sequence, log_digest, as_of FROM {BUILD}").fetchone()
    if row is None or row[0] == 0:
        return True
    before = commit_at(archive, row[0])
    return row[0] <= sequence and before is not None and before.digest == row[1] and row[2] == as_of


def record_build(
    settings: Settings,
    contracts: Contracts,
    manifest: Manifest,
    request: str | None = None,
    *,
    left_out: Collection[str] = (),
    inputs: Mapping[str, str] | None = None,
    kept: Collection[str] = (),
) -> list[Check]:
    """Remember how the nodes of the dbt process that has just ended fared; needs the warehouse's lock.

    `manifest`: that process's. `request`: the replay that it was started for, fulfilled where every model
    that it chose was built. `left_out`: the tables that are not in this warehouse on purpose. `inputs`: of
    what each node was to be made; `kept`: the nodes that were made of that before, and so not built again:
    they count as they were recorded then.
    """
    results = read_json_file(settings.dbt_target / RUN_RESULTS, "run `factlog refresh` again")
    statuses = {result["unique_id"]: result["status"] for result in results["results"]}
    done = set(statuses)
    built = {name for name in done if name.startswith("model.") and statuses[name] == "success"}
    failed = {name for name in done if name.startswith("model.")} - built
    expected = built_nodes(manifest)
    marts = [mart for mart in describe_marts(manifest) if mart.table not in left_out]
    checked = [result for result in results["results"] if is_checked(result)]
    outcomes: list[Check] = [outcome(result) for result in checked]
    with open_warehouse(settings) as connection:
        build = last_build(connection)
        if build is None or build.id != results["metadata"]["invocation_id"]:
            raise UnusableInput(
                f"{settings.warehouse}: another dbt process has written it meanwhile; refresh again"
            )
        held = record_outcomes(
            connection,
            checked,
            inputs=inputs or {},
            kept=kept,
            unknown=unknown_inputs(settings, connection, done),
        )
        complete = expected <= done | held
        connection.execute(f"UPDATE {BUILD} SET complete = ?", [complete])
        again = requested_rebuilds(connection)
        afresh = built if EVERYTHING in again else again
        record_code(connection, manifest, contracts, built, afresh)
        if not failed:
            everything = set(facts(manifest)) <= built
            mark_fulfilled(connection, built, everything=everything, request=request)
        record_marts(connection, marts)
        record_lineage(connection, mart_lineage(manifest))
        if complete and all(check.passed for check in outcomes):
            untested_keys.record_all_passed(connection, manifest, build.sequence)
    return outcomes


def record_marts(connection: duckdb.DuckDBPyConnection, marts: Iterable[MartDescription]) -> None:
    """Remember which tables are published, and what is known of each besides its rows."""
    connection.execute(
        "CREATE OR REPLACE TABLE audit.marts (schema_name VARCHAR, table_name VARCHAR, "
        "row_key VARCHAR[], traced_to VARCHAR, landing_columns VARCHAR[])"
    )
    rows = [
        [
            *mart.table.split(".", 1),
            # A test of uniqueness may be of an expression, and that is no column to find rows by.
            list(mart.row_key) if has_columns(connection, mart.table, *mart.row_key) else [],
            traces_to_json(
                tuple(
                    with_definitions(connection, trace) if isinstance(trace, KeyTrace) else trace
                    for trace in mart.traced_to
                )
            ),
            [name for name in mart.landing_columns if has_columns(connection, mart.table, name)],
        ]
        for mart in marts
    ]
    insert_rows(connection, "audit.marts", rows)


def last_build(connection: duckdb.DuckDBPyConnection) -> Build | None:
    """Return what is remembered of the last build; None where there was none, or before a cut by time was."""
    if not has_columns(connection, BUILD, "complete", "as_of"):
        return None
    row = connection.execute(
        f"SELECT build_id, sequence, log_digest, complete, as_of FROM {BUILD}"
    ).fetchone()
    return None if row is None else Build(*row)
