"""The published versions of the reporting dataset: what each is, which exist, and which one is served.

Belongs here: reading them. Not here: writing a version and the switch to it (`publishing.publish`), what its
file says of itself (`dataset_file`). A version exists once its manifest does; it is served once
`reporting.duckdb` points at it.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from event_archive import UnusableInput
from event_archive.store.commit import Commit, is_of
from orchestration.dataset.compare import TableState
from orchestration.json_file import read_json_file
from orchestration.settings import Settings

SERVED = "reporting.duckdb"
REMEDY = "restore published/ from a copy, or move it away and run `factlog refresh`"


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

    @property
    def file_name(self) -> str:
        """The file that analysts open."""
        return f"reporting-{self.number}.duckdb"

    @property
    def manifest_name(self) -> str:
        """The file that says what the version is; the version exists once this file does."""
        return f"reporting-{self.number}.json"

    @property
    def content(self) -> tuple[object, ...]:
        """What makes a version worth publishing: everything but its number, time and size."""
        return self.log_digest, self.code_version, self.tables

    def sequence_in(self, commits: Sequence[Commit]) -> int:
        """The commit of a log up to which it was derived; 0 where that was another log."""
        return self.sequence if is_of(commits, self.sequence, self.log_digest) else 0

    def to_json(self) -> str:
        """Return the text of its manifest."""
        return json.dumps(asdict(self), indent=2) + "\n"


def versions(settings: Settings) -> list[Version]:
    """Return the published versions, oldest first."""
    manifests = [read_manifest(path) for path in settings.published.glob("reporting-*.json")]
    return sorted(manifests, key=lambda version: version.number)


def served_version(settings: Settings) -> Version | None:
    """Return the version that analysts read; None where nothing is published yet."""
    try:
        target = Path((settings.published / SERVED).readlink())
    except FileNotFoundError:
        return None
    return read_manifest(settings.published / target.with_suffix(".json"))


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
    """Return the version that a manifest describes; raises UnusableInput where it is damaged."""
    fields = read_json_file(path, REMEDY)
    try:
        tables = {name: TableState(**state) for name, state in fields.pop("tables").items()}
        return Version(**fields, tables=tables)
    except (KeyError, TypeError, AttributeError):
        raise UnusableInput(f"{path}: is damaged, it describes no version; {REMEDY}") from None
