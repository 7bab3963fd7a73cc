"""The benchmarks' large archives: events of the example company, landed day by day for up to a year.

Belongs here: making such an archive quickly, the same for the same arguments, and the file that lands next.
Not here: measuring.

The company's simulated events are landed once, for real. Each of the archive's commits then holds, of every
event that arrived on its day, as many copies as there are to be, each with other ids of event, object,
customer and editor: as if the company had that many times the customers, so that every mart gets its rows and
every test holds. Copies are made in columns and written by the archive's own segment writer. A larger archive
holds more days, not larger ones: that is how an archive grows.
"""

import hashlib
import shutil
import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from pathlib import Path

import duckdb
import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from event_archive import Archive, Limits, Source, land
from event_archive.landing.segment_file import Written, event_columns, write_segment
from event_archive.registry.contract import Contract, load_contracts
from event_archive.sql_text import quoted, sql_list
from event_archive.store.commit import LANDING, NOTHING_BEFORE, Commit, Counts, segments_of
from event_archive.store.key_index import KeyIndex
from examples.company.scenario import Scenario
from examples.company.simulation import simulate
from examples.company.wire import Event, day_of

CONTRACTS = Path(__file__).parent.parent / "event_archive" / "contracts"
EVENTS_PER_DAY = 54_795  # 20 million in a year
FEWEST_DAYS = 33  # a first of a month is among them: there are invoices
SCALE = 0.5
SHARED = ("engine", "price_list")  # the company has these once, however many customers there are
COPIED_FIELDS = ("customer_id", "editor_id")
RANDOM_FIELDS = ("document_id", "payment_id", "session_id")
RANDOM_COLUMNS = ("event_id", "correlation_id", "causation_id", "corrects", "voids")
COPIED_ACTORS = ("customer", "editor")
# A file without corrections has no columns for them.
UNCORRECTED = "SELECT CAST(NULL AS VARCHAR) AS corrects, CAST(NULL AS VARCHAR) AS voids WHERE FALSE"
LATE_SHARE, LATEST_DAYS = 300, 21  # one event in so many is late, by up to so many days


@dataclass(frozen=True)
class LargeArchive:
    """An archive in folder `home`/archive that holds about as many events as were asked for."""

    home: Path
    scenario: Scenario
    copies: int

    def next_landing(self, number: int, events: int) -> Path:
        """The NDJSON file of some events of the day after the archive's last; each `number` has others."""
        path = self.home / f"next-{number}.ndjson"
        lines = islice(self._next_lines(), number * events, (number + 1) * events)
        path.write_bytes(b"\n".join(lines) + b"\n")
        return path

    def _next_lines(self) -> Iterator[bytes]:
        coming = [event for event in simulate(self.scenario) if arrival_day(event) >= self.scenario.last_day]
        for copy in range(self.copies):
            for event in coming:
                if event.type.split(".")[0] not in SHARED:
                    yield copied_line(event.line, copy)


def large_archive(folder: Path, events: int) -> LargeArchive:
    """Make an archive of about this many events below `folder`; one that is there is taken as it is."""
    days = max(FEWEST_DAYS, round(events / EVENTS_PER_DAY))
    # One day more is simulated than is archived: it is what lands next.
    scenario = Scenario.sized(days=days + 1, scale=SCALE)
    simulated = simulate(scenario)
    archived = sum(arrival_day(event) < scenario.last_day for event in simulated)
    large = LargeArchive(folder / f"company-{events}", scenario, max(1, round(events / archived)))
    if not large.home.exists():
        unfinished = folder / f"company-{events}.part"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        archive = Archive(unfinished / "archive", load_contracts(CONTRACTS), may_create=True)
        archive.log.move_anchor()  # it is there before anything else, as a first landing makes it
        _fill(archive, large, simulated, unfinished)
        unfinished.rename(large.home)
    return large


def arrival_day(event: Event) -> date:
    """The day on which an event lands: its own, but for some."""
    drawn = int.from_bytes(hashlib.blake2b(event.id.encode(), digest_size=8).digest())
    late = 1 + drawn // LATE_SHARE % LATEST_DAYS if drawn % LATE_SHARE == 0 else 0
    return day_of(event.at) + timedelta(days=late)


def copied_line(line: bytes, copy: int) -> bytes:
    """An event on the wire with the ids of a copy: what `_copies` does in columns."""
    event = orjson.loads(line)
    for name in ("id", "correlationid", "causationid", "corrects", "voids"):
        if name in event:
            event[name] = str(uuid.UUID(hashlib.md5(f"{event[name]}/{copy}".encode()).hexdigest()))
    event["object"] += f"x{copy}"
    if event["actor"].split("/")[0] in COPIED_ACTORS:
        event["actor"] += f"x{copy}"
    for field in COPIED_FIELDS:
        if field in event["data"]:
            event["data"][field] += f"x{copy}"
    return orjson.dumps(event)


def _fill(archive: Archive, large: LargeArchive, simulated: list[Event], folder: Path) -> None:
    """Write one commit per day."""
    with duckdb.connect() as connection, ThreadPoolExecutor(2) as background:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("SET arrow_lossless_conversion = true")
        tables = _land_once(archive, simulated, folder, connection)
        first, last = large.scenario.first_day, large.scenario.last_day
        for number in range((last - first).days):
            day = first + timedelta(days=number)
            pending = [
                background.submit(_write, rows, contract, folder)
                for name, contract in tables.items()
                if (rows := _copies(connection, name, contract, day, large.copies)).num_rows
            ]
            night = datetime.combine(day + timedelta(days=1), time(2), UTC)
            commit_files(archive, night, f"company-{day}.ndjson", [future.result() for future in pending])
    index_keys(archive, folder)


