"""The times of commits: which one a new commit gets, which can't be right, and what had landed by a moment.

Belongs here: all that is concluded from `landed_at` and the clock of this machine. Not here: the order of
commits, which is their sequence whatever the clocks say (`log`).

A clock can be wrong, and what it said stays in the log. What is sure is the order: a commit landed no later
than those that follow it, and none has landed in the future. So a time that lies after that of a later commit
is wrong, and the commit counts as landed by the time of that later one.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise

from event_archive.errors import UnusableInput
from event_archive.limits import Limits
from event_archive.store.commit import Commit

WAY_ON = "Set this clock right; if it is right, land once with --accept-clock"


def next_landed_at(commits: Sequence[Commit], limits: Limits) -> datetime:
    """Return the time that a commit after these gets, which is that of the clock, and none of it goes back.

    Raises UnusableInput where the clock says what can hardly be: a time before that of the last commit, or
    one so long after it that nobody pauses for so long. Where the limits say that it is right nevertheless,
    it is believed, also where it goes back: one wrong time does not make all later ones wrong.
    """
    now = limits.clock()
    if not commits:
        return now
    last = commits[-1]
    if last.landed_at > now + limits.clock_skew:
        if limits.accepts_clock:
            return now
        raise UnusableInput(
            f"clock: it is {_shown(now)} here, and commit {last.sequence} landed at "
            f"{_shown(last.landed_at)}: this clock is wrong, or that one was. {WAY_ON}"
        )
    if now - last.landed_at > limits.longest_pause and not limits.accepts_clock:
        raise UnusableInput(
            f"clock: it is {_shown(now)} here, more than {limits.longest_pause.days} days after commit "
            f"{last.sequence} landed, at {_shown(last.landed_at)}; a wrong time stays in the log. {WAY_ON}"
        )
    return max(now, last.landed_at)


def wrong_times(commits: Sequence[Commit], limits: Limits) -> list[Commit]:
    """Return the commits whose time can't be right: it lies after that of a later one, or in the future."""
    times = zip(commits, _landed_by(commits, limits), strict=True)
    return [commit for commit, latest in times if commit.landed_at > latest]


def describe_wrong_times(commits: Sequence[Commit], limits: Limits) -> list[str]:
    """Return a line for each row of commits whose time can't be right: which, why, and what follows."""
    by_sequence = {commit.sequence: commit for commit in commits}
    lines = []
    for first, last in _rows([commit.sequence for commit in wrong_times(commits, limits)]):
        following = by_sequence.get(last + 1)
        than = (
            f"commit {following.sequence}, which landed at {_shown(following.landed_at)}"
            if following
            else f"now, {_shown(limits.clock())}"
        )
        named = f"{_named(first, last)} {'says' if first == last else 'say'}"
        says = _shown(by_sequence[first].landed_at)
        lines.append(
            f"clock: {named} to have landed at {says}, later than {than}: a clock was wrong. What was known "
            "in between is asked for by sequence, not by time"
        )
    return lines


def known_before(commits: Sequence[Commit], moment: datetime, limits: Limits | None = None) -> int:
    """Return how many of the commits, from the first, had landed before a moment.

    Raises UnusableInput where that is not known, because of the time of one of them a clock was wrong.
    """
    limits = limits or Limits()
    known = sum(latest < moment for latest in _landed_by(commits, limits))
    doubtful = {commit.sequence for commit in wrong_times(commits, limits)}
    if known + 1 in doubtful:
        last = next(number for number in range(known + 1, len(commits) + 2) if number not in doubtful) - 1
        raise UnusableInput(
            f"{_shown(moment)}: whether {_named(known + 1, last)} had landed by then is not known: a clock "
            f"was wrong, and said {_shown(commits[known].landed_at)}. Name a commit instead: "
            f"{known} (without) to {last} (with)"
        )
    return known


def _shown(moment: datetime) -> str:
    """Return a time for people, in UTC, to the second."""
    return moment.astimezone(UTC).isoformat(sep=" ", timespec="seconds").replace("+00:00", "Z")


def _landed_by(commits: Sequence[Commit], limits: Limits) -> list[datetime]:
    """The latest time at which each can have landed: its own, that of a later one, or now."""
    latest = limits.clock() + limits.clock_skew
    times = []
    for commit in reversed(commits):
        latest = min(latest, commit.landed_at)
        times.append(latest)
    return times[::-1]


def _named(first: int, last: int) -> str:
    return f"commit {first}" if first == last else f"commits {first} to {last}"


def _rows(numbers: Sequence[int]) -> list[tuple[int, int]]:
    """The first and last of each row of numbers without a gap."""
    if not numbers:
        return []
    ends = [(before, after) for before, after in pairwise(numbers) if after != before + 1]
    firsts = [numbers[0], *(after for _, after in ends)]
    return list(zip(firsts, [*(before for before, _ in ends), numbers[-1]], strict=True))
