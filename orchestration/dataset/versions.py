"""The published versions of the reporting dataset: what each is, which exist, and which one is served.

Belongs here: reading them. Not here: writing a version (`publishing.publish`) and the switch to it
(`publishing.serving`), what people said of versions (`version_marks`), what a file says of itself
(`dataset_file`).

    published/reporting.duckdb                  what analysts open: the version that is served
    published/versions/<n>/reporting.duckdb     version n, under the same name, so that queries of one fit all
    published/versions/<n>/manifest.json        what it is; the version exists once this file does

The first is a hard link to one of the others, so it is told by its inode; or a copy, where a file system has
no such links or a backup made two files of it: then by its bytes. So no step of a switch leaves a doubt.
"""

import hashlib
import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from event_archive import UnusableInput
from event_archive.store.checked_files import CheckedFiles, Folder
from event_archive.store.commit import Commit, is_of
from orchestration.dataset.table_state import TableState
from orchestration.json_file import read_json_file
from orchestration.settings import Settings

SERVED = "reporting.duckdb"
VERSIONS = "versions"
MANIFEST = "manifest.json"
VERSION_FOLDER = re.compile(r"[1-9][0-9]*", re.ASCII)
OLDER_LAYOUT = re.compile(r"reporting-([1-9][0-9]*)\.(duckdb|json)", re.ASCII)
CHECKED = ".checked-versions"
VOUCHED_BY = "manifest_sha256"
REMEDY = "restore published/ from a copy, or move it away and run `factlog refresh`"
SERVE_AGAIN = "remove it and run `factlog refresh`"
BRING_BACK = "restore it from a copy, or run `factlog refresh`, which publishes a new one"


@dataclass(frozen=True)
class Version:
    """One published version, as its manifest describes it.

    `is_of_older_layout`: its file lies beside the served one, where an older factlog wrote it.
    """

    number: int
    sequence: int
    log_digest: str
    code_version: str
    published_at: str
    bytes: int
    tables: dict[str, TableState]
    sha256: str = ""
    is_of_older_layout: bool = field(default=False, compare=False)

    @property
    def path(self) -> str:
        """The file that analysts open, as who checks it by its `sha256` calls it."""
        return self.file_name

    @property
    def file_name(self) -> str:
        """The file that analysts open, below the folder `published`."""
        return f"reporting-{self.number}.duckdb" if self.is_of_older_layout else f"{self.folder}/{SERVED}"

    @property
    def manifest_name(self) -> str:
        """The file that says what the version is; the version exists once this file does."""
        return f"reporting-{self.number}.json" if self.is_of_older_layout else f"{self.folder}/{MANIFEST}"

    @property
    def folder(self) -> str:
        """The folder of the version, below the folder `published`."""
        return f"{VERSIONS}/{self.number}"

    @property
    def published_time(self) -> datetime:
        """When it was published."""
        return datetime.fromisoformat(self.published_at)

    @property
    def content(self) -> tuple[object, ...]:
        """What makes a version worth publishing: everything but its number, time and size."""
        return self.log_digest, self.code_version, self.tables

    def sequence_in(self, commits: Sequence[Commit]) -> int:
        """The commit of a log up to which it was derived; 0 where that was another log."""
        return self.sequence if is_of(commits, self.sequence, self.log_digest) else 0

    def fields(self) -> dict[str, Any]:
        """Return what its manifest says."""
        fields = asdict(self)
        del fields["is_of_older_layout"]
        return fields

    def to_json(self) -> str:
        """Return the text of its manifest, which vouches for itself."""
        fields = self.fields()
        return json.dumps(fields | {VOUCHED_BY: digest_of(fields)}, indent=2) + "\n"


def versions(settings: Settings) -> list[Version]:
    """Return the published versions, oldest first."""
    found = {version.number: version for version in versions_of_older_layout(settings)}
    for number in version_folders(settings):
        manifest = settings.published / VERSIONS / str(number) / MANIFEST
        if manifest.exists():
            found[number] = read_numbered(manifest, number)
    return [found[number] for number in sorted(found)]


def versions_of_older_layout(settings: Settings) -> list[Version]:
    """Return the versions that still lie where an older factlog wrote them, oldest first."""
    named = [
        (OLDER_LAYOUT.fullmatch(path.name), path) for path in settings.published.glob("reporting-*.json")
    ]
    known = [read_numbered(path, int(match[1])) for match, path in named if match]
    in_order = sorted(known, key=lambda version: version.number)
    return [replace(version, is_of_older_layout=True) for version in in_order]