def _write(rows: pa.Table, contract: Contract, folder: Path) -> Written:
    """Write a day's events of one type as if their file held these alone."""
    numbers = np.arange(1, 1 + pc.max(rows["n"]).as_py() + 1)
    return write_segment(
        rows, (numbers, np.ones_like(numbers)), contract, folder / f"{contract.type}.parquet"
    )


def index_keys(archive: Archive, folder: Path) -> None:
    """Leave the index of keys as the landings of these days would have."""
    commits = archive.log.commits()
    with duckdb.connect() as connection:
        KeyIndex(archive.storage, archive.files, connection, commits, folder).keep(commits[-1])


def _land_once(
    archive: Archive, simulated: list[Event], folder: Path, connection: duckdb.DuckDBPyConnection
) -> dict[str, Contract]:
    """Land the simulated events in an archive of their own, and load them: a table per event type."""
    lines = folder / "simulated.ndjson"
    lines.write_bytes(b"\n".join(event.line for event in simulated) + b"\n")
    once = Archive(folder / "once", archive.contracts, may_create=True)
    land(once, Source(lines.name, lines), limits=Limits(threads=2))
    arrivals = pa.table(
        {
            "event_id": [event.id for event in simulated],
            "arrival_day": pa.array([arrival_day(event) for event in simulated], pa.date32()),
        }
    )
    connection.register("arrivals", arrivals)
    segments = segments_of(once.log.commits())
    tables = {segment.type: archive.contracts[segment.type] for segment in segments}
    for event_type in tables:
        files = [once.storage.location(segment.path) for segment in segments if segment.type == event_type]
        connection.execute(
            f"CREATE TABLE {quoted(event_type)} AS SELECT events.*, arrival_day, "
            "row_number() OVER (ORDER BY occurred_at, event_id) AS place "
            f"FROM ({UNCORRECTED} UNION ALL BY NAME "
            f"SELECT * FROM read_parquet({sql_list(files)}, union_by_name = true)) AS events "
            "JOIN arrivals USING (event_id) ORDER BY arrival_day, place"
        )
    connection.unregister("arrivals")
    shutil.rmtree(once.root)
    lines.unlink()
    return tables


def _copies(
    connection: duckdb.DuckDBPyConnection, name: str, contract: Contract, day: date, copies: int
) -> pa.Table:
    """The events of one type that arrive on a day, in all their copies."""
    is_shared = contract.type.split(".")[0] in SHARED
    fields = [field.name for field in contract.data_type.fields]  # type: ignore[union-attr]
    data = ", ".join(f"{quoted(field)} := {_copied_field(field)}" for field in fields)
    changed = {
        **{name: f"CAST({_other_uuid(name)} AS VARCHAR)" for name in RANDOM_COLUMNS},
        "occurred_at": "occurred_at + to_microseconds(copy * 7)",
        "object_id": "object_id || suffix",
        "actor_id": f"actor_id || CASE WHEN actor_type IN {COPIED_ACTORS} THEN suffix ELSE '' END",
        "data": f"struct_pack({data})",
    }
    columns = ", ".join(
        column if is_shared else f"CAST({changed.get(column, column)} AS {kind}) AS {column}"
        for column, kind in event_columns(contract).items()
    )
    table = connection.sql(
        f"SELECT {columns}, place * {copies} + copy AS n FROM {quoted(name)}, "
        f"(SELECT range AS copy, 'x' || range AS suffix FROM range({1 if is_shared else copies})) "
        f"WHERE arrival_day = DATE '{day}'"
    ).to_arrow_table()
    return table.cast(pa.schema([part.with_type(_plain(part.type)) for part in table.schema]))


def _copied_field(field: str) -> str:
    name = f"data.{quoted(field)}"
    if field in COPIED_FIELDS:
        return f"{name} || suffix"
    return _other_uuid(name) if field in RANDOM_FIELDS else name


def _other_uuid(name: str) -> str:
    """As random as the id was: copies that looked alike would compress to nothing."""
    return f"CAST(md5(CAST({name} AS VARCHAR) || '/' || copy) AS UUID)"


def _plain(kind: pa.DataType) -> pa.DataType:
    """As `event_archive.landing.segment_file` does: plain booleans."""
    return pa.bool_() if isinstance(kind, pa.Bool8Type) else kind


def commit_files(archive: Archive, landed_at: datetime, origin: str, files: Sequence[Written]) -> None:
    """Commit files as a landing of that moment would have."""
    for written in files:
        archive.storage.adopt(written.file, written.segment.path)
    head = archive.log.head()
    rows = sum(written.segment.rows for written in files)
    commit = Commit(
        sequence=head.sequence + 1 if head else 1,
        previous=head.digest if head else NOTHING_BEFORE,
        kind=LANDING,
        landed_at=landed_at,
        batch=hashlib.sha256(origin.encode()).hexdigest(),
        batch_bytes=0,
        origin=origin,
        counts=Counts(received=rows, accepted=rows),
        segments=tuple(written.segment for written in files),
    )
    if not archive.log.append(commit):
        raise SystemExit(f"{archive.root}: somebody else writes to this archive")
