"""Which segments a question needs: what the log says of each, held against the filters of the question.

Belongs here: the days, moments and commits of segments as a frame, and how a Polars predicate is held against
it without opening a file. Not here: reading the segments (`segment_frames`).
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal

import polars as pl

from event_archive.store.commit import Commit, Segment, standing_segments
from event_archive.views.corrections import CORRECTS
from event_archive.views.resolved_corrections import ResolvedCorrections

SCHEMA = {
    "segment": pl.Int64(),
    "event_date": pl.Date(),
    "sequence": pl.Int64(),
    "landed_at": pl.Datetime("us", "UTC"),
    "earliest": pl.Datetime("us", "UTC"),
    "latest": pl.Datetime("us", "UTC"),
}
KNOWN = {"event_date", "sequence", "landed_at"}
"""Columns that all events of a segment and day share: the log tells what a condition on them leaves."""

GROWING: Sequence[Callable[[pl.Expr], pl.Expr]] = (
    lambda moment: moment,
    lambda moment: moment.dt.date(),
    lambda moment: moment.dt.year(),
)
"""What never falls while time goes on: where it lies between is plain from the earliest and latest moment."""

CLOSED: Sequence[Literal["both", "left", "right", "none"]] = ("both", "left", "right", "none")
Row = tuple[int, date, int, datetime, datetime, datetime]


@dataclass(frozen=True)
class LandedSegment:
    """A segment, and the commit that brought it."""

    commit: Commit
    segment: Segment


class SegmentIndex:
    """What the log says of the segments of some event types: one row for each day of each segment.

    A correction has a row more, at its place in time. Events at `as_of` or later are left out.
    """

    def __init__(
        self,
        commits: Sequence[Commit],
        types: Collection[str],
        corrections: ResolvedCorrections,
        as_of: datetime | None,
    ) -> None:
        self._segments = [
            LandedSegment(commit, segment)
            for commit, segment in standing_segments(commits)
            if segment.type in types
        ]
        decision = corrections.decision
        self._with_removed = {corrections.known[key].sequence for key in decision.removed}
        rows = [row for number in range(len(self._segments)) for row in self._days_of(number)]
        rows += self._places(corrections)
        self._rows = pl.DataFrame(rows, schema=SCHEMA, orient="row")
        if as_of is not None:
            self._rows = self._rows.filter(pl.col("earliest") < as_of)

    def segments(self, conditions: Sequence[pl.Expr]) -> list[LandedSegment]:
        """The segments that can hold a row for which all conditions hold, in the order they landed."""
        rows = self._rows
        parts = [part for condition in conditions for part in conjuncts(condition)]
        for possible in [possible for part in parts if (possible := _possible(part)) is not None]:
            try:
                rows = rows.filter(possible)
            except pl.exceptions.PolarsError:
                continue  # held against the events, the same condition will say what is wrong with it
        return [self._segments[number] for number in rows["segment"].unique().sort()]

    def is_mended(self, landed: LandedSegment) -> bool:
        """Whether an event of the segment corrects or voids another, or may be corrected or voided."""
        return landed.segment.corrections > 0 or landed.commit.sequence in self._with_removed

    def _days_of(self, number: int) -> Iterator[Row]:
        commit, segment = self._segments[number].commit, self._segments[number].segment
        first, last = map(datetime.fromisoformat, (segment.min_occurred_at, segment.max_occurred_at))
        for text in segment.days:
            day = date.fromisoformat(text)
            start = datetime.combine(day, time(), UTC)
            end = start + timedelta(days=1, microseconds=-1)
            yield number, day, commit.sequence, commit.landed_at, max(start, first), min(end, last)

    def _places(self, corrections: ResolvedCorrections) -> Iterator[Row]:
        decision = corrections.decision
        with_corrections: defaultdict[int, list[int]] = defaultdict(list)
        for number, landed in enumerate(self._segments):
            if landed.segment.corrections:
                with_corrections[landed.commit.sequence].append(number)
        for fact in corrections.corrections:
            place = decision.place_of(fact.key)
            if fact.kind != CORRECTS or place is None or fact.key in decision.removed:
                continue
            for number in with_corrections[fact.sequence]:
                landed_at, moment = self._segments[number].commit.landed_at, place.occurred_at
                yield number, place.event_date, fact.sequence, landed_at, moment, moment


def conjuncts(condition: pl.Expr) -> list[pl.Expr]:
    """The conditions that a condition joins with `&`; itself where it joins none."""
    match condition.meta.pop():
        case [one, other] if (one & other).meta.eq(condition) or (other & one).meta.eq(condition):
            return conjuncts(one) + conjuncts(other)
    return [condition]


def _possible(condition: pl.Expr) -> pl.Expr | None:
    """What has to hold for a row of the index if the condition holds for an event; None: nothing known."""
    columns = set(condition.meta.root_names())
    if columns <= KNOWN:
        return condition
    return _possible_moment(condition) if columns == {"occurred_at"} else None


def _possible_moment(condition: pl.Expr) -> pl.Expr | None:
    """What has to hold for the earliest and the latest moment if a comparison holds for one between them."""
    parts = condition.meta.pop()
    for growing in GROWING:
        moment = growing(pl.col("occurred_at"))
        first, last = growing(pl.col("earliest")), growing(pl.col("latest"))
        match [part for part in parts if not part.meta.eq(moment)]:
            case [value] if not value.meta.root_names():
                comparisons = (
                    (moment > value, value < moment, last > value),
                    (moment >= value, value <= moment, last >= value),
                    (moment < value, value > moment, first < value),
                    (moment <= value, value >= moment, first <= value),
                    (moment == value, value == moment, (first <= value) & (last >= value)),
                )
                for comparison, turned, possible in comparisons:
                    if comparison.meta.eq(condition) or turned.meta.eq(condition):
                        return possible
            case [one, other] if not (one.meta.root_names() or other.meta.root_names()):
                for lower, upper in ((one, other), (other, one)):
                    if any(moment.is_between(lower, upper, end).meta.eq(condition) for end in CLOSED):
                        return (last >= lower) & (first <= upper)
    return None
