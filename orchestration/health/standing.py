"""Where things stand, as facts and a verdict: what status says, in values.

Belongs here: the values, and what of them needs a person, as pure functions. Not here: where they come from
(`status`), and the words (`status_report`).

The verdict depends on no clock: how long ago something was is shown, and judged by nobody.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True)
class Problem:
    """Something that needs a person: what is the matter, and what to do about it."""

    what: str
    to_do: str


@dataclass(frozen=True)
class LastLanding:
    """The newest commit of the log."""

    sequence: int
    landed_at: datetime
    origin: str
    accepted: int
    rejected: int


@dataclass(frozen=True)
class ArchiveStanding:
    """What the archive holds: `events` are those that stand, `newest_event_at` is data time."""

    commits: int
    events: int
    head_digest: str
    last_landing: LastLanding | None
    newest_event_at: datetime | None


@dataclass(frozen=True)
class WaitingStanding:
    """What was refused, and what waits. `corrections_waiting`: as of the last build, None if unknown."""

    refused_records: int
    inbox_files: int
    inbox_bytes: int
    inbox_unfinished: int
    corrections: int
    corrections_waiting: int | None


@dataclass(frozen=True)
class ServedStanding:
    """The version that analysts read. `newest_event_at`: how fresh it is by data time.

    `is_held`: a newer one is published, and somebody holds this one.
    """

    version: int
    sequence: int
    published_at: datetime
    tables: int
    rows: int
    newest_event_at: datetime | None
    is_held: bool = False


@dataclass(frozen=True)
class RefreshStanding:
    """What a refresh would do. `new_events`: by type; `because`: what else makes it derive something.

    `under_way`: who holds the warehouse just now.
    """

    new_commits: int
    new_events: Mapping[str, int]
    because: tuple[str, ...] = ()
    under_way: str | None = None

    @property
    def does_nothing(self) -> bool:
        """Whether all is as it was derived."""
        return not self.new_commits and not self.because


@dataclass(frozen=True)
class Standing:
    """Where an installation stands. Without an archive all but `home` is left out."""

    home: str
    project: str | None
    archive: ArchiveStanding | None = None
    waiting: WaitingStanding | None = None
    served: ServedStanding | None = None
    refresh: RefreshStanding | None = None
    problems: tuple[Problem, ...] = field(default=())

    @property
    def is_well(self) -> bool:
        """Whether nothing needs a person."""
        return not self.problems

    @property
    def next_command(self) -> str:
        """The next sensible thing to type: what a problem asks for, else the next step of the way."""
        if self.problems:
            return self.problems[0].to_do
        assert self.waiting is not None and self.refresh is not None and self.archive is not None
        if self.waiting.inbox_files:
            return "factlog inbox"
        if not self.archive.commits:
            return "factlog land PATH"
        if not self.refresh.does_nothing:
            return "factlog refresh"
        if self.waiting.corrections_waiting:
            return "factlog corrections"
        return "factlog quarantine" if self.waiting.refused_records else 'factlog query "SHOW ALL TABLES"'
