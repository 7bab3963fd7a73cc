"""Commits: what the log says of each, and what follows from some of them.

Belongs here: the shape of a commit, its entry's bytes, and what can be told from a list of commits.
Not here: a commit from such bytes (`log_entry`); reading and appending entries, and their chain (`log`); what
a landing puts into a commit (`landing`).
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from event_archive.store.folders import LOG

NOTHING_BEFORE = "0" * 64
LANDING, RECOVERY, REMAP = "landing", "recovery", "remap"
LATER_FILES = ("outcomes", "records")
OTHER = "other"
"""In the place of a type: any text that no contract has as one. Types have dots."""


@dataclass(frozen=True)
class Counts:
    """Input records of one commit. Always received = accepted + duplicate + rejected + ignored.

    `ignored`: those of which a mapping says on purpose that they are no events. Where a mapping makes several
    events of one record (`each`), its elements are counted.
    """

    received: int = 0
    accepted: int = 0
    duplicate: int = 0
    rejected: int = 0
    ignored: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(
            self.received + other.received,
            self.accepted + other.accepted,
            self.duplicate + other.duplicate,
            self.rejected + other.rejected,
            self.ignored + other.ignored,
        )

    @property
    def conserved(self) -> bool:
        """Whether no record is in none of the outcomes, or in two."""
        return self.received == self.accepted + self.duplicate + self.rejected + self.ignored


@dataclass(frozen=True)
class Segment:
    """One committed Parquet file of events of one type and major. `days`: rows per ISO `event_date`.

    `corrections`: how many of its events correct or void another; only then it has columns for that.
    `has_places`: whether it has columns for each event's place in the input; older ones have none.
    `made_from`: in a remap, the commit that had received the records of these events.
    """

    type: str
    path: str
    sha256: str
    bytes: int
    rows: int
    days: Mapping[str, int]
    min_occurred_at: str
    max_occurred_at: str
    revision: int
    corrections: int = 0
    has_places: bool = False
    made_from: int = 0


@dataclass(frozen=True)
class QuarantineFile:
    """A committed Parquet file of records, or about them. `rows`: records (a huge one may take several)."""

    path: str
    sha256: str
    bytes: int
    rows: int


@dataclass(frozen=True)
class LandedFile:
    """One input of a landing: its name, the SHA-256 and number of its bytes, and what became of its records.

    `after`: how many positions the files before it in the same commit have; its own count on from there.
    """

    origin: str
    batch: str
    batch_bytes: int
    counts: Counts
    after: int = 0


@dataclass(frozen=True)
class RemappedLanding:
    """What a remap made of the records of a landing or recovery: what `sequence` counts as from then on."""

    sequence: int
    accepted: int
    ignored: int


@dataclass(frozen=True)
class Commit:
    """One entry of the log. `batch`: SHA-256 of the input's bytes; `batch_bytes`: how many they were.

    `mapping`: SHA-256 of the mapping or repair file by which records became events, if one did. `quarantine`:
    the records that a landing rejected; `ignored`: how many its mapping ignored, by the reason that it gives;
    `records`: those that its mapping made events of or ignored, as they came; `outcomes`: what became of
    rejected records in a recovery, whose counts are of records that an earlier commit had received, and whose
    `batch` is what was judged again. In a remap, whose counts are of such records as well, `remapped` are the
    landings that had received them, and `replaces` the segments in whose place those of the remap stand.
    `files`: the inputs of a landing of several; `batch` is the SHA-256 of their digests, one a line.
    `duplicates`: those of a landing by event type and ISO `event_date`; `rejected`: its rejected records by
    the type that they claim, `OTHER` where it has no contract, and the reason. Older landings say neither.
    """

    sequence: int
    previous: str
    kind: str
    landed_at: datetime
    batch: str
    batch_bytes: int
    origin: str
    counts: Counts
    mapping: str | None = None
    segments: tuple[Segment, ...] = ()
    quarantine: QuarantineFile | None = None
    outcomes: QuarantineFile | None = None
    ignored: Mapping[str, int] = field(default_factory=dict)
    records: QuarantineFile | None = None
    remapped: tuple[RemappedLanding, ...] = ()
    replaces: tuple[Segment, ...] = ()
    files: tuple[LandedFile, ...] = ()
    duplicates: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    rejected: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    @cached_property
    def content(self) -> bytes:
        """The entry's bytes: JSON with sorted keys, one line. What an older entry can't say is left out."""
        landed_at = self.landed_at.astimezone(UTC).isoformat(timespec="microseconds")
        said = _said(self) | {"landed_at": landed_at}
        written = json.dumps(said, default=_said, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        return written.encode() + b"\n"

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the entry's bytes: what the next entry calls `previous`."""
        return hashlib.sha256(self.content).hexdigest()

    @property
    def name(self) -> str:
        """Where the entry is kept."""
        return entry_name(self.sequence)

    @property
    def paths(self) -> list[str]:
        """Every file that this commit says exists."""
        return [segment.path for segment in self.segments] + [file.path for file in self.record_files]

    @property
    def record_files(self) -> list[QuarantineFile]:
        """Every file of records, or about them, that this commit says exists."""
        return [file for file in (self.quarantine, self.outcomes, self.records) if file]


PARTS = (Commit, Counts, Segment, QuarantineFile, LandedFile, RemappedLanding)
FIELDS = {part: tuple(field.name for field in fields(part)) for part in PARTS}
LATER: Mapping[type, Sequence[str]] = {
    Commit: (*LATER_FILES, "ignored", "remapped", "replaces", "files", "duplicates", "rejected"),
    Counts: ("ignored",),
    Segment: ("corrections", "has_places", "made_from"),
}
"""Fields that older entries know nothing of: where there is nothing to say, an entry has no word for it."""


def _said(part: Any) -> dict[str, Any]:
    """What an entry says of a commit, or of a part of one."""
    said = {name: getattr(part, name) for name in FIELDS[type(part)]}
    for name in LATER.get(type(part), ()):
        if not said[name]:
            del said[name]
    if isinstance(part, LandedFile):  # no older entry has files: of these all counts are said
        said["counts"] = {name: getattr(part.counts, name) for name in FIELDS[Counts]}
    return said


def entry_name(sequence: int) -> str:
    """The name of the entry with this sequence."""
    return f"{LOG}/{sequence:020d}.json"


def sequence_of(name: str) -> int | None:
    """The sequence of the entry with this name; None where it is no entry's name."""
    digits = name.removeprefix(f"{LOG}/").removesuffix(".json")
    is_entry = digits.isascii() and digits.isdigit() and int(digits) > 0
    return int(digits) if is_entry and name == entry_name(int(digits)) else None


def is_of(commits: Sequence[Commit], sequence: int, digest: str) -> bool:
    """Whether a sequence and digest are of this log, and not of another that was there before."""
    return 0 < sequence <= len(commits) and commits[sequence - 1].digest == digest


def standing_segments(commits: Sequence[Commit]) -> list[tuple[Commit, Segment]]:
    """The segments that stand after these commits, in whose place no remap put others, each with its commit.

    In the order they landed.
    """
    replaced = {segment.path for commit in commits for segment in commit.replaces}
    return [
        (commit, segment)
        for commit in commits
        for segment in commit.segments
        if not replaced or segment.path not in replaced
    ]


def segments_of(commits: Sequence[Commit], event_type: str | None = None) -> list[Segment]:
    """The segments that stand after these commits, in the order they landed, of one type or of all."""
    standing = (segment for _, segment in standing_segments(commits))
    return [segment for segment in standing if event_type in (None, segment.type)]
