"""A correction that waits, from its landing to the analyst: given one that names nothing, expect it told.

Belongs here: the command that lists it, the warning, the table in the dataset, and that it counts as nothing.
Not here: which corrections wait (`unit/views/test_corrections.py`).
"""

import json
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import duckdb
import pytest

from orchestration.assets.published import check_results
from orchestration.publishing.publish import Publication
from orchestration.refresh import refresh
from orchestration.settings import Settings
from orchestration.warehouse.checks import NOTHING_WAITS
from support.command_typing import RATED, Typed, write
from support.installation import land_events, note, published_installation

MISTYPED = note(3, words=30) | {"id": "fixed", "corrects": "written-33"}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """An installation with ten notes published, one of them corrected by a mistyped id since."""
    settings = published_installation(tmp_path)
    land_events(settings, [MISTYPED], "mistyped.ndjson")
    return settings


def analyst_sees(settings: Settings, query: str) -> Sequence[tuple[object, ...]]:
    with closing(duckdb.connect(settings.published / "reporting.duckdb", read_only=True)) as connection:
        return connection.execute(query).fetchall()


def warning(publication: Publication) -> tuple[bool, str]:
    [check] = [check for check in publication.checks if check.name == NOTHING_WAITS]
    [shown] = [result for result in check_results([check]) if result.check_name == NOTHING_WAITS]
    assert (check.blocking, shown.severity.value, shown.passed) == (False, "WARN", check.passed)
    return check.passed, check.detail


def test_it_counts_as_nothing_and_is_told_until_another_is_right(settings: Settings) -> None:
    passed, detail = warning(refresh(settings).publication)
    assert not passed
    assert "1 correction waits and counts as nothing, the oldest for less than a minute: fixed" in detail
    words = "SELECT words FROM writing.notes WHERE note_id = '3'"
    columns = "event_id, kind, status, waits_because, corrected_event_id"
    told = f"SELECT {columns} FROM meta.corrections ORDER BY ALL"
    waiting = ("fixed", "corrects", "waiting", "not landed", "written-33")
    assert analyst_sees(settings, words) == [(3,)]
    assert analyst_sees(settings, told) == [waiting]
    right = note(3, words=30) | {"id": "fixed-again", "corrects": "written-3"}
    land_events(settings, [right], "right.ndjson")
    refresh(settings)
    assert analyst_sees(settings, words) == [(30,)]
    assert analyst_sees(settings, told) == [
        waiting,
        ("fixed-again", "corrects", "in_effect", None, "written-3"),
    ]


def test_it_takes_effect_with_what_it_names(settings: Settings) -> None:
    early = note(11, day="2026-01-05", words=30) | {"id": "early", "corrects": "written-11"}
    land_events(settings, [early], "early.ndjson")
    refresh(settings)
    words = "SELECT words, CAST(written_date AS VARCHAR) FROM writing.notes WHERE note_id = '11'"
    assert analyst_sees(settings, words) == []
    land_events(settings, [note(11)], "late.ndjson")
    refresh(settings)
    assert analyst_sees(settings, words) == [(30, "2026-01-02")]


def test_the_command_lists_those_that_wait_and_why(factlog: Typed, monkeypatch: pytest.MonkeyPatch) -> None:
    factlog("land", write(RATED))
    assert factlog("corrections") == (0, "", "There are no corrections.\n")
    later = RATED | {"id": "a-2", "time": "2026-02-02T10:00:00Z"}
    of_another = later | {"id": "a-3", "object": "translation/trn_2", "corrects": "a-1"}
    of_it = later | {"id": "a-4", "object": "translation/trn_2", "voids": "a-3"}
    factlog("land", write(later | {"corrects": "a-1"}, of_another, of_it))
    code, out, _ = factlog("corrections")
    assert code == 0
    assert "of another object" in out
    assert "waits itself" in out
    assert "a-2" not in out
    monkeypatch.setenv("COLUMNS", "30")
    narrow = [line.split(maxsplit=1) for line in factlog("corrections")[1].splitlines()]
    assert ["event", "/trial a-3"] in narrow
    assert ["of", "translation/trn_2 rated"] in narrow
    listed = json.loads(factlog("corrections", "--json")[1])
    assert [(one["event_id"], one["corrected_event_id"]) for one in listed] == [
        ("a-3", "a-1"),
        ("a-4", "a-3"),
    ]
    everything = json.loads(factlog("corrections", "--all", "--json")[1])
    assert [one["status"] for one in everything] == ["in_effect", "waiting", "waiting"]
    assert "in_effect" in factlog("corrections", "--all")[1]
