"""Which published versions are kept, and the removal of those that are not; pins, which keep one for good.

Belongs here: that choice. Not here: which versions there are (`dataset.versions`), and when one is written
(`publish`). The archive is never thinned out: an older state can be derived from it again.
"""

import shutil
from collections.abc import Sequence
from itertools import pairwise

from event_archive.store.durable import sync
from orchestration.dataset.version_marks import held_version, pinned_versions, remove_pin, write_pin
from orchestration.dataset.versions import VERSIONS, Version, find_version, served_version, versions
from orchestration.publishing.older_layout import move_over
from orchestration.setting_values import FEWEST_VERSIONS, Retention
from orchestration.settings import Settings
from orchestration.warehouse.lock import warehouse_lock


def remove_old_versions(settings: Settings, in_use: Version | None) -> tuple[int, ...]:
    """Remove the versions that the settings do not keep; their numbers. The caller holds the warehouse.

    `in_use`: the version that was served until now: somebody may be about to open it. Who has a file open
    reads on in it. A crash leaves a file that no manifest names, which publishing clears away as litter.
    """
    if settings.retention is None:
        return ()
    removed = removable(settings, settings.retention, in_use)
    for version in removed:
        remove_version(settings, version)
    return tuple(version.number for version in removed)


def removable(settings: Settings, retention: Retention, in_use: Version | None = None) -> list[Version]:
    """Return the versions that are not kept, and that nobody needs: served, held or pinned."""
    in_need = (in_use, served_version(settings), held_version(settings))
    needed = {version.number for version in in_need if version} | {*pinned_versions(settings)}
    return [version for version in not_kept(versions(settings), retention) if version.number not in needed]


def prune(settings: Settings, retention: Retention, *, dry_run: bool = False) -> list[int]:
    """Remove the versions that are not kept by this; their numbers."""
    with warehouse_lock(settings, "removing versions"):
        move_over(settings)
        removed = removable(settings, retention)
        for version in removed if not dry_run else ():
            remove_version(settings, version)
    return [version.number for version in removed]


def pin_version(settings: Settings, number: int, said: str) -> Version:
    """Keep a version for good, whatever is kept otherwise."""
    find_version(settings, number)
    with warehouse_lock(settings, "pinning a version"):
        move_over(settings)
        version = find_version(settings, number)
        write_pin(settings, version, said)
    return version


def unpin_version(settings: Settings, number: int) -> Version:
    """Let a version be removed again, once it is not kept."""
    version = find_version(settings, number)
    if number not in pinned_versions(settings):
        return version
    with warehouse_lock(settings, "unpinning a version"):
        remove_pin(settings, version)
    return version


def remove_version(settings: Settings, version: Version) -> None:
    """Remove a version: first its manifest, without which it is none, and nobody takes it for damaged."""
    manifest = settings.published / version.manifest_name
    manifest.unlink(missing_ok=True)
    sync(manifest.parent)
    shutil.rmtree(settings.published / version.folder)
    sync(settings.published / VERSIONS)


def not_kept(known: Sequence[Version], retention: Retention) -> list[Version]:
    """Return the versions, of all that there are with the oldest first, that are not kept.

    An age counts from when the next version was published, which is when readers left; and until when the
    newest was, so that a dataset that nobody refreshes loses nothing. The last versions are always kept: the
    newest says which number is next.
    """
    if retention.age is None:
        return [*known[: -(retention.count or len(known))]]
    return [
        version
        for version, successor in pairwise(known[: 1 - FEWEST_VERSIONS])
        if known[-1].published_time - successor.published_time > retention.age
    ]
