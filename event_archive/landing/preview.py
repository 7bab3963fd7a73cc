"""Previews: what would become of an input, if it landed now, with samples of each outcome.

Belongs here: working through an input as a landing does, without a commit. Not here: the work itself
(`transaction`, `land`), and what of it is shown (the command line).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from event_archive.archive import Archive
from event_archive.decoding.record_chunk import Chunk
from event_archive.decoding.sources import Source
from event_archive.landing.land import landed_before, readable_again, take_in_source
from event_archive.landing.transaction import Transaction, Verdicts
from event_archive.limits import Limits
from event_archive.mapping.mapped_chunk import MappedChunk
from event_archive.mapping.mapping import Mapping
from event_archive.store.commit import Commit, Counts

MOST_GROUPS = 1_000  # an input may have any number of reasons; those that follow are counted as one
OTHER = "other"


@dataclass(frozen=True)
class Sample:
    """One record of an outcome: its position, the number of the element, and the event, or why it is none."""

    position: int
    element: int | None
    shown: str


@dataclass
class OutcomeGroup:
    """The records that share an outcome: how many, and the first of them."""

    records: int = 0
    samples: list[Sample] = field(default_factory=list)

    def add(self, records: int, samples: Iterable[Sample], most: int) -> None:
        """Count some records; `samples`: of them, at most `most` are kept in all."""
        self.records += records
        for sample in samples:
            if len(self.samples) >= most:
                return
            if sample.shown not in {other.shown for other in self.samples}:
                self.samples.append(sample)


@dataclass
class LandingPreview:
    """What would become of an input: `accepted` by event type, `rejected` and `ignored` by reason.

    `earlier`: the commit in which these very bytes have landed by the same mapping; nothing would be done.
    """

    origin: str
    counts: Counts = field(default_factory=Counts)
    earlier: Commit | None = None
    accepted: dict[str, OutcomeGroup] = field(default_factory=dict)
    duplicate: OutcomeGroup = field(default_factory=OutcomeGroup)
    rejected: dict[str, OutcomeGroup] = field(default_factory=dict)
    ignored: dict[str, OutcomeGroup] = field(default_factory=dict)
    accepted_in_columns: int = 0


def preview_landing(
    archive: Archive,
    source: Source,
    *,
    mapping: Mapping | None = None,
    limits: Limits | None = None,
    samples: int = 2,
) -> LandingPreview:
    """Return what would become of an input; nothing lands. Raises UnusableSource where it can't be read."""
    limits = limits or Limits()
    result = LandingPreview(source.origin)
    with archive.storage.writing(), archive.storage.scratch() as folder:
        source = readable_again(source, folder)
        transaction = Transaction(archive, folder / "preview", limits)
        try:
            if before := landed_before(transaction.known, source, mapping):
                result.earlier, _ = before
            else:
                noted = _Noted(result, samples)
                take_in_source(transaction, source, mapping, noted.note, limits)
                result.counts = transaction.counts
                result.accepted_in_columns = transaction.accepted_in_columns
        finally:
            transaction.close()
    return result


class _Noted:
    """Takes what becomes of each chunk into a preview."""

    def __init__(self, preview: LandingPreview, most: int) -> None:
        self._preview = preview
        self._most = most

    def note(self, chunk: Chunk, mapped: MappedChunk, verdicts: Verdicts) -> None:
        """Take what became of a chunk, or of a part of what was made of it."""
        result, most = self._preview, self._most
        for event_type, rows in verdicts.accepted.items():
            shown = (_sample(mapped, row, _event(mapped, row)) for row in rows.tolist())
            _group(result.accepted, event_type).add(len(rows), shown, most)
        shown = (_sample(mapped, row, _event(mapped, row)) for row in verdicts.duplicates)
        result.duplicate.add(len(verdicts.duplicates), shown, most)
        for row, why in verdicts.rejected:
            _group(result.rejected, why.reason).add(1, [_sample(mapped, row, why.detail)], most)
        for row, reason in mapped.ignored:
            record = chunk.record(int(mapped.rows[row])).decode()
            _group(result.ignored, reason).add(1, [_sample(mapped, row, record)], most)
        for unreadable in chunk.unreadable if mapped.is_first else ():
            group = _group(result.rejected, unreadable.reason)
            sample = Sample(unreadable.position, None, unreadable.detail)
            group.add(unreadable.part == 0, [sample], most)


def _group(groups: dict[str, OutcomeGroup], name: str) -> OutcomeGroup:
    name = name if name in groups or len(groups) < MOST_GROUPS else OTHER
    return groups.setdefault(name, OutcomeGroup())


def _sample(mapped: MappedChunk, row: int, shown: str) -> Sample:
    return Sample(int(mapped.events.positions[row]), mapped.element(row), shown)


def _event(mapped: MappedChunk, row: int) -> str:
    return mapped.events.record(row).decode()
