"""Commits: what the log says of each, and what follows from some of them.

Belongs here: the shape of a commit and of its entry, as values and as bytes, and what can be told from a
list of commits. Not here: reading and appending entries, and their chain (`log`); what a landing puts
into a commit (`landing`).
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from event_archive.store.folders import LOG

NOTHING_BEFORE = "0" * 64
LANDING, RECOVERY = "landing", "recovery"


@dataclass(frozen=True)
class Counts:
    """Input records of one commit. Always received = accepted + duplicate + rejected."""

    received: int = 0
    accepted: int = 0
    duplicate: int = 0
    rejected: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(
            self.received + other.received,
            self.accepted + other.accepted,
            self.duplicate + other.duplicate,
            self.rejected + other.rejected,
        )

    @property
    def conserved(self) -> bool:
        """Whether no record is in none of the three outcomes, or in two."""
        return self.received == self.accepted + self.duplicate + self.rejected


@dataclass(frozen=True)
class Segment:
    """One committed Parquet file of events of one type and major. `days`: rows per ISO `event_date`.

    `corrections`: how many of its events correct or void another; only then it has columns for that.
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


@dataclass(frozen=True)
class QuarantineFile:
    """A committed Parquet file about rejected records. `rows`: records (a huge one may take several rows)."""

    path: str
    sha256: str
    bytes: int
    rows: int


@dataclass(frozen=True)
class Commit:
    """One entry of the log. `batch`: SHA-256 of the input's bytes; `batch_bytes`: how many they were.

    `mapping`: SHA-256 of the mapping or repair file by which records became events, if one did. `quarantine`:
    the records that a landing rejected; `outcomes`: what became of such records in a recovery, whose counts
    are of records that an earlier commit had received, and whose `batch` is what was judged again.
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

    @cached_property
    def content(self) -> bytes:
        """The entry's bytes: JSON with sorted keys, one line. Where there are no corrections, no word."""
        entry = asdict(self) | {
            "landed_at": self.landed_at.astimezone(UTC).isoformat(timespec="microseconds")
        }
        if self.outcomes is None:
            del entry["outcomes"]
        for segment in entry["segments"]:
            if not segment["corrections"]:
                del segment["corrections"]
        return json.dumps(entry, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"

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
        others = [file.path for file in (self.quarantine, self.outcomes) if file]
        return [segment.path for segment in self.segments] + others

    @property
    def agrees_with_files(self) -> bool:
        """Whether its counts are those of the files that it names."""
        accepted = sum(segment.rows for segment in self.segments)
        if (self.kind == RECOVERY) != (self.outcomes is not None):
            return False
        if self.outcomes:
            return self.quarantine is None and (accepted, self.outcomes.rows) == (
                self.counts.accepted,
                self.counts.received,
            )
        rejected = self.quarantine.rows if self.quarantine else 0
        return (accepted, rejected) == (self.counts.accepted, self.counts.rejected)


def entry_name(sequence: int) -> str:
    """The name of the entry with this sequence."""
    return f"{LOG}/{sequence:020d}.json"


def sequence_of(name: str) -> int | None:
    """The sequence of the entry with this name; None where it is no entry's name."""
    digits = name.removeprefix(f"{LOG}/").removesuffix(".json")
    is_entry = digits.isascii() and digits.isdigit() and int(digits) > 0
    return int(digits) if is_entry and name == entry_name(int(digits)) else None


def parse_entry(content: bytes) -> Commit:
    """A commit from its bytes; raises ValueError where they are not one."""
    try:
        entry: dict[str, Any] = json.loads(content)
        commit = Commit(
            **entry
            | {
                "landed_at": datetime.fromisoformat(entry["landed_at"]),
                "counts": Counts(**entry["counts"]),
                "segments": tuple(Segment(**segment) for segment in entry["segments"]),
                "quarantine": QuarantineFile(**entry["quarantine"]) if entry["quarantine"] else None,
                "outcomes": QuarantineFile(**entry["outcomes"]) if entry.get("outcomes") else None,
            }
        )
    except (KeyError, TypeError, RecursionError) as error:
        raise ValueError("not an entry of a log") from error
    parts: list[Commit | Counts | Segment | QuarantineFile] = [commit, commit.counts, *commit.segments]
    parts += [file for file in (commit.quarantine, commit.outcomes) if file]
    values = [(getattr(part, field.name), field.type) for part in parts for field in fields(part)]
    if not (commit.content and all(type(value) is kind for value, kind in values if kind in (int, str))):
        raise ValueError("not an entry of a log")
    return commit


def is_of(commits: Sequence[Commit], sequence: int, digest: str) -> bool:
    """Whether a sequence and digest are of this log, and not of another that was there before."""
    return 0 < sequence <= len(commits) and commits[sequence - 1].digest == digest


def segments_of(commits: Sequence[Commit], event_type: str | None = None) -> list[Segment]:
    """The segments that these commits name, in the order they landed, of one type or of all."""
    return [
        segment
        for commit in commits
        for segment in commit.segments
        if event_type is None or segment.type == event_type
    ]


def totals(commits: Iterable[Commit]) -> Counts:
    """Every record that was ever received, once, by what it is now: a recovered one is no longer rejected."""
    total = Counts()
    for commit in commits:
        counts = commit.counts
        passed = counts.accepted + counts.duplicate
        again = Counts(0, counts.accepted, counts.duplicate, -passed)
        total += again if commit.kind == RECOVERY else counts
    return total
