"""What people have said of published versions: which one is held.

Belongs here: reading and writing that. Not here: serving (`publishing.serving`), which heeds it, and what a
version is (`versions`). Who writes holds the warehouse.

    published/held.json     the version that stays served, whatever is published meanwhile
"""

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from event_archive import UnusableInput
from event_archive.store.durable import make_durable_folder, move_into_place, sync
from orchestration.dataset.versions import Version, find_version, served_version, versions
from orchestration.json_file import read_json_file
from orchestration.settings import Settings

HELD = "held.json"
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
