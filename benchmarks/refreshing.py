"""Refreshing: `factlog refresh` from nothing against a bare `dbt build`, and with no, few or many new events.

Belongs here: what is measured and how. Not here: the models. Both build and test every model of the demo's
events into a new warehouse, with dbt's parsed project at hand; a refresh also audits, copies, digests and
publishes.
"""

import json
import statistics
from collections.abc import Iterable
from pathlib import Path

from benchmarks.measurement import Measurement
from benchmarks.processes import FACTLOG, bare_dbt, spent_on_company
from event_archive import Source, land
from event_archive.decoding.sources import find_sources
from examples.company.simulation import emit
from orchestration.dbt.process import run_dbt
from orchestration.settings import Settings

FEW, MANY = 20, 10_000
RATED = b'"translation.rated.v1"'
RATER, NO_DAY = b'"actor":"customer/', b"-02-30T"  # some are damaged on purpose


def refresh_against_build(folder: Path, rounds: int = 3) -> list[Measurement]:
    """Seconds of a refresh from nothing, over a bare `dbt build`'s; CPU time of one with nothing new."""
    settings = demo_company(folder / "company")
    run_dbt(settings, ["parse"])
    ratios = []
    for _ in range(rounds):
        bare = _from_nothing(bare_dbt(settings, "build"), settings)
        ours = _from_nothing([*FACTLOG, "refresh", "--full"], settings)
        ratios.append(ours / bare)
    pairs = [
        (
            spent_on_company([*FACTLOG, "refresh"], settings).cpu,
            spent_on_company([*FACTLOG, "refresh", "--full"], settings).cpu,
        )
        for _ in range(rounds)
    ]
    quiet, full = (statistics.median(spent) for spent in zip(*pairs, strict=True))
    few, many = (_with_new(settings, number) for number in (FEW, MANY))
    return [
        Measurement(
            "factlog refresh from nothing: times a bare dbt build",
            statistics.median(ratios),
            "<=",
            1.4,
            f"{ours:.1f} s against {bare:.1f} s",
        ),
        Measurement(
            "factlog refresh with nothing new: CPU time, times one from nothing",
            quiet / full,
            "<=",
            0.12,
            f"{quiet:.2f} s of CPU against {full:.1f} s",
        ),
        Measurement(
            f"factlog refresh with {FEW} new events of one type: CPU time, times one from nothing",
            few / full,
            "<=",
            0.7,
            f"{few:.1f} s of CPU against {full:.1f} s",
        ),
        Measurement(
            f"factlog refresh with {MANY:,} new events of one type: CPU time, times one from nothing",
            many / full,
            "<=",
            0.75,
            f"{many:.1f} s of CPU against {full:.1f} s",
        ),
    ]


def demo_company(home: Path) -> Settings:
    """An installation in which the demo's events have landed."""
    settings = Settings(home=home)
    archive = settings.open_archive(may_create=True)
    for source in find_sources(map(str, emit(settings.home / "files").files)):
        land(archive, source, limits=settings.limits)
    return settings


def new_ratings(settings: Settings, number: int, name: str) -> str:
    """So many new ratings of the demo, a line each; `name` tells them from others."""
    files = (path for path in (settings.home / "files").rglob("*") if path.suffix == ".ndjson")
    return rated_again([line for path in files for line in path.read_bytes().splitlines()], number, name)


def rated_again(lines: Iterable[bytes], number: int, name: str) -> str:
    """So many new ratings, a line each, of translations that have one among these lines."""
    rated = [line for line in lines if RATED in line and RATER in line and NO_DAY not in line]
    rated = [line for line in rated if line.isascii()]
    new = [json.loads(rated[place % len(rated)]) | {"id": f"{name}-{place}"} for place in range(number)]
    return "".join(json.dumps(event) + "\n" for event in new)


def _with_new(settings: Settings, number: int) -> float:
    """CPU time of a refresh after so many ratings have landed."""
    path = settings.home / f"{number}.ndjson"
    path.write_text(new_ratings(settings, number, f"{number}"))
    landed = land(settings.open_archive(), Source(path.name, path), limits=settings.limits)
    assert landed.counts.accepted == number
    return spent_on_company([*FACTLOG, "refresh"], settings).cpu


def _from_nothing(command: list[str], settings: Settings) -> float:
    settings.warehouse.unlink(missing_ok=True)
    return spent_on_company(command, settings).seconds
