"""Which version readers find: the switch to one in one step, and holding one.

Belongs here: serving a version that is written. Not here: writing one (`publish`), and telling which one is
served (`dataset.versions`). A crash at any step leaves the old one or the new one served.
"""

import shutil
from pathlib import Path

from event_archive import UnusableInput
from event_archive.store.durable import seal, sync
from orchestration.dataset.version_marks import RELEASE, held_version, remove_hold, write_hold
from orchestration.dataset.versions import (
    SERVED,
    Version,
    checked_versions,
    find_version,
    intact_file,
    require_served_version,
    served_version,
    versions,
)
from orchestration.settings import Settings
from orchestration.warehouse.lock import warehouse_lock


def serve(settings: Settings, version: Version) -> None:
    """Let readers find a version, in one step: each sees the old one or the new one.

    The file is sealed and on the disk already; whoever calls this knows it to be what was published.
    """
    served = settings.published / SERVED
    unfinished = settings.published / f".{SERVED}.unfinished"
    link_or_copy(settings.published / version.file_name, unfinished)
    unfinished.replace(served)
    # Where both are the same file already, renaming one to the other does nothing at all.
    unfinished.unlink(missing_ok=True)
    sync(settings.published)
    if version.sha256 and served.samefile(settings.published / version.file_name):
        checked_versions(settings).note([version])  # a link more is another stamp


def link_or_copy(source: Path, target: Path) -> None:
    """Give a file a second name; a copy of it, where the file system or its rights allow no link.

    What a crash left under that name goes first: to write into it could be to write into another version.
    """
    target.unlink(missing_ok=True)
    try:
        target.hardlink_to(source)
    except OSError:
        shutil.copyfile(source, target)
        seal(target)


def serve_published(settings: Settings, newest: Version) -> tuple[Version, bool]:
    """Serve what is to be served, now that a version is the newest: this one, unless one is held.

    Returns the version, and whether it is held.
    """
    held = held_version(settings)
    version = held or newest
    if served_version(settings) != version:
        serve(settings, version)
    return version, held is not None


def require_intact_hold(settings: Settings) -> None:
    """Raise UnusableInput where the version that is held is not what was published."""
    held = held_version(settings)
    if held is None:
        return
    try:
        intact_file(settings, held)
    except UnusableInput as error:
        raise UnusableInput(f"{error}; version {held.number} is held: `{RELEASE}` releases it") from None


def hold_version(settings: Settings, number: int) -> Version:
    """Serve a version, and hold it: it stays served, whatever is published, until that is released."""
    version = find_version(settings, number)
    with warehouse_lock(settings, "serving a version"):
        intact_file(settings, version)
        # What is wanted comes first: a crash before the switch leaves it to the next publishing.
        write_hold(settings, version)
        serve(settings, version)
    return version


def release_hold(settings: Settings) -> Version:
    """Serve the newest version again, and what is published from now on."""
    require_served_version(settings)
    with warehouse_lock(settings, "serving a version"):
        newest = versions(settings)[-1]
        intact_file(settings, newest)
        remove_hold(settings)
        serve(settings, newest)
    return newest