def version_folders(settings: Settings) -> list[int]:
    """Return the numbers under which there are folders of versions, oldest first; of a crash, perhaps."""
    names = (path.name for path in (settings.published / VERSIONS).glob("*"))
    return sorted(int(name) for name in names if VERSION_FOLDER.fullmatch(name))


def served_version(settings: Settings) -> Version | None:
    """Return the version that analysts read; None where nothing is published yet."""
    served = settings.published / SERVED
    try:
        if served.is_symlink():
            return version_of_link(settings, served)
        status = served.stat()
    except FileNotFoundError:
        return None
    for number in reversed(version_folders(settings)):
        folder = settings.published / VERSIONS / str(number)
        if (folder / SERVED).exists() and os.path.samestat((folder / SERVED).stat(), status):
            return read_numbered(folder / MANIFEST, number)
    return version_of_bytes(settings, served)


def version_of_link(settings: Settings, served: Path) -> Version:
    """Return the version that a link of an older factlog leads to."""
    match = OLDER_LAYOUT.fullmatch(str(served.readlink()))
    known = {version.number: version for version in versions_of_older_layout(settings)}
    if not match or int(match[1]) not in known:
        raise UnusableInput(f"{served}: is a link, but to no published version; {SERVE_AGAIN}")
    return known[int(match[1])]


def version_of_bytes(settings: Settings, served: Path) -> Version:
    """Return the version that a file is a copy of; hashed once, and again where the file is another."""
    checked = checked_versions(settings)
    digest = checked.digest(SERVED)
    for version in reversed(versions(settings)):
        if digest == (version.sha256 or checked.digest(version.file_name)):
            return version
    raise UnusableInput(f"{served}: is no version that was published; {SERVE_AGAIN}")


def require_served_version(settings: Settings) -> Version:
    """Return the version that analysts read; raises UnusableInput where there is none."""
    version = served_version(settings)
    if version is None:
        settings.require_archive()
        raise UnusableInput(f"{settings.published}: nothing is published yet; run `factlog refresh`")
    return version


def version_or_served(settings: Settings, number: int | None) -> Version:
    """Return a version, or the one that is served where none is named; raises UnusableInput without it."""
    return require_served_version(settings) if number is None else find_version(settings, number)


def find_version(settings: Settings, number: int) -> Version:
    """Return the version of this number; raises UnusableInput where it was never published."""
    known = {version.number: version for version in versions(settings)}
    if number not in known:
        settings.require_archive()
        if number in version_folders(settings):
            manifest = settings.published / VERSIONS / str(number) / MANIFEST
            raise UnusableInput(f"{manifest}: is missing; {REMEDY}")
        listed = ", ".join(map(str, known)) or "none"
        nearest = min(known, key=lambda other: abs(other - number), default=None)
        meant = f"; did you mean {nearest}?" if nearest is not None else ""
        raise UnusableInput(f"version {number}: not published; published versions: {listed}{meant}")
    return known[number]


def read_manifest(path: Path) -> Version:
    """Return the version that a manifest describes; raises UnusableInput where it was changed."""
    fields = read_json_file(path, REMEDY)
    vouched_by = fields.pop(VOUCHED_BY, None)
    if vouched_by not in (None, digest_of(fields)):
        raise UnusableInput(f"{path}: was changed after it was written; {REMEDY}")
    try:
        tables = {name: TableState(**state) for name, state in fields.pop("tables").items()}
        return Version(**fields, tables=tables)
    except (KeyError, TypeError, AttributeError):
        raise UnusableInput(f"{path}: is damaged, it describes no version; {REMEDY}") from None


def read_numbered(path: Path, number: int) -> Version:
    """Return the version that a manifest describes; raises UnusableInput where it is that of another."""
    version = read_manifest(path)
    if version.number != number:
        raise UnusableInput(f"{path}: is the manifest of version {version.number}; {REMEDY}")
    return version


def digest_of(fields: Mapping[str, Any]) -> str:
    """Return the SHA-256 of what a manifest says."""
    return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()


def intact_file(settings: Settings, version: Version) -> Path:
    """Return the file of a version to open it; raises UnusableInput where it is not what was published."""
    if version.sha256:  # an older factlog wrote none into its manifests
        checked_versions(settings).location(version)
    return settings.published / version.file_name


def is_intact(settings: Settings, version: Version) -> bool:
    """Whether the file of a version is what was published."""
    try:
        intact_file(settings, version)
    except UnusableInput:
        return False
    return True


def checked_versions(settings: Settings) -> CheckedFiles:
    """The files of the versions, of which each is compared with its manifest before it is opened."""
    return CheckedFiles(Folder(settings.published), settings.home / CHECKED, BRING_BACK)
