"""Landing many inputs in turn: small ones that wait together in one commit, every other in one of its own.

Belongs here: which inputs land together, in which order, and going on behind one that can't land. Not here:
the landings themselves (`land`, `land_together`), and where the inputs come from (the inbox, a command line).

What a commit costs whatever is in it (an engine, the index of keys, a file for each type of event, waiting
for the disk) is a hundred times the work on a small input. A few small ones land one by one nevertheless, so
that each is a commit that can be looked at by itself.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from event_archive.archive import Archive
from event_archive.decoding.record_chunk import LEAST_RECORD_BYTES
from event_archive.decoding.sources import Source, digest_of, known_size
from event_archive.errors import UnusableInput, UnusableSource
from event_archive.landing.joined_files import DecodedFile, decode_small
from event_archive.landing.land import Landed, land
from event_archive.landing.land_together import land_together, landed_by_batch
from event_archive.landing.quarantine_file import damage_in
from event_archive.limits import Limits
from event_archive.mapping.mapping import Mapping
from event_archive.store.commit import Commit, Counts

FEWEST = 16  # of small inputs that land together
MOST = 1_000  # in one commit: its entry is read by whoever reads the log
Outcome = Landed | Exception
"""What became of an input, or why it did not land."""


class LandingRun:
    """The landing of some inputs, each with the mapping that it is read by, if there is one.

    `begin` is called before anything of an input is read. `progress` is called, from time to time, with how
    many bytes of all inputs were read, and the name of the input that is read.
    """

    def __init__(
        self,
        archive: Archive,
        inputs: Sequence[tuple[Source, Mapping | None]],
        *,
        limits: Limits | None = None,
        quarantine_anyway: bool = True,
        begin: Callable[[Source], object] = lambda source: None,
        progress: Callable[[int, str], None] = lambda bytes_read, origin: None,
    ) -> None:
        self._archive = archive
        self._inputs = inputs
        self._limits = limits or Limits()
        self._quarantine_anyway = quarantine_anyway
        self._begin = begin
        self._progress = progress
        self._bytes_before = 0
        self._landed: dict[str, Commit] = {}
        self._commits_known = 0
        self._waiting = _WaitingInputs()
        self._faults: list[Exception] = []

    def outcomes(self) -> Iterator[tuple[Source, Outcome]]:
        """Land the inputs, and yield what became of each, in their order, once that is durable.

        What can't be landed, or brings a fault of our own to light, keeps no other waiting. Raises what is a
        matter of the archive or the disk: the next input would fare no better; and at the end a fault of our
        own that only landing together has.
        """
        joins = sum(self._is_small(*each) for each in self._inputs) >= FEWEST
        for source, mapping in self._inputs:
            self._progress(self._bytes_before, source.origin)
            waiting = self._open(source, joins=joins and self._is_small(source, mapping))
            if waiting is None or not self._has_room(waiting):
                yield from self._land_waiting()
            if waiting is None:
                yield source, self._land_alone(source, mapping)
            else:
                self._waiting.add(source, waiting)
                if not self._waiting.files:
                    yield from self._land_waiting()
            self._bytes_before += known_size(source)
        yield from self._land_waiting()
        if self._faults:
            raise self._faults[0]

    def _is_small(self, source: Source, mapping: Mapping | None) -> bool:
        """Whether an input may land with others; what a mapping is to read keeps its records by commit."""
        most = min(self._limits.chunk_bytes // 16, self._limits.max_input_bytes)
        try:
            return mapping is None and source.can_be_read_again and source.size <= most
        except (UnusableSource, OSError):
            return False  # its landing says what is wrong with it

    def _open(self, source: Source, *, joins: bool) -> DecodedFile | Outcome | None:
        """Begin with an input; returns what waits for others then, None where it is to land by itself."""
        try:
            self._begin(source)
            return self._open_small(source) if joins else None
        except UnusableSource as error:
            return error
        except (UnusableInput, OSError):
            raise
        except Exception:
            return None  # a fault of our own, which its landing shows again

    def _open_small(self, source: Source) -> DecodedFile | Landed | None:
        """Return what is to be landed of an input, or that it has landed; None where it is not small."""
        commits = self._archive.log.commits()
        if fresh := commits[self._commits_known :]:
            self._landed = landed_by_batch(fresh) | self._landed
            self._commits_known = len(commits)
        batch = digest_of(source)
        if commit := self._landed.get(batch):
            damage = damage_in(self._archive, commit, batch)
            return Landed(source.origin, Counts(), earlier=commit, damage=damage)
        return decode_small(source, self._limits, self._limits.chunk_bytes // 4)

    def _has_room(self, waiting: DecodedFile | Outcome) -> bool:
        most_bytes = self._limits.chunk_bytes // 2
        return not isinstance(waiting, DecodedFile) or self._waiting.has_room(waiting, most_bytes)

    def _land_waiting(self) -> Iterator[tuple[Source, Outcome]]:
        """Land the inputs that wait, in one commit, or each by itself where that shows a fault of our own."""
        waiting, self._waiting = self._waiting, _WaitingInputs()
        files = list(waiting.files.values())
        landed: list[Landed | None] = [None] * len(files)
        faults: list[Exception] = []
        try:
            if files:
                landed = land_together(
                    self._archive, files, self._limits, quarantine_anyway=self._quarantine_anyway
                )
        except (UnusableInput, OSError):
            raise
        except Exception as error:
            faults = [error]  # which of them it was, and of which kind, each says by itself
        by_batch = dict(zip(waiting.files, landed, strict=True))
        for source, waited in waiting.all:
            outcome: Outcome
            if isinstance(waited, DecodedFile):
                outcome = by_batch[waited.batch] or self._land_alone(source, None)
            else:
                outcome = waited
            if isinstance(outcome, Exception) and not isinstance(outcome, UnusableSource):
                faults = []
            yield source, outcome
        self._faults += faults

    def _land_alone(self, source: Source, mapping: Mapping | None) -> Outcome:
        try:
            return land(
                self._archive,
                source,
                mapping=mapping,
                limits=self._limits,
                progress=lambda read: self._progress(self._bytes_before + read, source.origin),
                quarantine_anyway=self._quarantine_anyway,
            )
        except UnusableSource as error:
            return error
        except (UnusableInput, OSError):
            raise
        except Exception as error:
            return error


@dataclass
class _WaitingInputs:
    """Inputs that are to land together, and what became of those between them, in their order."""

    all: list[tuple[Source, DecodedFile | Outcome]] = field(default_factory=list)
    files: dict[str, DecodedFile] = field(default_factory=dict)
    bytes: int = 0
    rows: int = 0

    def add(self, source: Source, waiting: DecodedFile | Outcome) -> None:
        """Let one more wait."""
        self.all.append((source, waiting))
        if isinstance(waiting, DecodedFile):
            self.files[waiting.batch] = waiting
            self.bytes += waiting.size
            self.rows += waiting.rows

    def has_room(self, file: DecodedFile, most_bytes: int) -> bool:
        """Whether an input fits in with them; one of the same bytes is a repetition, and comes later."""
        return (
            len(self.files) < MOST
            and file.batch not in self.files
            and self.bytes + file.size <= most_bytes
            and self.rows + file.rows <= most_bytes // LEAST_RECORD_BYTES
        )
