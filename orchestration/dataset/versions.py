"""The published versions of the reporting dataset: what each is, which exist, and which one is served.

Belongs here: reading them. Not here: writing a version and the switch to it (`publishing.publish`), what its
file says of itself (`dataset_file`). A version exists once its manifest does; it is served once
`reporting.duckdb` points at it.
"""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
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
VERSION_FILE = re.compile(r"reporting-[1-9][0-9]*\.duckdb", re.ASCII)
CHECKED = ".checked-versions"
VOUCHED_BY = "manifest_sha256"
REMEDY = "restore published/ from a copy, or move it away and run `factlog refresh`"
BRING_BACK = "restore it from a copy, or run `factlog refresh`, which publishes a new one"


@dataclass(frozen=True)
class Version:
    """One published version, as its manifest describes it."""

    number: int
    sequence: int
    log_digest: str
    code_version: str
    published_at: str
    bytes: int
    tables: dict[str, TableState]
    sha256: str = ""

    @property
    def path(self) -> str:
        """The file that analysts open, as who checks it by its `sha256` calls it."""
        return self.file_name

    @property
    def file_name(self) -> str:
        """The file that analysts open."""
        return f"reporting-{self.number}.duckdb"

    @property
    def manifest_name(self) -> str:
        """The file that says what the version is; the version exists once this file does."""
        return f"reporting-{self.number}.json"

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

    def to_json(self) -> str:
        """Return the text of its manifest, which vouches for itself."""
        fields = asdict(self)
        return json.dumps(fields | {VOUCHED_BY: digest_of(fields)}, indent=2) + "\n"


def versions(settings: Settings) -> list[Version]:
    """Return the published versions, oldest first."""
    manifests = [read_manifest(path) for path in settings.published.glob("reporting-*.json")]
    return sorted(manifests, key=lambda version: version.number)


def served_version(settings: Settings) -> Version | None:
    """Return the version that analysts read; None where nothing is published yet."""
    link = settings.published / SERVED
    try:
        target = link.readlink()
    except FileNotFoundError:
        return None
    except OSError:
        target = Path(SERVED)
    if not VERSION_FILE.fullmatch(str(target)):
        raise UnusableInput(
            f"{link}: is not the link to a version that publishing makes; remove it and run `factlog refresh`"
        )
    return read_manifest((settings.published / target).with_suffix(".json"))


def require_served_version(settings: Settings) -> Version:
    """Return the version that analysts read; raises UnusableInput where there is none."""
    version = served_version(settings)
    if version is None:
        settings.require_archive()
        raise UnusableInput(f"{settings.published}: nothing is published yet; run `factlog refresh`")
    return version


def find_version(settings: Settings, number: int) -> Version:
    """Return the version of this number; raises UnusableInput where it was never published."""
    known = {version.number: version for version in versions(settings)}
    if number not in known:
        settings.require_archive()
        listed = ", ".join(map(str, known)) or "none"
        raise UnusableInput(f"version {number}: not published; published versions: {listed}")
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
