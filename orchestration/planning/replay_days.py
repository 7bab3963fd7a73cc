"""Which days are to be replayed: from what somebody typed to ranges of days that hold events.

Belongs here: reading `--from/--to` and `--days`, rejecting what can't be meant, clipping what reaches too
far, as pure functions. Not here: requesting the replay (`warehouse.requests`), and deriving (`refresh`).
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from event_archive import UnusableInput
from event_archive.registry.contract import Contracts
from event_archive.store.commit import Commit, segments_of
from orchestration.warehouse.requests import Days, ranges

SHOWN_DAYS = 5
EXAMPLE = "write it like 2026-01-31"


@dataclass(frozen=True)
class RequestedDays:
    """The days to replay; `clipped` says what was left off, where the range reaches beyond all events."""

    ranges: tuple[Days, ...]
    clipped: str | None = None

    @property
    def days(self) -> int:
        """How many days these are."""
        return sum(days.length for days in self.ranges)

    def __contains__(self, day: date) -> bool:
        return any(day in days for days in self.ranges)

    def __str__(self) -> str:
        return format_days(self.ranges)


def format_days(listed: Sequence[Days], at_most: int = SHOWN_DAYS) -> str:
    """Format ranges of days, at most so many of them."""
    shown = ", ".join(map(str, listed[:at_most]))
    left = listed[at_most:]
    return f"{shown} and {sum(days.length for days in left):,} more days" if left else shown


def days_with_events(commits: Iterable[Commit], contracts: Contracts) -> frozenset[date]:
    """The days of the events that a model can read: those of a type with a contract."""
    return frozenset(
        date.fromisoformat(day)
        for segment in segments_of(list(commits))
        if segment.type in contracts
        for day in segment.days
    )


def read_requested_days(
    first: str | None, end: str | None, listed: str | None, held: Collection[date], today: date
) -> RequestedDays:
    """Return the days that the options name; `held` are the days that have events.

    Raises UnusableInput where they name none, contradict each other, or name days without events.
    """
    if listed is not None and (first is not None or end is not None):
        raise UnusableInput("--days and --from/--to: give one or the other")
    if listed is None and (first is None or end is None):
        missing = "--to" if first else "--from" if end else None
        lacking = f"{missing} is missing" if missing else "no days are given"
        raise UnusableInput(
            f"{lacking}; name them by --from DAY --to DAY (--to is left out) or --days DAY,DAY"
        )
    if not held:
        raise UnusableInput("the archive holds no events yet, so there is no day to replay; land some first")
    if listed is not None:
        return single_days(listed, held, today)
    assert first is not None
    assert end is not None
    return day_range(read_day(first, "--from"), read_day(end, "--to"), held, today)


def day_range(first: date, end: date, held: Collection[date], today: date) -> RequestedDays:
    """Check a half-open range, and leave off what lies before the first event and after the last one."""
    given = f"--from {first} --to {end}"
    if first == end:
        raise UnusableInput(f"{given}: an empty range, because the day of --to is not replayed any more")
    if first > end:
        raise UnusableInput(f"{given}: --to lies before --from; exchange them")
    if first > today:
        raise UnusableInput(f"{given}: lies in the future; today is {today} (UTC)")
    oldest, newest = min(held), max(held)
    holds = f"events are of {oldest} to {newest}"
    if end <= oldest:
        raise UnusableInput(f"{given}: lies before the first event; {holds}")
    if not any(first <= day < end for day in held):
        raise UnusableInput(f"{given}: no event is of these days; {holds}")
    whole = Days(oldest, newest + timedelta(days=1))
    within = Days(max(first, whole.first), min(end, whole.end))
    clipped = None if within == Days(first, end) else f"{holds}, so {within} is replayed"
    return RequestedDays((within,), clipped)


def single_days(listed: str, held: Collection[date], today: date) -> RequestedDays:
    """Check days that are named one by one: events must be of each."""
    days = {read_day(text.strip(), "--days") for text in listed.split(",") if text.strip()}
    if not days:
        raise UnusableInput(f"--days {listed}: names no day; {EXAMPLE}")
    if future := [day for day in days if day > today and day not in held]:
        raise UnusableInput(
            f"--days {format_days(ranges(future))}: lies in the future; today is {today} (UTC)"
        )
    if without := days - set(held):
        holds = f"events are of {min(held)} to {max(held)}"
        raise UnusableInput(f"--days {format_days(ranges(without))}: no event is of this; {holds}")
    return RequestedDays(tuple(ranges(days)))


def read_day(text: str, option: str) -> date:
    """Read one day."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UnusableInput(f"{option} {text}: not a day; {EXAMPLE}") from None
