"""Landing many files: their CPU time against that of the same events as one file.

Belongs here: what is measured, and the files. Not here: one large file (`landing`), and reading the formats
(`encodings`).
"""

import gzip
import multiprocessing
from collections.abc import Sequence
from pathlib import Path

import orjson
import pyarrow as pa

from benchmarks.measurement import Measurement, cpu_seconds
from event_archive import Archive, Landed, Limits, Source
from event_archive.landing.land_files import LandingRun
from event_archive.registry.contract import load_contracts
from examples.company.simulation import emit

CONTRACTS = Path(__file__).parent.parent / "event_archive" / "contracts"
EVENTS_OF_A_SMALL_FILE = 20
SECONDS = 60


def landing_many_files(folder: Path, share: float) -> list[Measurement]:
    """Land the demo's files, and its events in files of 20, each against one file."""
    emitted = emit(folder / "demo", scale=share)
    lines = [line for path in emitted.files if ".repeated." not in path.name for line in _lines(path)]
    small = lines[: int(10_000 * share) * EVENTS_OF_A_SMALL_FILE]
    starts = range(0, len(small), EVENTS_OF_A_SMALL_FILE)
    files = [small[start : start + EVENTS_OF_A_SMALL_FILE] for start in starts]
    inputs = {
        "demo": list(emitted.files),
        "one": [_write(folder / "one.ndjson", lines)],
        "small": [_write(folder / f"small-{number:05d}.ndjson", part) for number, part in enumerate(files)],
    }
    spent = {name: _cpu(paths, folder / f"archive-{name}") for name, paths in inputs.items()}
    one = f"one file {spent['one']:.1f} s"
    return [
        Measurement(
            f"landing the demo's {len(emitted.files)} files: CPU, times one file",
            spent["demo"] / spent["one"],
            "<=",
            2,
            f"{spent['demo']:.1f} s of CPU, {one}",
        ),
        Measurement(
            f"landing {len(files):,} files of {EVENTS_OF_A_SMALL_FILE} events: CPU, times one file",
            spent["small"] / spent["one"],
            "<=",
            SECONDS / 3,
            f"{spent['small']:.1f} s of CPU, {one}",
        ),
    ]


def _lines(path: Path) -> list[bytes]:
    content = path.read_bytes()
    if path.suffix == ".gz":
        content = gzip.decompress(content)
    elif path.suffix == ".zst":
        content = pa.input_stream(pa.py_buffer(content), compression="zstd").read()
    if path.suffix == ".json":
        return [orjson.dumps(event) for event in orjson.loads(content)]
    return content.rstrip(b"\n").split(b"\n")


def _write(path: Path, lines: Sequence[bytes]) -> Path:
    path.write_bytes(b"\n".join([*lines, b""]))
    return path


def _cpu(paths: Sequence[Path], root: Path) -> float:
    """Return how many seconds of CPU it takes to land files into a new archive, in a process of their own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_land, (paths, root))


def _land(paths: Sequence[Path], root: Path) -> float:
    archive = Archive(root, load_contracts(CONTRACTS), may_create=True)

    def land_all() -> None:
        run = LandingRun(archive, [(Source(path.name, path), None) for path in paths], limits=Limits())
        for _, outcome in run.outcomes():
            if not isinstance(outcome, Landed):
                raise outcome

    return cpu_seconds(land_all)
