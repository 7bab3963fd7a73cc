"""What becomes of pending records when they are validated again: one fate of each, whatever is made of it.

Belongs here: the events of a record, and of its elements, gathered to one outcome. Not here: validating them
(`recover`), and which records are pending (`pending`).
"""

from collections.abc import Iterator
from dataclasses import dataclass

from event_archive.landing.transaction import Verdicts
from event_archive.mapping.mapped_chunk import NOT_MAPPED, MappedChunk
from event_archive.quarantine.pending import PendingChunk, PendingRecord
from event_archive.quarantine.states import DUPLICATE, IGNORED, RECOVERED, REJECTED
from event_archive.validation.exact_validator import Rejected


@dataclass
class Fate:
    """What was made of a pending record: new `events`, some that are there already, or why there is none."""

    events: int = 0
    duplicates: int = 0
    rejected: Rejected | None = None
    ignored: str | None = None

    @property
    def outcome(self) -> str:
        """The state that the record is in then; one of which any part is rejected is pending still."""
        if self.rejected:
            return REJECTED
        if self.events:
            return RECOVERED
        return IGNORED if self.ignored is not None and not self.duplicates else DUPLICATE


class PendingFates:
    """The fates of the records of one chunk, as the parts that it is made into are judged."""

    def __init__(self, chunk: PendingChunk) -> None:
        self._chunk = chunk
        self._fates: dict[tuple[int, int | None], Fate] = {}

    def add(self, mapped: MappedChunk, verdicts: Verdicts) -> None:
        """Add what became of a part."""
        for row, verdict in reversed(verdicts.rejected):  # the first stands
            self._of(mapped, row).rejected = verdict
        for row, reason in mapped.ignored:
            self._of(mapped, row).ignored = reason
        for row in verdicts.duplicates:
            self._of(mapped, row).duplicates += 1
        for rows in verdicts.accepted.values():
            for row in rows.tolist():
                self._of(mapped, row).events += 1

    def all(self) -> Iterator[tuple[PendingRecord, Fate]]:
        """Yield each pending record of the chunk with its fate."""
        for row, pending in enumerate(self._chunk.pending):
            for record in pending:
                fate = self._fates.get((row, record.element))
                if fate is None:
                    detail = f"the mapping finds no element {record.element} in this record"
                    fate = Fate(rejected=Rejected(NOT_MAPPED, detail))
                yield record, fate

    def _of(self, mapped: MappedChunk, made: int) -> Fate:
        row = int(mapped.rows[made])
        is_whole = self._chunk.pending[row][0].element is None
        return self._fates.setdefault((row, None if is_whole else mapped.element(made)), Fate())
