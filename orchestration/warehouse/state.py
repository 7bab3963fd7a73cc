"""How the warehouse stands, for whoever asks what a build would do: read without disturbing one that runs.

Belongs here: reading what facts and requests in the warehouse say. Not here: what follows from it
(`refresh_plan`), and the tables themselves (`audit`, `replay_request`, `model_code`, `build_history`).
"""

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field

import duckdb

from event_archive.archive import Archive
from event_archive.errors import UnusableInput
from orchestration.dataset.tables import relation
from orchestration.dbt.graph import Manifest, Node, facts, table_of
from orchestration.settings import Settings
from orchestration.warehouse.build_history import Took, history
from orchestration.warehouse.build_record import goes_forward
from orchestration.warehouse.lock import shared_lock
from orchestration.warehouse.model_code import Parts, noted_parts
from orchestration.warehouse.requests import Days, requested_days, requested_rebuilds


@dataclass(frozen=True)
class WarehouseState:
    """What the warehouse says. `holder`: who builds in it just now; then nothing else could be read.

    `read_until`: the highest sequence that each fact has read, by unique id; a fact that is not there is left
    out. `goes_forward`: whether the log as it is now goes on from what was read.
    """

    holder: str | None = None
    read_until: Mapping[str, int] = field(default_factory=dict)
    goes_forward: bool = True
    again: frozenset[str] = frozenset()
    replays: tuple[Days, ...] = ()
    noted: Mapping[str, Parts] = field(default_factory=dict)
    history: tuple[Took, ...] = ()


def read_if_free(settings: Settings, manifest: Manifest, archive: Archive, sequence: int) -> WarehouseState:
    """Read the state where nobody builds; waits for nobody, writes nothing."""
    with shared_lock(settings) as holder:
        if holder is not None or not settings.warehouse.is_file():
            return WarehouseState(holder)
        try:
            return read_state(settings, manifest, archive, sequence)
        except duckdb.IOException as error:
            if "lock" not in str(error):
                raise UnusableInput(f"{settings.warehouse}: {error}") from None
            return WarehouseState("another process")  # dbt by hand takes no lock of ours


def read_state(settings: Settings, manifest: Manifest, archive: Archive, sequence: int) -> WarehouseState:
    """Read the state while nobody else can write; `sequence`: the cut that a build would see."""
    if not settings.warehouse.is_file():
        return WarehouseState()
    with closing(duckdb.connect(settings.warehouse, read_only=True)) as connection:
        read = {model: last_read(connection, node) for model, node in facts(manifest).items()}
        built = {model: built_until(connection, node["name"]) for model, node in facts(manifest).items()}
        return WarehouseState(
            read_until={
                model: max(until, built[model]) for model, until in read.items() if until is not None
            },
            goes_forward=goes_forward(connection, archive, sequence, settings.as_of),
            again=frozenset(requested_rebuilds(connection)),
            replays=tuple(requested_days(connection)),
            noted=noted_parts(connection),
            history=tuple(history(connection)),
        )


def last_read(connection: duckdb.DuckDBPyConnection, node: Node) -> int | None:
    """Tell how far a fact has read; None where there is none yet."""
    table = relation(table_of(node))
    try:
        row = connection.execute(f"SELECT coalesce(max(last_sequence), 0) FROM {table}").fetchone()
    except (duckdb.CatalogException, duckdb.BinderException):
        return None
    assert row is not None
    until: int = row[0]
    return until


def built_until(connection: duckdb.DuckDBPyConnection, name: str) -> int:
    """Tell up to which commit a model was built last, where that build came to its end; 0 where it did not.

    A fact of which few keys have rows may have read further than these say.
    """
    try:
        row = connection.execute(
            "SELECT any_value(sequence) FROM audit.build, audit.outcomes "
            "WHERE complete IS NOT NULL AND name = ? HAVING bool_and(passed)",
            [name],
        ).fetchone()
    except (duckdb.CatalogException, duckdb.BinderException):
        return 0
    return row[0] if row else 0
