"""Landing: its speed against a plain copy by the same engine, its cost on a full archive, its memory.

Belongs here: what is measured and how. Not here: the input (`event_stream`) and the table (`__main__`).

The rival of the first measurement is DuckDB's own `COPY (SELECT … FROM read_ndjson(…)) TO … (FORMAT parquet,
COMPRESSION zstd)` with typed columns: it parses and writes, and validates, deduplicates and syncs nothing.
Two more stand beside it, by processor time and at the level of zstd at which segments are written: that copy,
and one that also looks whether each line is JSON and takes the first event of each source and id.
"""

import multiprocessing
import resource
import shutil
import statistics
from functools import cache, partial
from pathlib import Path

import duckdb

from benchmarks.event_stream import write_mixture, write_requests
from benchmarks.measurement import Measurement, cpu_seconds, seconds
from event_archive import Archive, Limits, Source, land
from event_archive.registry.contract import Contracts, load_contracts

CONTRACTS = Path(__file__).parent.parent / "event_archive" / "contracts"
THREADS = 2
SEGMENT_LEVEL = 1  # of zstd
TEXT = ("specversion", "id", "source", "type", "actor", "object", "correlationid")


def landing_against_copy(folder: Path, events: int, rounds: int = 3) -> list[Measurement]:
    """Events per second of landing, as a share of the rival's, for one event type and for four."""
    measurements = []
    for name, write, types in (
        ("one type", write_requests, ["translation.requested.v2"]),
        (
            "four types mixed",
            write_mixture,
            [
                "translation.requested.v2",
                *(f"translation.{verb}.v1" for verb in ("machine_translated", "delivered", "rated")),
            ],
        ),
    ):
        path = write(folder / f"{write.__name__}-{events}.ndjson", events)
        ratios = []
        same_level: dict[str, list[float]] = {"bare COPY": [], "COPY, json_valid, DISTINCT ON": []}
        for _ in range(rounds):
            copy = partial(_copy, path, folder / "copy.parquet", types)
            rival = seconds(copy)
            ours = seconds(partial(land_file, path, folder / "archive", fresh=True))
            ratios.append(rival / ours)
            ours_cpu = cpu_seconds(partial(land_file, path, folder / "archive", fresh=True))
            for is_checked, shares in enumerate(same_level.values()):
                rival_cpu = cpu_seconds(partial(copy, level=SEGMENT_LEVEL, is_checked=bool(is_checked)))
                shares.append(rival_cpu / ours_cpu)
        rates = f"{events / ours:,.0f} against {events / rival:,.0f} events/s"
        label = f"landing {events:,} events, {name}: share of DuckDB's COPY"
        measurements.append(Measurement(label, statistics.median(ratios), ">=", 0.5, rates))
        for (rival_name, shares), bound in zip(same_level.items(), (0.45, 0.75), strict=True):
            label = f"the same, CPU at one level of zstd: share of {rival_name}"
            shown = ", ".join(f"{share:.2f}" for share in shares)
            measurements.append(Measurement(label, statistics.median(shares), ">=", bound, shown))
    return measurements


def landing_into_full_day(folder: Path, events: int, batch: int = 10_000, rounds: int = 3) -> Measurement:
    """Seconds of landing a batch into a day that holds `events`, over those of landing it into nothing."""
    full = write_requests(folder / f"day-{events}.ndjson", events, days=1)
    batches = [
        write_requests(folder / f"batch-{events}-{n}.ndjson", batch, first=events + n * batch, days=1)
        for n in range(rounds)
    ]
    land_file(full, folder / "full", fresh=True)
    ratios = []
    for path in batches:
        into_full = seconds(partial(land_file, path, folder / "full", fresh=False))
        into_nothing = seconds(partial(land_file, path, folder / "archive", fresh=True))
        ratios.append(into_full / into_nothing)
    shutil.rmtree(folder / "full")
    shown = f"{into_full:.2f} s against {into_nothing:.2f} s"
    return Measurement(
        f"landing {batch:,} events into a day of {events:,}: times an empty archive",
        statistics.median(ratios),
        "<=",
        3.0,
        shown,
    )


def landing_memory(folder: Path, gigabytes: float) -> Measurement:
    """Peak resident memory, in gigabytes, of a process that lands a file of that size."""
    path = write_requests(folder / f"large-{gigabytes}.ndjson", int(gigabytes * 1e9 / 503))
    process = multiprocessing.get_context("spawn").Process(target=land_file, args=(path, folder / "archive"))
    process.start()
    process.join()
    if process.exitcode:
        raise SystemExit(f"landing {path} failed")
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 / 1e9
    shown = f"{path.stat().st_size / 1e9:.2f} GB file"
    path.unlink()
    return Measurement("peak memory of landing a large file, GB", peak, "<=", 1.5, shown)


@cache
def contracts() -> Contracts:
    """The company's contracts, read once: reading them is no part of what is compared."""
    return load_contracts(CONTRACTS)


def land_file(path: Path, root: Path, *, fresh: bool = True) -> None:
    """Land a file in an archive, an empty one where it is to be `fresh`; every event must be new."""
    if fresh:
        shutil.rmtree(root, ignore_errors=True)
    archive = Archive(root, contracts(), may_create=True)
    landed = land(archive, Source(path.name, path), limits=Limits(threads=THREADS))
    if landed.counts.accepted != landed.counts.received:
        raise SystemExit(f"{path}: expected every event to be new: {landed.counts}")


def _copy(path: Path, target: Path, types: list[str], level: int = 3, *, is_checked: bool = False) -> None:
    fields: dict[str, str] = {}
    for event_type in types:
        data = contracts()[event_type].data_type
        fields |= {field.name: field.type.sql() for field in data.fields}  # type: ignore[union-attr]
    struct = "STRUCT(" + ", ".join(f"{name} {kind}" for name, kind in fields.items()) + ")"
    columns = dict.fromkeys(TEXT, "VARCHAR") | {
        "time": "TIMESTAMPTZ",
        "objectversion": "BIGINT",
        "data": struct,
    }
    listed = ", ".join(f"{name}: '{kind}'" for name, kind in columns.items())
    with duckdb.connect() as connection:
        connection.execute(f"SET threads = {THREADS}")
        rows = f"SELECT * FROM read_ndjson('{path}', columns = {{{listed}}})"
        if is_checked:
            lines = (
                f"read_csv('{path}', columns = {{line: 'VARCHAR'}}, sep = '\\0', quote = '', header = false)"
            )
            connection.execute(f"SELECT count(*) FROM {lines} WHERE json_valid(line)").fetchall()
            rows = f"SELECT DISTINCT ON (source, id) * FROM ({rows})"
        connection.execute(
            f"COPY ({rows}) TO '{target}' (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL {level})"
        )
