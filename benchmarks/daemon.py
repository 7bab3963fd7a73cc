"""The daemon: seconds from a file in the inbox to the published file that holds it, on an idle machine.

Belongs here: what is measured, and where the time goes. Not here: what runs (`orchestration.automation`). The
company's demo is landed and published before; then `factlog dev`'s processes run, and files with a few
ratings are dropped one after the other, each at another moment of the daemon's round.
"""

import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.measurement import Measurement
from benchmarks.refreshing import FEW, demo_company, new_ratings
from event_archive.store.log import Log
from orchestration import dev
from orchestration.dataset.versions import require_served_version
from orchestration.refresh import refresh
from orchestration.settings import Settings

FILES, PATIENCE = 5, 300.0
BOUND = 15.0  # the aim is 10
LOOKS = 0.05
RUNS = (
    "{ runsOrError(limit: 2) { ... on Runs { results { jobName creationTime startTime endTime status } } } }"
)


def daemon(folder: Path) -> list[Measurement]:
    """Seconds from the inbox to the published file; the slowest of several files."""
    settings = demo_company(folder / "daemon")
    refresh(settings)
    with dagster(settings) as ask:
        spent = []
        for number in range(FILES + 1):
            spent.append(_publish(settings, f"dropped-{number}", ask))
            time.sleep(1.3 * number)  # another moment of the daemon's round
    slowest = max(spent[1:], key=lambda steps: steps["published"])
    return [
        Measurement(
            "the daemon: seconds from the inbox to the published file",
            slowest["published"],
            "<=",
            BOUND,
            ", ".join(f"{step} after {seconds:.1f} s" for step, seconds in slowest.items()),
        )
    ]


def _publish(settings: Settings, name: str, ask: Callable[[str], Any]) -> dict[str, float]:
    """Drop a file and wait until it is published: when what had happened, in seconds since."""
    log = Log(settings.open_archive().storage)
    sequence = len(log.commits()) + 1
    path = settings.home / f"{name}.ndjson"
    path.write_text(new_ratings(settings, FEW, name))
    past = time.time() - 60
    os.utime(path, (past, past))
    dropped = time.time()
    path.rename(settings.inbox / path.name)
    _wait(lambda: len(log.commits()) >= sequence)
    landed = time.time()
    _wait(lambda: require_served_version(settings).sequence >= sequence)
    published = time.time()
    _wait(lambda: all(run["endTime"] for run in _runs(ask)))
    times = {"landed": landed, "published": published}
    for run in _runs(ask):
        times[f"{run['jobName']} asked for"] = run["creationTime"]
        times[f"{run['jobName']} running"] = run["startTime"]
        times[f"{run['jobName']} ended"] = run["endTime"]
    return {step: at - dropped for step, at in sorted(times.items(), key=lambda step: step[1])}


def _runs(ask: Callable[[str], Any]) -> list[dict[str, Any]]:
    """The two newest runs: the landing and the refresh."""
    runs: list[dict[str, Any]] = ask(RUNS)["runsOrError"]["results"]
    return runs


def _wait(until: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not until():
        if time.monotonic() > deadline:
            raise SystemExit("the daemon did not publish")
        time.sleep(LOOKS)


@contextmanager
def dagster(settings: Settings) -> Iterator[Callable[[str], Any]]:
    """Run what `factlog dev` runs, until it serves; gives who asks it by GraphQL."""
    with socket.socket() as free:
        free.bind((dev.HOST, 0))
        port = str(free.getsockname()[1])
    dev.prepare(settings, port)
    with dev.dagster(settings, port) as process:
        dev.wait_until_it_serves(process, settings, port)
        yield partial(dev.ask, port)
