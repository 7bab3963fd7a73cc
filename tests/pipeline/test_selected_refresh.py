"""What a refresh makes of few news: it builds and tests what is below them, and publishes all as it would be.

Belongs here: a small installation, through the command's own steps. Not here: which nodes follow from which
news (`unit/planning/test_selection`), and the example company (`test_selected_builds`).
"""

from pathlib import Path

import pytest

from orchestration.dataset.versions import require_served_version
from orchestration.dbt.process import run_dbt
from orchestration.publishing.publish import PublishingRefused
from orchestration.refresh import Refreshed, refresh
from orchestration.settings import Settings
from support.installation import copy_of, land_events, note, published_installation, put, temporary_folder

EVERYTHING = (5, 3)


def built(done: Refreshed) -> tuple[int, int]:
    return done.models, done.tests


def as_from_nothing(settings: Settings) -> bool:
    other = copy_of(settings, temporary_folder())
    return refresh(other, from_nothing=True).publication.version.content == served(settings)


def served(settings: Settings) -> object:
    return require_served_version(settings).content


def test_what_is_not_below_the_news_is_left_as_it_is(tmp_path: Path) -> None:
    settings = published_installation(tmp_path)
    assert built(refresh(settings)) == EVERYTHING, "a copy is other files"
    land_events(settings, [note(1, verb="read")], "read.ndjson")
    done = refresh(settings)
    # The first events of a type may give its view other columns.
    assert (built(done), done.sequence, done.changed) == ((2, 0), 2, ["reading.readings"])
    assert require_served_version(settings).sequence == 2
    land_events(settings, [note(2, verb="read")], "read-2.ndjson")
    assert built(refresh(settings)) == (1, 0)
    land_events(settings, [note(20)], "more.ndjson")
    done = refresh(settings)
    assert (built(done), done.sequence) == ((2, 3), 4)
    assert built(refresh(settings)) == (0, 0)
    assert as_from_nothing(settings)


def test_where_the_last_build_is_not_known_everything_is_built(tmp_path: Path) -> None:
    settings = published_installation(tmp_path)
    refresh(settings)
    run_dbt(settings, ["run", "--select", "readings"])
    land_events(settings, [note(1, verb="read")], "read.ndjson")
    assert built(refresh(settings)) == EVERYTHING
    put(settings.dbt_project / "models" / "marts" / "reading" / "readings.sql", "select 1 as readings")
    land_events(settings, [note(2, verb="read")], "read-2.ndjson")
    assert built(refresh(settings)) == EVERYTHING
    land_events(settings, [note(3) | {"id": "again"}], "again.ndjson")
    for _ in range(2):
        with pytest.raises(PublishingRefused, match="unique_notes_note_id"):
            refresh(settings)
    assert require_served_version(settings).sequence == 3
