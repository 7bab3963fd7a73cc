"""The events of one type as a Polars frame: lazy, over exactly the segments that the log names.

Belongs here: what a caller may ask for, and the source of rows that Polars reads when a frame is collected.
Not here: which segments a question needs (`segment_index`), segments as frames (`segment_frames`), and the
views in SQL (`event_views`).
"""

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from functools import cached_property

import polars as pl
from polars.io.plugins import register_io_source

from event_archive.archive import Archive
from event_archive.errors import UnusableInput
from event_archive.registry.contract import Contract, Contracts
from event_archive.store.commit import Commit
from event_archive.store.landing_times import known_before
from event_archive.views.resolved_corrections import ResolvedCorrections, resolve_corrections
from event_archive.views.segment_frames import SegmentReader, event_schema, leave_what_is_in_effect
from event_archive.views.segment_index import LandedSegment, SegmentIndex
from event_archive.wording import did_you_mean

Days = date | tuple[date, date]


def scan(
    archive: Archive,
    event_type: str,
    *,
    days: Days | None = None,
    known_at: int | datetime | None = None,
    as_of: datetime | None = None,
) -> pl.LazyFrame:
    """Return the events of one type that are in effect, with the columns of its view in schema `events`.

    An event that was corrected or voided is not in the frame; a correction is, with the `occurred_at` and
    `event_date` of the event in whose place it stands. Older majors read as the newest. Rows have no order.

    `event_type`: without a major, such as "translation.requested".
    `days`: one `event_date`, or a half-open range `(first, end)` of them, without `end`.
    `known_at`: only what had landed: up to and with the commit of this sequence (0: nothing), or before this
    moment. `as_of`: only what had occurred before this moment.

    The commits are fixed when the frame is made; no segment is opened until it is collected. Opened are then
    those that can hold what `days` and filters on `event_date`, `occurred_at`, `landed_at` and `sequence`
    leave, of these the columns that are used, and, where objects of this type have corrections, the segments
    that hold these and the events that they name. Raises UnusableInput where there is no such type or commit,
    `days` are neither a date nor a range, a moment has no time zone, or nobody knows what had landed by then,
    because a clock was wrong.
    """
    contract = _newest_major(archive.contracts, event_type)
    condition = None if days is None else _condition(days)
    if as_of is not None:
        _check_moment("as_of", as_of)
    commits = _known_commits(archive.log.commits(), known_at)
    source = _EventSource(archive, contract, commits, condition, as_of)
    return register_io_source(
        source.batches,
        schema=source.schema,
        validate_schema=True,
        is_pure=True,
        explain_name=f"events.{contract.view_name}",
        explain_detail=f"up to commit {len(commits)}",
    )


class _EventSource:
    """The rows of one frame. What they need of the archive is read when the first are asked for."""

    def __init__(
        self,
        archive: Archive,
        contract: Contract,
        commits: Sequence[Commit],
        days: pl.Expr | None,
        as_of: datetime | None,
    ) -> None:
        self.schema = event_schema(contract)
        self._archive = archive
        self._contract = contract
        self._commits = commits
        self._days = [] if days is None else [days]
        self._reader = SegmentReader(archive, contract, as_of)
        self._as_of = as_of

    @cached_property
    def _corrections(self) -> ResolvedCorrections:
        return resolve_corrections(self._archive, self._commits, self._as_of, self._contract.object_type)

    @cached_property
    def _index(self) -> SegmentIndex:
        types = {contract.type for contract in self._archive.contracts.majors(self._contract.view_name)}
        return SegmentIndex(self._commits, types, self._corrections, self._as_of)

    def batches(
        self, columns: list[str] | None, predicate: pl.Expr | None, n_rows: int | None, batch_rows: int | None
    ) -> Iterator[pl.DataFrame]:
        """Yield `columns` of the rows for which `predicate` holds; of the first `n_rows`, where that is set.

        This is what Polars asks of a source: see `polars.io.plugins.register_io_source`.
        """
        wanted = columns or list(self.schema)
        before = self._days if predicate is None or n_rows is not None else [*self._days, predicate]
        after = [] if predicate is None or n_rows is None else [predicate]
        used = {*wanted, *(name for condition in [*before, *after] for name in condition.meta.root_names())}
        left = n_rows
        for frame in self._frames(self._index.segments(before), used):
            rows = _where(frame, before) if left is None else _where(frame, before).head(left)
            for batch in rows.collect_batches(chunk_size=batch_rows, maintain_order=False, lazy=True):
                yield _where(batch.lazy(), after).select(wanted).collect()
                left = None if left is None else left - batch.height
            if left is not None and left <= 0:
                return

    def _frames(self, segments: Sequence[LandedSegment], columns: set[str]) -> Iterator[pl.LazyFrame]:
        """The events in effect. Segments that may hold others, too, are read apart from the rest."""
        whole = [landed for landed in segments if not self._index.is_mended(landed)]
        yield from self._reader.frames(whole, columns)
        mended = [landed for landed in segments if self._index.is_mended(landed)]
        keys = {"source", "event_id", "corrects", "voids", "occurred_at", "event_date"}
        for frame in self._reader.frames(mended, columns | keys):
            yield leave_what_is_in_effect(frame, self._corrections)


def _where(frame: pl.LazyFrame, conditions: Sequence[pl.Expr]) -> pl.LazyFrame:
    """The rows for which all conditions hold. Polars 2.1 takes no empty list of them (a ShapeError)."""
    for condition in conditions:
        frame = frame.filter(condition)
    return frame


def _newest_major(contracts: Contracts, event_type: str) -> Contract:
    for contract in contracts.newest():
        name = f"{contract.object_type}.{contract.verb}"
        if event_type == name:
            return contract
        if event_type.startswith(f"{name}.v"):
            raise UnusableInput(f"{event_type}: every major reads as the newest; leave it out: {name}")
    names = [f"{contract.object_type}.{contract.verb}" for contract in contracts.newest()]
    meant = did_you_mean(event_type, names, "see: factlog contracts list")
    raise UnusableInput(f"{event_type}: there is no contract of such events; {meant}")


def _condition(days: Days) -> pl.Expr:
    match days:
        case datetime() | (datetime(), _) | (_, datetime()):
            raise UnusableInput(f"days={days!r}: a day is a date, without a time")
        case date():
            return pl.col("event_date") == days
        case (date() as first, date() as end) if first < end:
            return pl.col("event_date").is_between(first, end, closed="left")
    raise UnusableInput(f"days={days!r}: neither a date nor a range (first, end) with first before end")


def _check_moment(name: str, moment: datetime) -> None:
    if moment.tzinfo is None:
        raise UnusableInput(f"{name}={moment!r}: of which time zone? Write tzinfo=datetime.UTC, for one")


def _known_commits(commits: Sequence[Commit], known_at: int | datetime | None) -> Sequence[Commit]:
    """The commits up to a sequence, or those that had landed before a moment."""
    if known_at is None:
        return commits
    if isinstance(known_at, datetime):
        _check_moment("known_at", known_at)
        return commits[: known_before(commits, known_at)]
    if not 0 <= known_at <= len(commits):
        raise UnusableInput(f"sequence {known_at}: the log has commits 1 to {len(commits)}; name one of them")
    return commits[:known_at]
