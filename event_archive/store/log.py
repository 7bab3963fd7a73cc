"""The log: the ordered, hash-chained list of commits. What it names exists; what it does not name does not.

Belongs here: appending a commit, reading them all, their chain, and the anchor. Not here: the shape of an
entry (`commit`), what a landing puts into one (`landing`) and whether the files that commits name are
intact (`verification`).

Entries are `log/<sequence, 20 digits>.json`, created if absent: that creation is the commit. `anchor.json`
holds the newest entry's sequence and digest. It is written after the commit and never read to find what
exists; it lets `verify` see that the newest entry, which no later entry vouches for, was changed or
removed.
"""

import json
from dataclasses import asdict, dataclass

from event_archive.errors import UnusableInput
from event_archive.store.commit import NOTHING_BEFORE, Commit, entry_name, parse_entry
from event_archive.store.folders import ANCHOR
from event_archive.store.storage import Storage


@dataclass(frozen=True)
class Anchor:
    """The newest entry that was committed, as far as is known: its sequence and digest."""

    sequence: int
    digest: str


def parse_anchor(content: bytes) -> Anchor:
    """An anchor from its bytes; raises ValueError where they are not one."""
    try:
        entry = json.loads(content)
        anchor = Anchor(entry["sequence"], entry["digest"])
    except (KeyError, TypeError, RecursionError) as error:
        raise ValueError("not an anchor") from error
    if type(anchor.sequence) is not int or anchor_content(anchor) != content:
        raise ValueError("not an anchor as it is written")
    return anchor


def anchor_content(anchor: Anchor) -> bytes:
    """The bytes of an anchor."""
    return json.dumps(asdict(anchor)).encode() + b"\n"


class Log:
    """The commits of one archive."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._known: list[Commit] = []

    def commits(self, until: int | None = None) -> list[Commit]:
        """All commits in order, or those up to and with sequence `until`; the chain is checked on reading.

        Entries that this object has read before are not read again: they never change. Raises UnusableInput
        where an entry is unreadable or does not follow from the one before it (`verify` says more).
        """
        sequence = len(self._known) + 1
        while (commit := self._read(sequence)) is not None:
            self._known.append(commit)
            sequence += 1
        return self._known[: until if until is not None else None]

    def head(self) -> Commit | None:
        """The newest commit."""
        commits = self.commits()
        return commits[-1] if commits else None

    def append(self, commit: Commit) -> bool:
        """Try to make `commit` the next entry; False where another writer took its number."""
        if not self._storage.create(commit.name, commit.content):
            return False
        self.move_anchor()
        return True

    def move_anchor(self) -> None:
        """Let the anchor name the newest entry: after a commit, and where a crash came between the two.

        It only ever moves forward along the chain. One that names an entry which is not there, or has other
        bytes, is evidence, and stays. Whoever moves it looks once more: another writer may have been faster.
        """
        while commits := self.commits():
            try:
                old = parse_anchor(self._storage.read(ANCHOR))
            except FileNotFoundError:
                old = Anchor(0, NOTHING_BEFORE)
            except ValueError:
                return
            if old.sequence >= len(commits) or (
                old.sequence > 0 and old.digest != commits[old.sequence - 1].digest
            ):
                return
            self._storage.replace(ANCHOR, anchor_content(Anchor(len(commits), commits[-1].digest)))

    def _read(self, sequence: int) -> Commit | None:
        try:
            content = self._storage.read(entry_name(sequence))
        except FileNotFoundError:
            return None
        previous = self._known[-1].digest if self._known else NOTHING_BEFORE
        try:
            commit = parse_entry(content)
        except ValueError as error:
            raise UnusableInput(self._broken(sequence, "is not a commit entry")) from error
        if commit.content != content or commit.sequence != sequence or commit.previous != previous:
            raise UnusableInput(self._broken(sequence, "does not follow from the entry before it"))
        return commit

    def _broken(self, sequence: int, why: str) -> str:
        where = self._storage.location(entry_name(sequence))
        return f"{where}: {why}; run `factlog verify` and restore the archive from a copy"
