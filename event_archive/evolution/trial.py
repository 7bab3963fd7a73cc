"""A trial: the archived events judged under a proposed contract, before it is released.

Belongs here: which events a proposal concerns, how each reads under it, and counts of those that it would
refuse. Not here: comparing contracts without data (`compatibility`), and who reads the fields that change.
A trial writes nothing.

Events of the proposed major are judged as they came: their JSON value, by the proposed schema and column
types. Events of older majors are judged as the view would show them: what the chain of upcasts gives.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from itertools import pairwise
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from event_archive.archive import Archive
from event_archive.errors import UnusableInput
from event_archive.evolution.trial_faults import Fault, contract_fault
from event_archive.landing.deduplicate import event_content
from event_archive.registry.column_types import Struct
from event_archive.registry.contract import Contract, Contracts, check_upcast
from event_archive.registry.exact_values import Inexact, from_column, to_column
from event_archive.registry.majors import step_sql
from event_archive.registry.upcast_compiler import field_sql
from event_archive.store.commit import Commit, Segment

BATCH_BYTES = 16 << 20
MAX_BATCH_ROWS = 8192
EXAMPLES = 3
MAX_GROUPS = 1000  # of refusals; what comes beyond is counted under one more
OTHER = Fault("…", "another place or reason")
READ_COLUMNS = ["event_id", "source", "actor_type", "event_date", "data", "extra"]
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Days:
    """Days of events, from `first` up to `end`, which is not one of them."""

    first: date
    end: date

    def __contains__(self, day: str) -> bool:
        return self.first.isoformat() <= day < self.end.isoformat()


@dataclass(frozen=True)
class RefusedExample:
    """One event that would be refused: which, with which commit and from where it landed, and the value."""

    event_id: str
    sequence: int
    origin: str
    value: Any
    detail: str


@dataclass
class RefusedGroup:
    """Events of one producer that would be refused at one place for one reason."""

    type: str
    place: str
    reason: str
    source: str
    events: int = 0
    examples: list[RefusedExample] = field(default_factory=list)


@dataclass
class Trial:
    """What came of it: events tried, by type, and those that would be refused."""

    tried: dict[str, int] = field(default_factory=dict)
    groups: dict[tuple[str, str, str, str], RefusedGroup] = field(default_factory=dict)

    @property
    def rejected(self) -> int:
        """How many events would be refused."""
        return sum(group.events for group in self.groups.values())

    def ordered(self) -> list[RefusedGroup]:
        """The refusals, most events first."""
        return sorted(
            self.groups.values(),
            key=lambda one: (-one.events, one.type, one.place, one.reason, one.source),
        )

    def refuse(self, event_type: str, row: Row, fault: Fault, commit: Commit) -> None:
        """Count one refusal, and keep it as an example where there are few yet."""
        key = event_type, fault.place, fault.reason, row["source"]
        if key not in self.groups and len(self.groups) >= MAX_GROUPS:
            key = event_type, OTHER.place, OTHER.reason, "…"
        group = self.groups.setdefault(key, RefusedGroup(*key))
        group.events += 1
        if len(group.examples) < EXAMPLES:
            group.examples.append(
                RefusedExample(row["event_id"], commit.sequence, commit.origin, fault.value, fault.detail)
            )


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
    for older, newer in pairwise(majors):
        check_upcast(older, newer)
    return proposed


def try_contract(
    archive: Archive, proposal: Contract, days: Days | None = None, *, memory_bytes: int = 1 << 30
) -> Trial:
    """Judge the archived events of the proposal's object and verb, of its major and of older ones."""
    proposed = propose(archive.contracts, proposal)
    trial = Trial()
    with duckdb.connect() as connection:
        connection.execute(f"SET memory_limit = '{max(memory_bytes >> 20, 64)}MiB'")
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("SET threads = 1")
        for landed in archive.contracts.majors(proposal.view_name):
            if landed.major > proposal.major:
                continue
            trial.tried[landed.type] = 0
            for commit, segment in _segments(archive, landed.type, days):
                location = archive.storage.location(segment.path)
                for batch in _batches(location, days):
                    trial.tried[landed.type] += batch.num_rows
                    table = _typed(connection, batch, landed)
                    if landed.major == proposal.major:
                        faults = _judge_same_major(table, landed, proposal)
                    else:
                        faults = _judge_older_major(connection, table, landed, proposed, proposal)
                    for row, fault in faults:
                        trial.refuse(landed.type, row, fault, commit)
    return trial


