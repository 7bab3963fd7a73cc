"""Write, audit, publish: the numbered, immutable versions of the reporting dataset.

Belongs here: how a version is written, and when. Not here: building the warehouse (`refresh`), what is
checked (`warehouse.checks`), the switch to a version (`serving`), which versions there are
(`dataset.versions`), reading one (`query`). A crash leaves the old version served, and litter that the next
publishing removes.
"""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import duckdb

from event_archive import Archive, UnusableInput
from event_archive.store.durable import file_digest, make_durable_folder, move_into_place
from orchestration.dataset.code_version import code_version
from orchestration.dataset.compare import table_states
from orchestration.dataset.dataset_file import write_dataset
from orchestration.dataset.dataset_update import update_dataset
from orchestration.dataset.provenance import DatasetInfo, Provenance, VersionBefore
from orchestration.dataset.table_state import TableState
from orchestration.dataset.version_marks import last_published
from orchestration.dataset.versions import (
    OLDER_LAYOUT,
    SERVED,
    VERSIONS,
    Version,
    checked_versions,
    is_intact,
    served_version,
    version_folders,
    versions,
)
from orchestration.full_disk import full_disk_in_one_line
from orchestration.publishing.failed_build import noting_failure
from orchestration.publishing.older_layout import move_over
from orchestration.publishing.retention import remove_old_versions
from orchestration.publishing.serving import require_intact_hold, serve_published
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
    """The newest version, whether it is new, what was checked; which version is served, which were removed.

    `served` is another one where that is held. `is_held`: the next one will not be served either.
    """

    version: Version
    is_new: bool
    checks: list[Check]
    served: Version
    is_held: bool
    removed: tuple[int, ...] = ()

    @property
    def held(self) -> int | None:
        """The number of the version that is held, if one is."""
        return self.served.number if self.is_held else None


@dataclass(frozen=True)
class Audited:
    """A build of the warehouse that was checked, and the states of its tables."""

    archive: Archive
    build: Build
    checks: list[Check]
    states: dict[str, TableState]


def publish(settings: Settings, *, log: Callable[[str], None] | None = None) -> Publication:
    """Publish the warehouse if its checks hold and it says something new."""
    settings.require_archive()
    with (
        warehouse_lock(settings, "publishing", log=log),
        noting_failure(settings),
        full_disk_in_one_line(str(settings.published)),
    ):
        move_over(settings)
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
        require_intact_hold(settings)
        audited = Audited(archive, build, checks, states)
        version, is_new = newest_version(settings, connection, audited, log or no_log)
        served, is_held = serve_published(settings, version)
        removed = remove_old_versions(settings, before)
        return Publication(version, is_new, checks, served, is_held, removed)


def stay_published(settings: Settings, archive: Archive, version: Version) -> Publication | None:
    """What was published, where a build would give it again (`unchanged`); None where a check fails now.

    The caller holds the warehouse.
    """
    with open_as_warehouse(settings, settings.warehouse) as connection:
        checks = audit(settings, archive, connection, last_build(connection))
    if any(check.blocking and not check.passed for check in checks):
        return None
    served, is_held = serve_published(settings, version)
    return Publication(version, False, checks, served, is_held, remove_old_versions(settings, served))


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


def newest_version(
    settings: Settings,
    connection: duckdb.DuckDBPyConnection,
    audited: Audited,
    log: Callable[[str], None],
) -> tuple[Version, bool]:
    """Return the version that says this, and whether readers get it as a new one.

    It is the last one that was published, one that a crash left unserved, or a new one.
    """
    content = (audited.build.log_digest, code_version(settings), audited.states)
    before = last_published(settings)
    if before is not None and before.content == content and is_intact(settings, before):
        return before, False
    written = versions(settings)
    clear_litter(settings, written)
    newest = written[-1] if written else None
    if newest is None or newest == before or newest.content != content or not is_intact(settings, newest):
        newest = write(settings, connection, audited, newest, log)
    return newest, True


def write(
    settings: Settings,
    connection: duckdb.DuckDBPyConnection,
    audited: Audited,
    before: Version | None,
    log: Callable[[str], None],
) -> Version:
    """Write the version after another: first the whole file, then the manifest that makes it exist.

    The connection may be closed afterwards.
    """
    build, states = audited.build, audited.states
    number = before.number + 1 if before else 1
    folder = settings.published / VERSIONS / str(number)
    make_durable_folder(folder)
    unfinished = folder / f".{SERVED}.unfinished"
    written_at = datetime.now(UTC)
    info = DatasetInfo(build.sequence, build.log_digest, build.as_of, code_version(settings), written_at)
    provenance = Provenance(
        info,
        audited.archive,
        number,
        VersionBefore(before.number, before.tables) if before else None,
        [(check.name, check.passed, check.blocking, check.detail) for check in audited.checks],
    )
    earlier = settings.published / before.file_name if before and is_intact(settings, before) else None
    reasons: list[str] = []
    if earlier is None or not update_dataset(
        connection, earlier, unfinished, provenance, states, reasons.append
    ):
        # Another engine: that of an update which failed may be of no use any more.
        connection.close()
        with open_as_warehouse(settings, settings.warehouse) as anew:
            states = write_dataset(anew, unfinished, provenance, states)
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
    manifest = folder / ".manifest.unfinished"
    manifest.write_text(version.to_json())
    move_into_place(manifest, settings.published / version.manifest_name)
    checked_versions(settings).note([version])
    return version


def clear_litter(settings: Settings, written: list[Version]) -> None:
    """Remove what a crash left half-done: unfinished files, and what no manifest names.

    And what somebody's DuckDB may have left, who had write access to a file that nobody is to write: it would
    be taken for a part of the next version.
    """
    published, complete = settings.published, {version.number for version in written}
    for number in version_folders(settings):
        if number not in complete:
            shutil.rmtree(published / VERSIONS / str(number))
    for folder in (published, *(published / version.folder for version in written)):
        for path in (*folder.glob(".*.unfinished*"), folder / f"{SERVED}.wal"):
            path.unlink(missing_ok=True)
    for path in published.glob("reporting-*.duckdb"):
        # What an older factlog left half-done: its versions have been moved over.
        if OLDER_LAYOUT.fullmatch(path.name):
            path.unlink()
