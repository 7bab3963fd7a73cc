"""The log: the ordered, hash-chained list of commits. What it names exists; what it does not name does not.

Belongs here: appending a commit, reading them all, their chain, and the anchor. Not here: the shape of an
entry (`commit`), what a landing puts into one (`landing`) and whether the files that commits name are
intact (`verification`).

Entries are `log/<sequence, 20 digits>.json`, created if absent: that creation is the commit. `anchor.json`
holds the newest entry's sequence and digest. It is made before the first entry and moved after each, so it
may lag behind, and never names what is not there. It is not read to find what exists, but to see that the
newest entry, which no later entry vouches for, was changed or removed.

Before a log is believed its names are listed, too: an entry that is missing below another one, or below the
anchor, is a hole (a copy that was half restored). It would read as a shorter log, the next landing would fill
it, and a cleaning would remove what later entries name. So nothing reads or writes past it.
"""

import json
from dataclasses import asdict, dataclass

from event_archive.errors import UnusableInput
from event_archive.store.commit import NOTHING_BEFORE, Commit, entry_name, sequence_of
from event_archive.store.folders import ANCHOR, LOG, NAMED_BY_COMMITS
from event_archive.store.log_entry import parse_entry
from event_archive.store.storage import Storage


@dataclass(frozen=True)
class Anchor:
    """The newest entry that was committed, as far as is known: its sequence and digest."""

    sequence: int
    digest: str


BEFORE_THE_FIRST = Anchor(0, NOTHING_BEFORE)


def parse_anchor(content: bytes) -> Anchor:
    """An anchor from its bytes; raises ValueError where they are not one."""
    try:
        entry = json.loads(content)
        anchor = Anchor(entry["sequence"], entry["digest"])
    except (KeyError, TypeError, RecursionError) as error:
        raise ValueError("not an anchor") from error
    if type(anchor.sequence) is not int or anchor_content(anchor) != content:
        raise ValueError("not an anchor as it is written")
    if anchor.sequence < 0 or (anchor.sequence == 0 and anchor != BEFORE_THE_FIRST):
        raise ValueError("not an anchor as it is written")
    return anchor


def anchor_content(anchor: Anchor) -> bytes:
    """The bytes of an anchor."""
    return json.dumps(asdict(anchor)).encode() + b"\n"


def anchored_by(storage: Storage) -> str | None:
    """The name of a file that is only ever made after the anchor; None where there is none."""
    return next((name for folder in (LOG, *NAMED_BY_COMMITS) for name in storage.names(folder)), None)


class Log:
    """The commits of one archive."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._known: list[Commit] = []
        self._is_whole = False

    def commits(self, until: int | None = None) -> list[Commit]:
        """All commits in order, or those up to and with sequence `until`; the chain is checked on reading.

        Entries that this object has read before are not read again: they never change. The first time, what
        was read is compared with the names of all entries and with the anchor. Raises UnusableInput where an
        entry is unreadable, missing, or does not follow from the one before it (`verify` says more).
        """
        anchor = None if self._is_whole else self._read_anchor()  # before the entries: those it vouches for
        sequence = len(self._known) + 1
        while (commit := self._read(sequence)) is not None:
            self._known.append(commit)
            sequence += 1
        if not self._is_whole:
            self._refuse_holes()
            self._compare(anchor)
            self._is_whole = True
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
        """Let the anchor name the newest entry: before the first, after each, and where a crash came between.

        It only ever moves forward along the chain. One that names an entry which is not there, or has other
        bytes, is evidence, and stays. Whoever moves it looks once more: another writer may have been faster.
        """
        while True:
            commits = self.commits()
            try:
                old = parse_anchor(self._storage.read(ANCHOR))
            except FileNotFoundError:
                if commits:
                    return
                self._storage.create(ANCHOR, anchor_content(BEFORE_THE_FIRST))
                continue
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
        except OSError as error:
            raise self._broken(entry_name(sequence), f"can't be read: {error.strerror}") from error
        previous = self._known[-1].digest if self._known else NOTHING_BEFORE
        try:
            commit = parse_entry(content)
        except ValueError as error:
            raise self._broken(entry_name(sequence), "is not a commit entry") from error
        if commit.content != content or commit.sequence != sequence or commit.previous != previous:
            raise self._broken(entry_name(sequence), "does not follow from the entry before it")
        return commit

    def _read_anchor(self) -> Anchor | None:
        try:
            return parse_anchor(self._storage.read(ANCHOR))
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._broken(ANCHOR, f"can't be read: {error.strerror}") from error
        except ValueError as error:
            raise self._broken(ANCHOR, "its bytes were changed") from error

    def _refuse_holes(self) -> None:
        """Compare what was read with the names: an entry is created only after the one before it.

        What was appended since then is read now, so that a listing which is newer is no hole.
        """
        names = self._storage.names(LOG)
        last = max((sequence_of(name) or 0 for name in names), default=0)
        while len(self._known) < last:
            commit = self._read(len(self._known) + 1)
            if commit is None:
                missing = entry_name(len(self._known) + 1)
                raise self._broken(missing, f"is missing, although {entry_name(last)} is there")
            self._known.append(commit)

    def _compare(self, anchor: Anchor | None) -> None:
        """Compare what was read with the anchor as it was before: what it names is there."""
        if anchor is None:
            # A first landing makes it before anything else, perhaps just now.
            if (witness := anchored_by(self._storage)) and self._read_anchor() is None:
                raise self._broken(ANCHOR, f"is missing, although {witness} is there")
            return
        if anchor == BEFORE_THE_FIRST:
            return
        name = entry_name(anchor.sequence)
        if anchor.sequence > len(self._known):
            missing = entry_name(len(self._known) + 1)
            raise self._broken(missing, f"is missing: {ANCHOR} says that {name} was committed")
        if self._known[anchor.sequence - 1].digest != anchor.digest:
            raise self._broken(name, f"its digest is not the one in {ANCHOR}: one of the two was changed")

    def _broken(self, name: str, why: str) -> UnusableInput:
        return UnusableInput(
            f"{self._storage.location(name)}: {why}; nothing was read or written. Run `factlog verify` "
            "and restore the archive from a copy"
        )
