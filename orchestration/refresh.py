"""Deriving the reporting dataset from the log in one go: build every model, check, publish.

Belongs here: the order of these steps for whoever asks, the command line or a person. Not here: the steps
themselves. Dagster takes the same steps one by one (`dbt_assets`, `published`), to show each in its UI.
"""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from event_archive.errors import UnusableInput
from orchestration.audit import Check, record
from orchestration.dbt_process import first_lines, run_dbt
from orchestration.locking import warehouse_lock
from orchestration.publishing import Publication, PublishingRefused, publish_locked
from orchestration.settings import Settings


@dataclass(frozen=True)
class Refreshed:
    """What a refresh did: up to which commit, how many models and tests, and what is served now."""

    sequence: int
    models: int
    tests: int
    seconds: float
    publication: Publication


def refresh(
    settings: Settings,
    *,
    from_nothing: bool = False,
    variables: Mapping[str, object] | None = None,
    say: Callable[[str], None] | None = None,
) -> Refreshed:
    """Build, check and publish; raises PublishingRefused where a model or a blocking check does not hold."""
    started = time.monotonic()
    with warehouse_lock(settings, "a refresh", say=say) as lock:
        outcomes, sequence = build(settings, lock, from_nothing=from_nothing, variables=variables or {})
        publication = publish_locked(settings)
    tests = sum(check.is_test for check in outcomes)
    return Refreshed(sequence, len(outcomes) - tests, tests, time.monotonic() - started, publication)


def build(
    settings: Settings, lock: int, *, from_nothing: bool, variables: Mapping[str, object]
) -> tuple[list[Check], int]:
    """Build and test every model over the log as it is now; needs the warehouse's lock."""
    head = settings.open_archive().log.head()
    sequence = head.sequence if head else 0
    arguments = ["build", "--vars", json.dumps(dict(variables))]
    if from_nothing:
        arguments.append("--full-refresh")
    results = settings.dbt_target / "run_results.json"
    results.unlink(missing_ok=True)
    said = run_dbt(replace(settings, cut=sequence), arguments, lock=lock)
    if not results.exists():
        raise UnusableInput(f"dbt build: {first_lines(said)}; details: {settings.dbt_target / 'dbt.log'}")
    outcomes = record(settings)
    if any(check.blocking and not check.passed for check in outcomes):
        raise PublishingRefused(outcomes)
    return outcomes, sequence
