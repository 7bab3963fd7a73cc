"""The storage: what the archive asks of a place that keeps bytes.

Belongs here: the one small interface. Not here: any one place (`local`), which folders of the archive hold
what (`folders`), what the bytes mean (`commit`, `landing`, `quarantine`), and any decision about what to
keep.

A name is a relative path with forward slashes (`log/00000000000000000042.json`). Two ways to make one:
`create` is create-if-absent, the primitive that commits rest on; `adopt` moves a finished file to a name made
from its content, so that doing it twice is the same as doing it once.
"""

import contextlib
from pathlib import Path
from typing import Protocol


class Storage(Protocol):
    """What the archive asks of a place that keeps bytes."""

    def require(self) -> None:
        """Raise UnusableInput where no archive is kept there, or none any more: a disk was unmounted."""

    def create(self, name: str, content: bytes) -> bool:
        """Durably create `name` with all of `content`, or return False where the name is taken."""

    def replace(self, name: str, content: bytes) -> None:
        """Durably set `name` to `content`; readers see the old bytes or the new ones, never a mixture."""

    def adopt(self, file: Path, name: str) -> None:
        """Durably move a finished file from `scratch` to `name`."""

    def read(self, name: str) -> bytes:
        """All bytes of `name`; raises FileNotFoundError."""

    def digest(self, name: str) -> str:
        """SHA-256 of the bytes of `name`, in hex; raises FileNotFoundError."""

    def stamp(self, name: str) -> str:
        """What is another text once the bytes of `name` were changed, for free; raises FileNotFoundError."""

    def names(self, folder: str) -> list[str]:
        """Every name below `folder`, sorted; empty where there is none."""

    def age(self, name: str, now: float) -> float:
        """Seconds from the last change of `name` to `now` (seconds since the epoch)."""

    def remove(self, name: str) -> None:
        """Remove `name` if it is there."""

    def remove_empty_folders(self, folder: str) -> None:
        """Remove the folders below `folder` that hold nothing."""

    def location(self, name: str) -> str:
        """What a query engine opens to read `name`."""

    def scratch(self) -> contextlib.AbstractContextManager[Path]:
        """A folder for files on their way to `adopt`; it is gone afterwards."""

    def writing(self, *, alone: bool = False) -> contextlib.AbstractContextManager[None]:
        """Hold the right to add names; `alone` excludes every other holder (for removing litter)."""
