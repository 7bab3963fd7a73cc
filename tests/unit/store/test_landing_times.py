"""Clocks that were wrong: what a commit's time may be, and what it still says of what was known."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from event_archive import Archive, Landed, Limits, UnusableInput, recover, scan, verify
from event_archive.store.commit import LANDING, Commit, Counts
from event_archive.store.landing_times import (
    describe_wrong_times,
    known_before,
    next_landed_at,
    wrong_times,
)
from support.events import land_bytes, lines, new_archive, weighed

NOON = datetime(2026, 3, 3, 12, tzinfo=UTC)
FAR = datetime(2099, 1, 1, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return new_archive(tmp_path)


def at(moment: datetime, *, accepts_clock: bool = False) -> Limits:
    """The limits on a machine whose clock says this."""
    return Limits(clock=lambda: moment, accepts_clock=accepts_clock)


def commits_at(*times: datetime) -> list[Commit]:
    return [Commit(number, "", LANDING, time, "", 0, "", Counts()) for number, time in enumerate(times, 1)]


def land_at(archive: Archive, number: int, moment: datetime, *, accepts_clock: bool = False) -> Landed:
    """Land the event `number` on a machine whose clock says `moment`."""
    content = lines([weighed(number)])
    return land_bytes(archive, content, f"{number}", clock=lambda: moment, accepts_clock=accepts_clock)


def times(archive: Archive) -> list[datetime]:
    return [commit.landed_at for commit in archive.log.commits()]


def test_a_commit_gets_the_time_of_the_clock_which_does_not_go_back(archive: Archive) -> None:
    for number, moment in enumerate([NOON, NOON + HOUR, NOON + HOUR - MINUTE, NOON + 399 * DAY]):
        land_at(archive, number, moment)
    assert times(archive) == [NOON, NOON + HOUR, NOON + HOUR, NOON + 399 * DAY]


@pytest.mark.parametrize(
    ("moment", "message"),
    [
        (FAR, "2099-01-01 00:00:00Z here, more than 400 days after commit 1 landed, at 2026-03-03 12:00:00Z"),
        (NOON - HOUR, "2026-03-03 11:00:00Z here, and commit 1 landed at 2026-03-03 12:00:00Z"),
    ],
)
def test_a_clock_that_can_hardly_be_right_lands_nothing_unless_it_is_accepted(
    archive: Archive, moment: datetime, message: str
) -> None:
    land_at(archive, 1, NOON)
    land_bytes(archive, b"broken", "broken", clock=lambda: NOON)
    with pytest.raises(UnusableInput, match=message.replace("commit 1", "commit 2")) as refused:
        land_at(archive, 2, moment)
    assert "if it is right, land once with --accept-clock" in str(refused.value)
    with pytest.raises(UnusableInput, match=r"^clock: "):
        recover(archive, limits=at(moment))
    assert land_at(archive, 1, moment).earlier, "what has landed needs no time"
    land_at(archive, 2, moment, accepts_clock=True)
    assert times(archive) == [NOON, NOON, moment]
    assert verify(archive) == []


def test_a_clock_that_jumps_while_a_file_lands_commits_nothing(archive: Archive) -> None:
    land_at(archive, 1, NOON)
    moments = iter([NOON, NOON])
    with pytest.raises(UnusableInput, match="2099"):
        land_bytes(archive, lines([weighed(2)]), "2", clock=lambda: next(moments, FAR))
    assert times(archive) == [NOON]
    land_at(archive, 2, NOON)
    assert times(archive) == [NOON, NOON]
    assert verify(archive) == []


def test_one_wrong_time_does_not_make_the_later_ones_wrong(archive: Archive) -> None:
    land_at(archive, 1, NOON)
    land_at(archive, 2, FAR, accepts_clock=True)
    with pytest.raises(UnusableInput, match="commit 2 landed at 2099-01-01 00:00:00Z: this clock is wrong"):
        land_at(archive, 3, NOON + HOUR)
    land_at(archive, 3, NOON + HOUR, accepts_clock=True)
    land_at(archive, 4, NOON + 2 * HOUR)
    assert times(archive) == [NOON, FAR, NOON + HOUR, NOON + 2 * HOUR]
    rows = [scan(archive, "parcel.weighed", known_at=NOON + hours * HOUR).collect() for hours in (0, 2, 3)]
    assert [len(frame) for frame in rows] == [0, 3, 4]
    with pytest.raises(UnusableInput, match="whether commit 2 had landed by then is not known"):
        scan(archive, "parcel.weighed", known_at=NOON + HOUR)


FIRST_IS_WRONG = [FAR, NOON]
STUCK = [NOON, FAR, FAR, FAR]
MENDED = [*STUCK, NOON + HOUR, NOON + 2 * HOUR]


@pytest.mark.parametrize(
    ("landed_at", "wrong", "line"),
    [
        ([], [], None),
        ([NOON, NOON, NOON + HOUR], [], None),
        ([NOON + DAY + MINUTE], [], None),
        (
            FIRST_IS_WRONG,
            [1],
            "commit 1 says to have landed at 2099-01-01 00:00:00Z, later than commit 2,",
        ),
        (STUCK, [2, 3, 4], "commits 2 to 4 say to have landed at 2099-01-01 00:00:00Z, later than now, 2026"),
        (MENDED, [2, 3, 4], "later than commit 5, which landed at 2026-03-03 13:00:00Z: a clock was wrong"),
    ],
)
def test_times_that_can_not_be_right_are_named(
    landed_at: Sequence[datetime], wrong: list[int], line: str | None
) -> None:
    commits, today = commits_at(*landed_at), at(NOON + DAY)
    assert [commit.sequence for commit in wrong_times(commits, today)] == wrong
    described = describe_wrong_times(commits, today)
    assert len(described) == (line is not None)
    assert not line or line in described[0]


def test_each_row_of_wrong_times_is_named_once() -> None:
    described = describe_wrong_times(commits_at(FAR, NOON, FAR, FAR, NOON + HOUR), at(NOON + DAY))
    assert [line.split(" say")[0] for line in described] == ["clock: commit 1", "clock: commits 3 to 4"]


@pytest.mark.parametrize(
    ("landed_at", "moment", "known"),
    [
        ([NOON, NOON, NOON + HOUR], NOON, 0),
        ([NOON, NOON, NOON + HOUR], NOON + MINUTE, 2),
        ([NOON, NOON, NOON + HOUR], FAR, 3),
        (STUCK, NOON, 0),
        (STUCK, FAR, 4),
        (MENDED, NOON, 0),
        (MENDED, NOON + HOUR + MINUTE, 5),
        (MENDED, FAR, 6),
    ],
)
def test_what_had_landed_before_a_moment(landed_at: list[datetime], moment: datetime, known: int) -> None:
    assert known_before(commits_at(*landed_at), moment, at(NOON + DAY)) == known


@pytest.mark.parametrize(
    ("landed_at", "moment", "names"),
    [
        (STUCK, NOON + MINUTE, "commits 2 to 4 had landed by then is not known.* instead: 1 .* 4 "),
        (MENDED, NOON + HOUR, "commits 2 to 4 had landed by then is not known.* instead: 1 .* 4 "),
        (FIRST_IS_WRONG, NOON, "commit 1 had landed by then is not known.* instead: 0 .* 1 "),
    ],
)
def test_what_nobody_can_know_is_refused_with_the_commits_to_name(
    landed_at: list[datetime], moment: datetime, names: str
) -> None:
    with pytest.raises(UnusableInput, match=names):
        known_before(commits_at(*landed_at), moment, at(NOON + DAY))


STEPS = st.lists(st.tuples(st.integers(0, 300), st.integers(-5, 5).map(lambda days: days * 40)), max_size=12)


@given(STEPS, st.integers(0, 4000))
def test_whatever_the_clocks_said_an_answer_is_right(steps: list[tuple[int, int]], asked: int) -> None:
    """Time goes on between landings, by clocks that are ahead of it; then one that is right is accepted."""
    truth, moment, commits = [], NOON, list[Commit]()
    for passed, ahead in steps:
        moment += passed * HOUR
        clock = moment + max(ahead, 0) * DAY
        said = next_landed_at(commits, at(clock, accepts_clock=True))
        commits = [*commits, *(replace(commit, sequence=len(commits) + 1) for commit in commits_at(said))]
        truth.append(moment)
    now = at(moment + HOUR)
    question = NOON + asked * HOUR
    try:
        known = known_before(commits, question, now)
    except UnusableInput:
        assert wrong_times(commits, now)
        return
    if not wrong_times(commits, now):
        assert known == sum(commit.landed_at < question for commit in commits)
    doubted = {commit.sequence for commit in wrong_times(commits, now)}
    if all(
        commit.landed_at == landed or commit.sequence in doubted
        for commit, landed in zip(commits, truth, strict=True)
    ):
        assert known == sum(landed < question for landed in truth)