def _segments(archive: Archive, event_type: str, days: Days | None) -> Iterator[tuple[Commit, Segment]]:
    for commit in archive.log.commits():
        for segment in commit.segments:
            if segment.type == event_type and (days is None or any(day in days for day in segment.days)):
                yield commit, segment


def _batches(location: str, days: Days | None) -> Iterator[pa.Table]:
    """The events of a segment, a few megabytes at a time."""
    with pq.ParquetFile(location) as file:
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
    connection.register("batch", numbered)
    sql = f"SELECT * REPLACE (CAST(data AS {contract.data_type.sql()}) AS data) FROM batch ORDER BY n"
    table = connection.sql(sql).to_arrow_table()
    connection.unregister("batch")
    return table


def _judge_same_major(table: pa.Table, landed: Contract, proposal: Contract) -> Iterator[tuple[Row, Fault]]:
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


def _judge_older_major(
    connection: duckdb.DuckDBPyConnection,
    table: pa.Table,
    landed: Contract,
    proposed: Contracts,
    proposal: Contract,
) -> Iterator[tuple[Row, Fault]]:
    """Run the upcasts of a batch, one major at a time; what fails is looked at field by field."""
    rows = table.select(["event_id", "source"]).to_pylist()
    connection.register("landed", table.select(["n", "data"]))
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE events AS SELECT n, CAST(data AS {landed.data_type.sql()}) AS data "
        "FROM landed"
    )
    connection.unregister("landed")
    older = landed
    for newer in proposed.majors(proposal.view_name):
        if not older.major < newer.major <= proposal.major:
            continue
        connection.execute(
            f"CREATE OR REPLACE TEMP TABLE read AS SELECT n, TRY({step_sql(proposed, newer)}) AS data "
            "FROM events"
        )
        for number, fault in _failures(connection, older, newer):
            yield rows[number], fault
        connection.execute("CREATE OR REPLACE TEMP TABLE events AS SELECT * FROM read WHERE data IS NOT NULL")
        older = newer
    for row in connection.sql("SELECT n, data FROM events ORDER BY n").to_arrow_table().to_pylist():
        rejected = contract_fault(proposal, from_column(proposal.data_type, row["data"]))
        if rejected is not None:
            yield rows[row["n"]], rejected


def _failures(
    connection: duckdb.DuckDBPyConnection, older: Contract, newer: Contract
) -> Iterator[tuple[int, Fault]]:
    """The events that failed between the tables `events` and `read`, each by its first field."""
    ((failed,),) = connection.execute("SELECT count(*) FROM read WHERE data IS NULL").fetchall()
    if not failed:
        return
    assert newer.upcast is not None and isinstance(newer.data_type, Struct)
    fields = field_sql(newer.upcast, older.data_type, newer.data_type, "data")
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE failed AS SELECT * FROM events SEMI JOIN "
        "(SELECT n FROM read WHERE data IS NULL) USING (n)"
    )
    # A value may well be NULL; a struct around it is NULL only where the value can't be computed.
    tests = ", ".join(f"TRY(struct_pack(one := {sql})) IS NULL" for sql in fields.values())
    explained: dict[str, int] = {}
    for number, *fails in connection.execute(f"SELECT n, {tests} FROM failed ORDER BY n").fetchall():
        name = next((name for name, does in zip(fields, fails, strict=True) if does), "")
        explained[name] = explained.get(name, 0) + 1
        shown = name and explained[name] <= EXAMPLES
        detail = _why(connection, fields[name], number) if shown else ""
        yield (
            number,
            Fault(f"data.{name}" if name else "data", f"does not read as {newer.type}", None, detail),
        )


def _why(connection: duckdb.DuckDBPyConnection, sql: str, number: int) -> str:
    """What the engine says of the one value that fails."""
    try:
        connection.execute(f"SELECT {sql} FROM failed WHERE n = {int(number)}").fetchall()
    except duckdb.Error as error:
        return str(error).splitlines()[0]
    return ""
