"""Write, audit, publish: the numbered, immutable versions of the reporting dataset and which one is served.

Belongs here: what a version is, how one is written, and the switch to it. Not here: building the warehouse
(`refresh`), what is checked (`audit`), reading a version (`querying`). A version exists once its manifest
does; it is served once `reporting.duckdb` points at it. A crash leaves the old one served, and litter that
the next publishing removes.
"""

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from event_archive.archive import Archive
from event_archive.errors import UnusableInput
from event_archive.store.log import Commit, is_of
from orchestration.dataset.code_version import code_version
from orchestration.dataset.dataset_file import READ_ONLY_MODE, DatasetInfo, write_dataset
from orchestration.dataset.dataset_update import update_dataset
from orchestration.dataset.tables import TableState, table_states
from orchestration.full_disk import full_disk_in_one_line
from orchestration.settings import Settings
from orchestration.warehouse.build_record import Build, Check, archive_checks, last_build, warehouse_checks
from orchestration.warehouse.engine import open_as_warehouse
from orchestration.warehouse.lock import warehouse_lock

SERVED = "reporting.duckdb"


class PublishingRefused(Exception):
    """A blocking check does not hold; the message is one line that names each."""

    def __init__(self, checks: list[Check]) -> None:
        self.checks = checks
        self.failed = failed = [check for check in checks if check.blocking and not check.passed]
        reasons = "; ".join(f"{check.name} ({check.detail})" for check in failed)
        super().__init__(f"not published: {len(failed)} blocking check(s) do not hold: {reasons}")


@dataclass(frozen=True)
class Version:
    """One published version, as its manifest tells it."""

    number: int
    sequence: int
    log_digest: str
    code_version: str
    published_at: str
    bytes: int
    tables: dict[str, TableState]

    @property
    def file_name(self) -> str:
        """The file that analysts open."""
        return f"reporting-{self.number}.duckdb"

    @property
    def content(self) -> tuple[object, ...]:
        """What makes a version worth publishing: everything but its number, time and size."""
        return self.log_digest, self.code_version, self.tables

    def sequence_in(self, commits: Sequence[Commit]) -> int:
        """Tell up to which commit of a log it was derived; 0 where that was another log."""
        return self.sequence if is_of(commits, self.sequence, self.log_digest) else 0


@dataclass(frozen=True)
class Publication:
    """The version that is served now, whether it is new, and what was checked."""

    version: Version
    is_new: bool
    checks: list[Check]


def versions(settings: Settings) -> list[Version]:
    """List the published versions, oldest first."""
    found = [read_manifest(path) for path in settings.published.glob("reporting-*.json")]
    return sorted(found, key=lambda version: version.number)


def current(settings: Settings) -> Version | None:
    """Tell which version is served."""
    try:
        target = Path((settings.published / SERVED).readlink())
    except FileNotFoundError:
        return None
    return read_manifest(settings.published / target.with_suffix(".json"))


def served(settings: Settings) -> Version:
    """Give the version that is served; raises UnusableInput where there is none."""
    version = current(settings)
    if version is None:
        raise UnusableInput(f"{settings.published}: nothing is published yet; run `factlog refresh`")
    return version


def version_of(settings: Settings, number: int) -> Version:
    """Find a version by its number; raises UnusableInput where it was never published."""
    known = {version.number: version for version in versions(settings)}
    if number not in known:
        listed = ", ".join(map(str, known)) or "none"
        raise UnusableInput(f"version {number}: not published; published versions: {listed}")
    return known[number]


def publish(settings: Settings, *, log: Callable[[str], None] | None = None) -> Publication:
    """Publish the warehouse if its checks hold and it says something new."""
    with warehouse_lock(settings, "publishing", log=log), full_disk_in_one_line(str(settings.published)):
        return publish_locked(settings)


