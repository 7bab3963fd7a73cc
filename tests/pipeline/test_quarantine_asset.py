"""The quarantine in Dagster: what is counted, and when a contract's threshold warns."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from event_archive import recover
from orchestration.assets.keys import QUARANTINE
from orchestration.assets.quarantine import CHECK
from orchestration.settings import Settings
from support.installation import land_events, new_installation, note
from support.runs import dagster_instance, materializations, run

READ = "note.read.v1"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """An empty installation."""
    return new_installation(tmp_path)


@pytest.fixture
def instance(settings: Settings) -> Iterator[dg.DagsterInstance]:
    """The instance that `make dev` would use."""
    with dagster_instance(settings) as instance:
        yield instance


def looked_at(
    settings: Settings, instance: dg.DagsterInstance
) -> tuple[dict[str, object], dg.AssetCheckEvaluation]:
    """Run the landing job: the metadata of the quarantine, and what its check said."""
    result = run(settings, instance, "land")
    assert result.success
    metadata = materializations(result)["archive/quarantine", None].metadata
    key = dg.AssetCheckKey(QUARANTINE, CHECK)
    [check] = [made for made in result.get_asset_check_evaluations() if made.asset_check_key == key]
    return {name: value.value for name, value in metadata.items()}, check


def wordless(number: int, verb: str) -> dict[str, object]:
    """An event without what its contract requires."""
    return {**note(number, "2026-01-02", verb), "data": {"notebook": "red"}}


def test_the_quarantine_is_counted_by_state_and_checked_per_contract(
    settings: Settings, instance: dg.DagsterInstance
) -> None:
    counts, check = looked_at(settings, instance)
    assert (counts["refused"], check.passed) == (0, True)

    good = [note(number, "2026-01-02", verb) for number in range(9) for verb in ("written", "read")]
    bad: list[dict[str, object]] = [wordless(9, "written"), wordless(9, "read"), {"type": "nonsense"}]
    land_events(settings, [*good, *bad])
    counts, check = looked_at(settings, instance)
    assert (counts["refused"], counts["recovered"]) == (3, 0)
    assert check.severity == dg.AssetCheckSeverity.WARN
    assert not check.passed
    assert "note.read.v1: 1 of 10 refused" in str(check.metadata["detail"].value)
    assert "note.written.v1: 1 of 10 refused" in str(check.metadata["detail"].value)

    allow(settings, "note.written.v1", "max_refused_share: 0.1")
    _, check = looked_at(settings, instance)
    assert "note.written.v1" not in str(check.metadata["detail"].value)

    relax(settings, READ)
    assert recover(settings.open_archive()).counts.accepted == 1
    counts, check = looked_at(settings, instance)
    assert (counts["refused"], counts["recovered"], check.passed) == (2, 1, True)


def allow(settings: Settings, event_type: str, line: str) -> None:
    """Add a line to a contract."""
    path = settings.contracts / f"{event_type}.yaml"
    path.write_text(f"{path.read_text()}\n{line}\n")


def relax(settings: Settings, event_type: str) -> None:
    """Make the words optional in a contract."""
    path = settings.contracts / f"{event_type}.yaml"
    path.write_text(path.read_text().replace("required: [notebook, words]", "required: [notebook]"))
