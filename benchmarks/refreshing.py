"""Refreshing: `factlog refresh` from nothing against a bare `dbt build` of the same models.

Belongs here: what is measured and how. Not here: the models. Both build and test every model of the demo's
events into a new warehouse, with dbt's parsed project at hand; a refresh also audits, copies, digests and
publishes.
"""

import statistics
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.measurement import Measurement
from event_archive import land
from event_archive.decoding.sources import find_sources
from examples.company.simulation import emit
from orchestration.dbt.process import dbt_executable, run_dbt
from orchestration.settings import Settings

FACTLOG = [sys.executable, "-c", "from orchestration.command_line import main; main()"]


def refresh_against_build(folder: Path, rounds: int = 3) -> Measurement:
    """Seconds of a refresh from nothing, over those of a bare `dbt build`."""
    settings = Settings(home=folder / "company")
    archive = settings.open_archive()
    for source in find_sources(map(str, emit(settings.home / "files").files)):
        land(archive, source, limits=settings.limits)
    run_dbt(settings, ["parse"])
    build = [dbt_executable(), "--quiet", "build", "--full-refresh"]
    build += ["--project-dir", str(settings.dbt_project), "--profiles-dir", str(settings.dbt_project)]
    build += ["--target-path", str(settings.dbt_target), "--log-path", str(settings.dbt_target)]
    ratios = []
    for _ in range(rounds):
        bare = _seconds(build, settings)
        ours = _seconds([*FACTLOG, "refresh", "--full"], settings)
        ratios.append(ours / bare)
    return Measurement(
        "factlog refresh from nothing: times a bare dbt build",
        statistics.median(ratios),
        "<=",
        1.3,
        f"{ours:.1f} s against {bare:.1f} s",
    )


def _seconds(command: list[str], settings: Settings) -> float:
    settings.warehouse.unlink(missing_ok=True)
    started = time.perf_counter()
    done = subprocess.run(
        command,
        env=settings.environment(),
        cwd=settings.dbt_project.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"{command[1:]} failed: {done.stdout} {done.stderr}")
    return time.perf_counter() - started
