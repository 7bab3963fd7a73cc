"""Write, audit, publish: the numbered, immutable versions of the reporting dataset.

Belongs here: how a version is written, and the switch to it. Not here: building the warehouse (`refresh`),
what is checked (`warehouse.checks`), which versions there are (`dataset.versions`), reading one
(`query`). A crash leaves the old version served, and litter that the next publishing removes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from event_archive import Archive, UnusableInput
from event_archive.store.durable import file_digest, make_durable_folder, move_into_place, sync
from orchestration.dataset.code_version import code_version
from orchestration.dataset.compare import table_states
from orchestration.dataset.dataset_file import DatasetInfo, write_dataset
from orchestration.dataset.dataset_update import update_dataset
from orchestration.dataset.table_state import TableState
from orchestration.dataset.versions import (
    SERVED,
    Version,
    checked_versions,
    find_version,
    intact_file,
    is_intact,
    served_version,
    versions,
)
from orchestration.full_disk import full_disk_in_one_line
from orchestration.publishing.failed_build import noting_failure
from orchestration.publishing.retention import remove_old_versions
from orchestration.publishing.unchanged import note_published
from orchestration.settings import Settings
from orchestration.warehouse.build_record import Build, last_build
from orchestration.warehouse.checks import Inspected, run_checks
from orchestration.warehouse.engine import open_as_warehouse
from orchestration.warehouse.lock import warehouse_lock
from orchestration.warehouse.outcomes import Check


class PublishingRefused(Exception):
    """A blocking check does not hold; the message is one line that names each."""

    def __init__(self, checks: list[Check]) -> None:
        self.checks = checks
        self.failed = failed = [check for check in checks if check.blocking and not check.passed]
        reasons = "; ".join(f"{check.name} ({check.detail})" for check in failed)
        super().__init__(f"not published: {len(failed)} blocking check(s) do not hold: {reasons}")


@dataclass(frozen=True)
class Publication:
    """The version that is served now, whether it is new, what was checked; which versions were removed."""

    version: Version
    is_new: bool
    checks: list[Check]
    removed: tuple[int, ...] = ()


def publish(settings: Settings, *, log: Callable[[str], None] | None = None) -> Publication:
    """Publish the warehouse if its checks hold and it says something new."""
    settings.require_archive()
    with (
        warehouse_lock(settings, "publishing", log=log),
        noting_failure(settings),
        full_disk_in_one_line(str(settings.published)),
    ):
        publication = publish_locked(settings, settings.open_archive(), log)
        note_published(settings, publication.version)
        return publication


def publish_locked(
    settings: Settings, archive: Archive, log: Callable[[str], None] | None = None
) -> Publication:
    """Publish while the caller holds the warehouse."""
    if not settings.warehouse.is_file():
        raise UnusableInput(f"{settings.warehouse}: nothing to publish yet; run `factlog refresh`")
    with open_as_warehouse(settings, settings.warehouse) as connection:
        build = last_build(connection)
        checks = audit(settings, archive, connection, build)
        failed = [check for check in checks if check.blocking and not check.passed]
        if failed or build is None:
            raise PublishingRefused(checks)
        states = table_states(connection)
        before = served_version(settings)
        version, is_new = switch(settings, connection, build, states, log or no_log)
        return Publication(version, is_new, checks, remove_old_versions(settings, before))


def stay_published(settings: Settings, archive: Archive, version: Version) -> Publication | None:
    """What is served, where a build would give it again (`unchanged`); None where a check does not hold now.

    The caller holds the warehouse.
    """
    with open_as_warehouse(settings, settings.warehouse) as connection:
        checks = audit(settings, archive, connection, last_build(connection))
    if any(check.blocking and not check.passed for check in checks):
        return None
    return Publication(version, False, checks, remove_old_versions(settings, version))


def audit(
    settings: Settings, archive: Archive, connection: duckdb.DuckDBPyConnection, build: Build | None
) -> list[Check]:
    """Run the checks that publishing waits for."""
    after = checked_until(settings, archive) if build else 0
    return run_checks(Inspected(archive, connection, build, after))


def checked_until(settings: Settings, archive: Archive) -> int:
    """The commit of this log up to which an earlier version's checks held; 0 where there was none."""
    written = versions(settings)
    return written[-1].sequence_in(archive.log.commits()) if written else 0


