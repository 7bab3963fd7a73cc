"""Which published versions are kept, and the removal of those that are not.

Belongs here: that choice. Not here: which versions there are (`dataset.versions`), and when one is written
(`publish`). The archive is never thinned out: an older state can be derived from it again.
"""

import shutil
from collections.abc import Sequence
from itertools import pairwise

from event_archive.store.durable import sync
from orchestration.dataset.version_marks import held_version
from orchestration.dataset.versions import VERSIONS, Version, served_version, versions
from orchestration.setting_values import FEWEST_VERSIONS, Retention
from orchestration.settings import Settings


def remove_old_versions(settings: Settings, in_use: Version | None) -> tuple[int, ...]:
    """Remove the versions that the settings do not keep; their numbers. The caller holds the warehouse.

    `in_use`: the version that was served until now: somebody may be about to open it. Who has a file open
    reads on in it. A crash leaves a file that no manifest names, which publishing clears away as litter.
    """
    if settings.retention is None:
        return ()
    in_need = (in_use, served_version(settings), held_version(settings))
    needed = {version.number for version in in_need if version}
    removed = [
        version
        for version in not_kept(versions(settings), settings.retention)
        if version.number not in needed
    ]
    for version in removed:
        remove_version(settings, version)
    return tuple(version.number for version in removed)


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
