"""A trial: the archived events validated under a proposed contract, before it is released.

Belongs here: which events a proposal concerns, how each reads under it, and counts of those that it would
reject. Not here: comparing contracts without data (`compatibility`), and who reads the fields that change.
A trial writes nothing.

Events of the proposed major are validated as they came: their JSON value, by the proposed schema and column
types. Events of older majors are validated as the view would show them: what the chain of upcasts gives.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from event_archive.archive import Archive
from event_archive.engine import Relations, open_engine
from event_archive.errors import UnusableInput
from event_archive.evolution.trial_faults import Fault, contract_fault
from event_archive.evolution.trial_result import Row, Trial
from event_archive.evolution.trial_upcasts import try_older_major
from event_archive.landing.deduplicate import event_content
from event_archive.registry.contract import Contract, Contracts
from event_archive.registry.exact_values import Inexact, to_column
from event_archive.store.commit import Commit, Segment, standing_segments
from event_archive.store.parquet_file import open_parquet

BATCH_BYTES = 16 << 20
MAX_BATCH_ROWS = 8192
READ_COLUMNS = ["event_id", "source", "actor_type", "event_date", "data", "extra"]


@dataclass(frozen=True)
class Days:
    """Days of events, from `first` up to `end`, which is not one of them."""

    first: date
    end: date

    def __contains__(self, day: str) -> bool:
        return self.first.isoformat() <= day < self.end.isoformat()


def propose(contracts: Contracts, proposal: Contract) -> Contracts:
    """The contracts as they would be with the proposal among them; raises UnusableInput."""
    others = [contract for contract in contracts.values() if contract.type != proposal.type]
    for other in others:
        same_object = (other.object_type, other.verb) == (proposal.object_type, proposal.verb)
        if other.view_name == proposal.view_name and not same_object:
            raise UnusableInput(
                f"{proposal.path}: type: {proposal.type} and {other.type} would share the view "
                f"events.{other.view_name}; rename one"
            )
    proposed = Contracts([*others, proposal])
    majors = proposed.majors(proposal.view_name)
    if majors[0].upcast is not None:
        raise UnusableInput(
            f"{majors[0].upcast.place}: there is no contract of major {majors[0].major - 1} to upcast from"
        )
    proposed.check_upcasts(proposal.view_name)
    return proposed


def try_contract(
    archive: Archive, proposal: Contract, days: Days | None = None, *, memory_bytes: int = 1 << 30
) -> Trial:
    """Validate the archived events of the proposal's object and verb, of its major and of older ones."""
    proposed = propose(archive.contracts, proposal)
    trial = Trial()
    with open_engine(threads=1, memory_bytes=memory_bytes) as connection:
        for landed in archive.contracts.majors(proposal.view_name):
            if landed.major > proposal.major:
                continue
            trial.tried[landed.type] = 0
            for commit, segment in _segments(archive, landed.type, days):
                location = archive.files.location(segment)
                for batch in _batches(location, days):
                    trial.tried[landed.type] += batch.num_rows
                    table = _typed(connection, batch, landed)
                    if landed.major == proposal.major:
                        faults = _try_same_major(table, landed, proposal)
                    else:
                        faults = try_older_major(connection, table, landed, proposed, proposal)
                    for row, fault in faults:
                        trial.reject(landed.type, row, fault, commit)
    return trial


def _segments(archive: Archive, event_type: str, days: Days | None) -> Iterator[tuple[Commit, Segment]]:
    for commit, segment in standing_segments(archive.log.commits()):
        if segment.type == event_type and (days is None or any(day in days for day in segment.days)):
            yield commit, segment


def _batches(location: str, days: Days | None) -> Iterator[pa.Table]:
    """The events of a segment, a few megabytes at a time."""
    with open_parquet(location) as file:
        groups = [file.metadata.row_group(number) for number in range(file.num_row_groups)]
        row_bytes = sum(group.total_byte_size for group in groups) // max(file.metadata.num_rows, 1) + 1
        size = max(1, min(MAX_BATCH_ROWS, BATCH_BYTES // row_bytes))
        for batch in file.iter_batches(batch_size=size, columns=READ_COLUMNS):
            table = pa.Table.from_batches([batch])
            if days is not None:
                day = table["event_date"]
                table = table.filter(
                    pc.and_(pc.greater_equal(day, pa.scalar(days.first)), pc.less(day, pa.scalar(days.end)))
                )
            if table.num_rows:
                yield table


def _typed(connection: duckdb.DuckDBPyConnection, batch: pa.Table, contract: Contract) -> pa.Table:
    """A batch with its row numbers as `n`, its data typed as the view types them: by the newest revision."""
    numbered = batch.append_column("n", pa.array(range(batch.num_rows), pa.int64()))
    typed = f"CAST(data AS {contract.data_type.sql()}) AS data"
    with Relations(connection) as relations:
        events = relations.register("batch", numbered)
        return connection.sql(f"SELECT * REPLACE ({typed}) FROM {events} ORDER BY n").to_arrow_table()


def _try_same_major(table: pa.Table, landed: Contract, proposal: Contract) -> Iterator[tuple[Row, Fault]]:
    for row in table.to_pylist():
        data = event_content(landed, row)["data"]
        fault = _actor_fault(row["actor_type"], proposal) or contract_fault(proposal, data)
        if fault is None:
            try:
                to_column(proposal.data_type, data)
            except Inexact as error:
                place, _, why = str(error).partition(": ")
                fault = Fault(place, "does not fit its column exactly", None, why)
        if fault is not None:
            yield row, fault


def _actor_fault(actor_type: str, proposal: Contract) -> Fault | None:
    if actor_type in proposal.actor_types:
        return None
    return Fault("actor", f"is not {' or '.join(proposal.actor_types)}", actor_type)