def publish_locked(settings: Settings) -> Publication:
    """Publish while the caller holds the warehouse."""
    if not settings.warehouse.is_file():
        raise UnusableInput(f"{settings.warehouse}: nothing to publish yet; run `factlog refresh`")
    with open_as_warehouse(settings, settings.warehouse) as connection:
        build = last_build(connection)
        checks = audit(settings, connection, build)
        failed = [check for check in checks if check.blocking and not check.passed]
        if failed or build is None:
            raise PublishingRefused(checks)
        states = table_states(connection)
        return Publication(*switch(settings, connection, build, states), checks)


def audit(settings: Settings, connection: duckdb.DuckDBPyConnection, build: Build | None) -> list[Check]:
    """Run the checks that publishing waits for."""
    checks = warehouse_checks(connection)
    if build is None:
        return checks
    archive = settings.open_archive()
    after = checked_until(settings, archive)
    return [*archive_checks(archive, connection, build.sequence, after=after), *checks]


def checked_until(settings: Settings, archive: Archive) -> int:
    """Tell up to which commit of this log an earlier version's checks held; 0 where there was none."""
    written = versions(settings)
    return written[-1].sequence_in(archive.log.commits()) if written else 0


def switch(
    settings: Settings, connection: duckdb.DuckDBPyConnection, build: Build, states: dict[str, TableState]
) -> tuple[Version, bool]:
    """Serve the version that says this: the current one, one that a crash left unserved, or a new one."""
    content = (build.log_digest, code_version(), states)
    before = current(settings)
    if before is not None and before.content == content:
        return before, False
    written = versions(settings)
    clear_litter(settings.published, written)
    newest = written[-1] if written else None
    if newest is None or newest == before or newest.content != content:
        newest = write(settings, connection, build, states, newest)
    serve(settings.published, newest)
    return newest, True


def write(
    settings: Settings,
    connection: duckdb.DuckDBPyConnection,
    build: Build,
    states: dict[str, TableState],
    before: Version | None,
) -> Version:
    """Write the version after another: first the whole file, then the manifest that makes it exist."""
    number = before.number + 1 if before else 1
    settings.published.mkdir(parents=True, exist_ok=True)
    unfinished = settings.published / f".reporting-{number}.duckdb.unfinished"
    written_at = datetime.now(UTC)
    about = DatasetInfo(build.sequence, build.log_digest, build.as_of, code_version(), written_at)
    if before is None or not update_dataset(
        connection, settings.published / before.file_name, unfinished, about, states
    ):
        write_dataset(connection, unfinished, about, states)
    version = Version(
        number=number,
        sequence=build.sequence,
        log_digest=build.log_digest,
        code_version=about.code_version,
        published_at=written_at.isoformat(timespec="microseconds").replace("+00:00", "Z"),
        bytes=unfinished.stat().st_size,
        tables=states,
    )
    settle(unfinished, settings.published / version.file_name)
    manifest = settings.published / f".reporting-{number}.json.unfinished"
    manifest.write_text(json.dumps(asdict(version), indent=2) + "\n")
    manifest.chmod(READ_ONLY_MODE)
    settle(manifest, settings.published / f"reporting-{number}.json")
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
    version = version_of(settings, number)
    with warehouse_lock(settings, "rolling back"):
        serve(settings.published, version)
    return version


def clear_litter(published: Path, written: list[Version]) -> None:
    """Remove what a crash left half-done: unfinished files, and data files that no manifest names."""
    complete = {version.file_name for version in written}
    for path in [*published.glob(".reporting*.unfinished*"), *published.glob("reporting-*.duckdb")]:
        if path.name not in complete:
            path.unlink()


def settle(unfinished: Path, final: Path) -> None:
    """Bring a finished file to the disk and to its name."""
    sync(unfinished)
    unfinished.replace(final)
    sync(final.parent)


def sync(path: Path) -> None:
    """Wait until a file or folder is on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def read_manifest(path: Path) -> Version:
    """Read a manifest."""
    fields: dict[str, Any] = json.loads(path.read_text())
    tables = {name: TableState(**state) for name, state in fields.pop("tables").items()}
    return Version(**fields, tables=tables)