def no_log(_: str) -> None:
    """Leave a line be, where nobody listens."""


def switch(
    settings: Settings,
    connection: duckdb.DuckDBPyConnection,
    build: Build,
    states: dict[str, TableState],
    log: Callable[[str], None],
) -> tuple[Version, bool]:
    """Serve the version that says this: the current one, one that a crash left unserved, or a new one."""
    content = (build.log_digest, code_version(settings), states)
    before = served_version(settings)
    if before is not None and before.content == content and is_intact(settings, before):
        return before, False
    written = versions(settings)
    clear_litter(settings.published, written)
    newest = written[-1] if written else None
    if newest is None or newest == before or newest.content != content or not is_intact(settings, newest):
        newest = write(settings, connection, build, states, newest, log)
    serve(settings.published, newest)
    return newest, True


def write(
    settings: Settings,
    connection: duckdb.DuckDBPyConnection,
    build: Build,
    states: dict[str, TableState],
    before: Version | None,
    log: Callable[[str], None],
) -> Version:
    """Write the version after another: first the whole file, then the manifest that makes it exist.

    The connection may be closed afterwards.
    """
    number = before.number + 1 if before else 1
    make_durable_folder(settings.published)
    unfinished = settings.published / f".reporting-{number}.duckdb.unfinished"
    written_at = datetime.now(UTC)
    info = DatasetInfo(build.sequence, build.log_digest, build.as_of, code_version(settings), written_at)
    earlier = settings.published / before.file_name if before and is_intact(settings, before) else None
    reasons: list[str] = []
    if earlier is None or not update_dataset(connection, earlier, unfinished, info, states, reasons.append):
        # Another engine: that of an update which failed may be of no use any more.
        connection.close()
        with open_as_warehouse(settings, settings.warehouse) as anew:
            states = write_dataset(anew, unfinished, info, states)
    # Said once that is done: where a disk is full, for one, it fails as well, and is the one thing to say.
    for reason in reasons:
        log(reason)
    version = Version(
        number=number,
        sequence=build.sequence,
        log_digest=build.log_digest,
        code_version=info.code_version,
        published_at=written_at.isoformat(timespec="microseconds").replace("+00:00", "Z"),
        bytes=unfinished.stat().st_size,
        tables=states,
        sha256=file_digest(unfinished),
    )
    move_into_place(unfinished, settings.published / version.file_name)
    manifest = settings.published / f".{version.manifest_name}.unfinished"
    manifest.write_text(version.to_json())
    move_into_place(manifest, settings.published / version.manifest_name)
    checked_versions(settings).note([version])
    return version


def serve(published: Path, version: Version) -> None:
    """Point readers at a version, in one step: a reader sees the old one or the new one."""
    link = published / f".{SERVED}.unfinished"
    link.unlink(missing_ok=True)
    link.symlink_to(version.file_name)
    link.replace(published / SERVED)
    sync(published)


def rollback(settings: Settings, number: int) -> Version:
    """Serve an older version again, until the next publishing."""
    version = find_version(settings, number)
    with warehouse_lock(settings, "rolling back"):
        intact_file(settings, version)
        serve(settings.published, version)
    return version


def clear_litter(published: Path, written: list[Version]) -> None:
    """Remove what a crash left half-done: unfinished files, and data files that no manifest names."""
    complete = {version.file_name for version in written}
    for path in [*published.glob(".reporting*.unfinished*"), *published.glob("reporting-*.duckdb")]:
        if path.name not in complete:
            path.unlink()
