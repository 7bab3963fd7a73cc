"""What a build is derived from, and the note of the last one: both without an engine.

Belongs here: the digests of all that a build depends on, and reading the note of them. Not here: writing it,
and what follows from it (`unchanged`). Nothing heavy is imported: who asks where things stand waits for no
engine.
"""

import hashlib
import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import event_archive
from event_archive.store.commit import Commit
from event_archive.store.durable import file_digest, file_stamp
from orchestration.dataset.code_version import code_version
from orchestration.dbt.project_files import project_paths
from orchestration.settings import Settings

NOTE = "inputs.json"
CORRECTIONS_WAITING = "corrections_waiting"
"""How many waited after the last build: nothing depends on it, it is there to be shown."""

PRODUCT = (Path(event_archive.__file__).parent, Path(__file__).parents[1])
ENV_VAR = re.compile(rb"""env_var\s*\(\s*(?:'([^']*)'|"([^"]*)")""")
COMMENT = re.compile(rb"\{#.*?#\}", re.DOTALL)
READ_BY_DBT = ("DBT_", "FACTLOG_CUT", "FACTLOG_AS_OF", "FACTLOG_SAMPLE_DAYS", "TZ")


@dataclass(frozen=True)
class Inputs:
    """What a build is derived from: the head of the log, and a digest of all else."""

    log: str
    code: str


def inputs_of_build(settings: Settings, commits: Sequence[Commit]) -> Inputs:
    """What a build over this log is derived from: where that is another, so is the dataset perhaps."""
    return Inputs(commits[-1].digest if commits else "", digest_of_code(settings))


def digest_of_code(settings: Settings) -> str:
    """A digest of all that a build is derived from but the log."""
    files = {str(path): path for path in sorted({*_files(settings)})}
    inputs = {
        "code": code_version(settings),
        "python": [sys.version, *_installed()],
        "files": {name: file_digest(path) for name, path in files.items()},
        "environment": _environment(settings, project_paths(settings.dbt_project)),
    }
    return hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()


def _files(settings: Settings) -> Iterator[Path]:
    """The files of the project, its packages, the contracts, and the product."""
    folders = (settings.contracts, *PRODUCT)
    below = (path for folder in folders for path in folder.rglob("*") if path.suffix != ".pyc")
    yield from (path for path in (*project_paths(settings.dbt_project), *below) if path.is_file())


def _installed() -> list[str]:
    """The packages of this Python, with their versions: dbt's and DuckDB's, and what these are made of."""
    folders = (Path(entry) for entry in sys.path)
    return sorted({path.name for folder in folders if folder.is_dir() for path in folder.glob("*.dist-info")})


def _environment(settings: Settings, paths: Iterable[Path]) -> Mapping[str, str | None]:
    """What the project and dbt read of the environment: all of it, where a name is not written out."""
    environment = settings.environment()
    named = {name for name in environment if name.startswith(READ_BY_DBT)}
    for path in paths:
        content = COMMENT.sub(b"", path.read_bytes()) if path.is_file() else b""
        found = ENV_VAR.findall(content)
        if len(found) < content.count(b"env_var"):
            return environment
        named |= {(single or double).decode("utf-8", "replace") for single, double in found}
    return {name: environment.get(name) for name in sorted(named)}


def warehouse_stamps(settings: Settings) -> list[str]:
    """The state of the warehouse's files."""
    files = (settings.warehouse, settings.warehouse.with_name(f"{settings.warehouse.name}.wal"))
    return [file_stamp(path) if path.exists() else "" for path in files]


def read_note(settings: Settings) -> dict[str, object]:
    """What was noted of the last build; nothing where no note can be read."""
    try:
        note = json.loads((settings.dbt_target / NOTE).read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return note if isinstance(note, dict) else {}
