"""Which published versions are kept: given when each was published, expect those that are not."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from event_archive.store.local import LocalStorage
from orchestration.dataset.version_marks import pinned_versions
from orchestration.dataset.versions import Version, find_version, served_version, versions
from orchestration.publishing.retention import (
    not_kept,
    pin_version,
    prune,
    remove_old_versions,
    unpin_version,
)
from orchestration.publishing.serving import serve
from orchestration.setting_values import Retention
from orchestration.settings import Settings

START = datetime(2026, 1, 1, tzinfo=UTC)


def version(number: int, day: float = 0) -> Version:
    at = (START + timedelta(days=day)).isoformat().replace("+00:00", "Z")
    return Version(number, number, "digest", "code", at, 10, {})


def published_on(*days: float) -> list[Version]:
    return [version(number, day) for number, day in enumerate(days, start=1)]


@pytest.mark.parametrize(
    ("days", "retention", "removed"),
    [
        ([0, 1, 2, 3], Retention(count=2), [1, 2]),
        ([0, 1, 2, 3], Retention(count=4), []),
        ([0], Retention(count=2), []),
        ([], Retention(count=2), []),
        ([], Retention(age=timedelta(days=1)), []),
        # Readers left version 1 on day 1, 29 days before the newest.
        ([0, 1, 30], Retention(age=timedelta(days=29)), []),
        ([0, 1, 30.5], Retention(age=timedelta(days=29)), [1]),
        # It was read until yesterday, however long ago it was published.
        ([0, 99, 100], Retention(age=timedelta(days=30)), []),
        # The last two are kept, however far apart.
        ([0, 1, 2, 900], Retention(age=timedelta(hours=1)), [1, 2]),
    ],
)
def test_what_is_not_kept(days: list[float], retention: Retention, removed: list[int]) -> None:
    assert [version.number for version in not_kept(published_on(*days), retention)] == removed


@given(
    st.lists(st.floats(0, 400), max_size=8).map(sorted),
    st.one_of(
        st.integers(2, 9).map(lambda count: Retention(count=count)),
        st.integers(1, 400).map(lambda days: Retention(age=timedelta(days=days))),
    ),
)
def test_the_last_two_are_kept_and_older_ones_go_first(days: list[float], retention: Retention) -> None:
    known = published_on(*days)
    removed = not_kept(known, retention)
    assert removed == known[: len(removed)]
    assert len(removed) <= max(0, len(known) - 2)


def lay_down(home: Path, count: int, served: int, retention: Retention | None) -> Settings:
    """Versions as publishing leaves them; what their files hold matters to nobody here."""
    settings = Settings(home=home, retention=retention)
    settings.published.mkdir(parents=True)
    for one_of in published_on(*range(count)):
        (settings.published / one_of.folder).mkdir(parents=True)
        (settings.published / one_of.file_name).write_text(one_of.file_name)
        (settings.published / one_of.manifest_name).write_text(one_of.to_json())
    serve(settings, find_version(settings, served))
    return settings


def test_what_is_served_and_what_was_until_now_stay(tmp_path: Path) -> None:
    settings = lay_down(tmp_path, 6, served=2, retention=Retention(count=2))
    assert remove_old_versions(settings, in_use=version(1)) == (3, 4)
    assert [each.number for each in versions(settings)] == [1, 2, 5, 6]
    assert served_version(settings) == find_version(settings, 2)
    assert sorted(path.parent.name for path in settings.published.glob("versions/*/*.duckdb")) == [*"1256"]
    assert remove_old_versions(settings, in_use=None) == (1,)


def test_without_the_setting_all_stay(tmp_path: Path) -> None:
    settings = lay_down(tmp_path, 6, served=6, retention=None)
    assert remove_old_versions(settings, None) == ()
    assert len(versions(settings)) == 6


def test_who_has_a_version_open_reads_on(tmp_path: Path) -> None:
    settings = lay_down(tmp_path, 4, served=4, retention=Retention(count=2))
    with (settings.published / "versions/1/reporting.duckdb").open() as opened:
        assert remove_old_versions(settings, None) == (1, 2)
        assert opened.read() == "versions/1/reporting.duckdb"


def test_an_interrupted_removal_leaves_no_version_without_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = lay_down(tmp_path, 4, served=4, retention=Retention(count=2))

    def fail_at_the_data(_: Path) -> None:
        raise OSError(os.strerror(5))

    monkeypatch.setattr("shutil.rmtree", fail_at_the_data)
    with pytest.raises(OSError, match=os.strerror(5)):
        remove_old_versions(settings, None)
    assert [each.number for each in versions(settings)] == [2, 3, 4]


def test_a_pinned_version_is_never_removed_until_it_is_unpinned(tmp_path: Path) -> None:
    settings = lay_down(tmp_path, 6, served=6, retention=Retention(count=2))
    LocalStorage(settings.archive_root, may_create=True)
    pin_version(settings, 1, "January, as invoiced")
    assert pinned_versions(settings) == {1: "January, as invoiced"}
    assert prune(settings, Retention(count=2), dry_run=True) == [2, 3, 4]
    assert len(versions(settings)) == 6
    assert remove_old_versions(settings, None) == (2, 3, 4)
    assert prune(settings, Retention(age=timedelta(hours=1))) == []
    assert [each.number for each in versions(settings)] == [1, 5, 6]
    for _ in range(2):
        unpin_version(settings, 1)
    assert prune(settings, Retention(count=2)) == [1]
