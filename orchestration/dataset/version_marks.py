"""What people have said of published versions: which one is held, and which are pinned.

Belongs here: reading and writing that. Not here: serving (`publishing.serving`), which heeds it, and what a
version is (`versions`). Who writes holds the warehouse.

    published/held.json              the version that stays served, whatever is published meanwhile
    published/versions/3/pin.json    version 3 is never removed, whatever is kept otherwise
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from event_archive import UnusableInput
from event_archive.store.durable import make_durable_folder, move_into_place, sync
from orchestration.dataset.versions import (
    VERSIONS,
    Version,
    find_version,
    served_version,
    version_folders,
    versions,
)
from orchestration.json_file import read_json_file
from orchestration.settings import Settings

HELD, PINNED = "held.json", "pin.json"
RELEASE = "factlog published serve --newest"


@dataclass(frozen=True)
class Hold:
    """That a version stays served, and since when."""

    version: int
    since: str

    @property
    def since_time(self) -> datetime:
        """The moment since when it is held."""
        return datetime.fromisoformat(self.since)


def hold_on(settings: Settings) -> Hold | None:
    """Return which version is held; None where the newest is served."""
    path = settings.published / HELD
    try:
        fields = read_json_file(path, f"run `{RELEASE}`, or hold a version again")
    except FileNotFoundError:
        return None
    version, since = fields.get("version"), fields.get("since")
    if not isinstance(version, int) or not isinstance(since, str):
        raise UnusableInput(f"{path}: is damaged, it names no version; run `{RELEASE}`")
    return Hold(version, since)


def held_version(settings: Settings) -> Version | None:
    """Return the version that is held, if one is; raises UnusableInput where it is gone."""
    hold = hold_on(settings)
    return find_version(settings, hold.version) if hold else None


def last_published(settings: Settings) -> Version | None:
    """Return what the last publishing gave: what is served, or the newest while an older one is held.

    It is what a build goes on from, and what says how far the log is published.
    """
    if hold_on(settings) is None:
        return served_version(settings)
    known = versions(settings)
    return known[-1] if known else None


def pinned_versions(settings: Settings) -> dict[int, str]:
    """Return the numbers of the versions that are pinned, each with what was said of it."""
    pins = {}
    for number in version_folders(settings):
        path = settings.published / VERSIONS / str(number) / PINNED
        if path.exists():
            pins[number] = str(
                read_json_file(path, f"pin it again: factlog published pin {number}").get("note")
            )
    return pins


@dataclass(frozen=True)
class Marks:
    """Which version is served, which is held, and which are pinned, each with what was said of it."""

    served: Version | None
    hold: Hold | None
    pins: Mapping[int, str]

    @classmethod
    def read(cls, settings: Settings) -> "Marks":
        """Read them, once for any number of versions."""
        return cls(served_version(settings), hold_on(settings), pinned_versions(settings))

    def to_json(self, version: Version) -> dict[str, object]:
        """The JSON report of a version."""
        return {
            **version.fields(),
            "file": version.file_name,
            "served": version == self.served,
            "held": self._is_held(version),
            "pinned": self.pins.get(version.number),
        }

    def format(self, version: Version) -> str:
        """Say what there is to say of a version besides its figures."""
        marks = {
            "served": version == self.served,
            "held": self._is_held(version),
            "pinned": version.number in self.pins,
        }
        return ", ".join(word for word, holds in marks.items() if holds)

    def _is_held(self, version: Version) -> bool:
        return self.hold is not None and self.hold.version == version.number


def write_pin(settings: Settings, version: Version, said: str) -> None:
    """Remember durably that a version is never to be removed."""
    folder = settings.published / version.folder
    unfinished = folder / f".{PINNED}.unfinished"
    unfinished.unlink(missing_ok=True)
    unfinished.write_text(json.dumps({"note": said}) + "\n")
    move_into_place(unfinished, folder / PINNED)


def remove_pin(settings: Settings, version: Version) -> None:
    """Forget durably that a version was pinned."""
    (settings.published / version.folder / PINNED).unlink(missing_ok=True)
    sync(settings.published / version.folder)


def write_hold(settings: Settings, version: Version) -> None:
    """Remember durably that a version is held from now on."""
    make_durable_folder(settings.published)
    hold = Hold(version.number, datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"))
    unfinished = settings.published / f".{HELD}.unfinished"
    unfinished.unlink(missing_ok=True)
    unfinished.write_text(json.dumps(asdict(hold)) + "\n")
    move_into_place(unfinished, settings.published / HELD)


def remove_hold(settings: Settings) -> None:
    """Forget durably that a version was held."""
    (settings.published / HELD).unlink(missing_ok=True)
    sync(settings.published)
