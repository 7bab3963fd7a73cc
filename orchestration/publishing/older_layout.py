"""Versions that an older factlog wrote: from `published/reporting-<n>.duckdb` to folders of their own.

Belongs here: moving them. Not here: reading them where they are (`dataset.versions`). Each has its second
name before it loses its first, so whenever this is interrupted all versions are there, and one is served.
"""

from event_archive.store.durable import make_durable_folder, sync
from orchestration.dataset.versions import (
    MANIFEST,
    SERVED,
    find_version,
    served_version,
    versions_of_older_layout,
)
from orchestration.publishing.serving import link_or_copy, serve
from orchestration.settings import Settings


def move_over(settings: Settings) -> None:
    """Move what an older factlog published to where this one publishes. The caller holds the warehouse."""
    older = versions_of_older_layout(settings)
    if not older:
        return
    served = served_version(settings)
    for version in older:
        folder = settings.published / version.folder
        make_durable_folder(folder)
        for name, target in ((version.file_name, SERVED), (version.manifest_name, MANIFEST)):
            if (settings.published / name).exists() and not (folder / target).exists():
                link_or_copy(settings.published / name, folder / f".{target}.unfinished")
                (folder / f".{target}.unfinished").replace(folder / target)
                sync(folder)
    if served is not None and (settings.published / served.folder / SERVED).exists():
        serve(settings, find_version(settings, served.number))
    # The manifest last: as long as it is there, the next publishing goes on with this.
    for version in older:
        for name in (version.file_name, version.manifest_name):
            (settings.published / name).unlink(missing_ok=True)
            sync(settings.published)
