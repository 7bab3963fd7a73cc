"""What a warehouse says of itself, for whoever plans a build: read without disturbing one that runs.

Belongs here: reading how far facts have read, and what is requested and recorded. Not here: what follows from
it (`planning.plan`), and the tables themselves (`build_record`, `requests`, `model_code`, `build_history`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import duckdb

from event_archive import Archive, UnusableInput
from orchestration.dataset.tables import relation
from orchestration.dbt.graph import Manifest, Node, facts, table_of
from orchestration.dbt.kinds import name_of
from orchestration.settings import Settings
from orchestration.warehouse.build_history import BuildDuration, last_durations
from orchestration.warehouse.build_record import goes_forward
from orchestration.warehouse.engine import has_columns, open_warehouse
from orchestration.warehouse.lock import is_written_elsewhere, shared_lock
from orchestration.warehouse.model_code import Parts, recorded_parts
from orchestration.warehouse.requests import Days, requested_days, requested_rebuilds

ATTEMPTS = 3


@dataclass(frozen=True)
class WarehouseState:
    """What the warehouse says. `holder`: who builds in it just now; then nothing else could be read.

    `read_until`: the highest sequence that each fact has read, by unique id; a fact that is not there is left
    out. `goes_forward`: whether the log as it is now goes on from what was read. `rebuilds`: the models that
    are to be derived from nothing; `replays`: the days that are to be replayed. `parts`: the code that each
    fact was derived by.
    """

    holder: str | None = None
    read_until: Mapping[str, int] = field(default_factory=dict)
    goes_forward: bool = True
    rebuilds: frozenset[str] = frozenset()
    replays: tuple[Days, ...] = ()
    parts: Mapping[str, Parts] = field(default_factory=dict)
    durations: tuple[BuildDuration, ...] = ()


def read_if_free(settings: Settings, manifest: Manifest, archive: Archive, sequence: int) -> WarehouseState:
    """Read the state where nobody builds; waits for nobody, writes nothing."""
    with shared_lock(settings) as holder:
        if holder is not None or not settings.warehouse.is_file():
            return WarehouseState(holder)
        return read_unless_written(settings, manifest, archive, sequence)


def read_unless_written(
    settings: Settings, manifest: Manifest, archive: Archive, sequence: int, attempts: int = ATTEMPTS
) -> WarehouseState:
    """Read the state, where no process has the file open that takes no lock of ours: dbt that is run by hand.

    Such a process may end after it kept us from opening the file and before we ask for it, so that it takes
    several attempts to know that the file can't be read. Raises UnusableInput then.
    """
    try:
        return read_state(settings, manifest, archive, sequence)
    except duckdb.IOException as error:
        if is_written_elsewhere(settings.warehouse):
            return WarehouseState("another process")
        if attempts == 1:
            raise UnusableInput(f"{settings.warehouse}: {error}") from None
    return read_unless_written(settings, manifest, archive, sequence, attempts - 1)


def read_state(settings: Settings, manifest: Manifest, archive: Archive, sequence: int) -> WarehouseState:
    """Read the state while nobody else can write; `sequence`: the cut that a build would see."""
    if not settings.warehouse.is_file():
        return WarehouseState()
    with open_warehouse(settings, read_only=True) as connection:
        read_until = {}
        for fact, node in facts(manifest).items():
            sequence_read = last_read(connection, node)
            if sequence_read is not None:
                read_until[fact] = max(sequence_read, built_until(connection, name_of(fact)))
        return WarehouseState(
            read_until=read_until,
            goes_forward=goes_forward(connection, archive, sequence, settings.as_of),
            rebuilds=frozenset(requested_rebuilds(connection)),
            replays=tuple(requested_days(connection)),
            parts=recorded_parts(connection),
            durations=tuple(last_durations(connection)),
        )


def last_read(connection: duckdb.DuckDBPyConnection, node: Node) -> int | None:
    """The highest sequence in the rows of a fact; None where there is no such table yet."""
    table = table_of(node)
    if not has_columns(connection, table, "last_sequence"):
        return None
    row = connection.execute(f"SELECT coalesce(max(last_sequence), 0) FROM {relation(table)}").fetchone()
    assert row is not None
    sequence: int = row[0]
    return sequence


def built_until(connection: duckdb.DuckDBPyConnection, name: str) -> int:
    """The commit up to which a model was built last, where that build came to its end; 0 where it did not.

    A fact of which few keys have rows may have read further than these say.
    """
    if not has_columns(connection, "audit.build", "sequence", "complete"):
        return 0
    if not has_columns(connection, "audit.outcomes", "name", "passed"):
        return 0
    row = connection.execute(
        "SELECT any_value(sequence) FROM audit.build, audit.outcomes "
        "WHERE complete IS NOT NULL AND name = ? HAVING bool_and(passed)",
        [name],
    ).fetchone()
    return row[0] if row else 0
