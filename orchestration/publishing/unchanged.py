"""Whether what is served is what a refresh would derive, and if not, what of the last build it may keep.

Belongs here: the digests of all that a build depends on, the note of them, and comparing. Not here: what else
a project may read (`warehouse.unknown_inputs`), which nodes follow (`planning.selection`), and building
(`refresh`, `assets.models`).

The note (`inputs.json` beside dbt's files) holds, from before a build, the digests of what this is derived
from; and once all of it is published, the state of the warehouse's file and the version that is served. Where
all of these are as they were, nothing has to be built, unless a node may change by itself. Where the code and
the warehouse are, a build may keep what it would make again. Otherwise, or where the note is lost, everything
is built. Who asks for something (a replay, a rebuild) writes the warehouse, and so makes it another.
"""

import contextlib
import hashlib
import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import event_archive
from event_archive import Archive, UnusableInput
from event_archive.store.commit import Commit, segments_of
from event_archive.store.durable import file_digest, file_stamp, make_durable_folder
from orchestration.dataset.code_version import code_version
from orchestration.dataset.versions import Version, is_intact, served_version
from orchestration.dbt.process import project_paths
from orchestration.settings import Settings
from orchestration.warehouse.build_record import last_build
from orchestration.warehouse.engine import open_warehouse
from orchestration.warehouse.outcomes import NOTHING_BUILT, BuiltFrom, any_moves, read_built_from

NOTE = "inputs.json"
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


def note_inputs(settings: Settings, inputs: Inputs) -> None:
    """Note what a build is derived from, before it begins; needs the warehouse's lock."""
    make_durable_folder(settings.dbt_target)
    _write(settings, {"inputs": asdict(inputs)})


def note_published(settings: Settings, version: Version) -> None:
    """Note that all of the last build is published; needs the warehouse's lock, and comes last under it."""
    note = _read(settings)
    if "inputs" in note:
        with open_warehouse(settings, read_only=True) as connection:
            moves = any_moves(connection)
        served = {"version": version.number, "manifest": version.to_json()}
        kept = {"inputs": note["inputs"], "warehouse": _warehouse(settings), "moves": moves}
        _write(settings, {**kept, **served})


def is_unchanged(settings: Settings, archive: Archive, inputs: Inputs) -> bool:
    """Whether a build would give what is served already; raises UnusableInput where a file of it was changed.

    The archive's files are what they were when they were checked: as in a build, which opens them.
    """
    version = served_version(settings)
    if version is None or not settings.warehouse.is_file() or not is_intact(settings, version):
        return False
    is_same = {"inputs": asdict(inputs), "warehouse": _warehouse(settings), "moves": False}
    if _read(settings) != {**is_same, "version": version.number, "manifest": version.to_json()}:
        return False
    archive.files.locations(segments_of(archive.log.commits()))
    return True


def read_last_build(settings: Settings, code: str) -> BuiltFrom:
    """Of what the nodes in the warehouse were made, if all hold and this code made them; otherwise nothing.

    To be read before anything is asked for: whatever is written into the warehouse makes it another.
    """
    note = _read(settings)
    inputs = note.get("inputs")
    is_of_code = isinstance(inputs, dict) and inputs.get("code") == code
    if not is_of_code or not settings.warehouse.is_file() or note.get("warehouse") != _warehouse(settings):
        return NOTHING_BUILT
    with open_warehouse(settings, read_only=True) as connection:
        build = last_build(connection)
        return read_built_from(connection) if build and build.complete else NOTHING_BUILT


def is_surely_unchanged(settings: Settings, archive: Archive) -> bool:
    """The same, for who only looks: where something is wrong, a build is to say what."""
    try:
        return is_unchanged(settings, archive, inputs_of_build(settings, archive.log.commits()))
    except UnusableInput:
        return False


def _warehouse(settings: Settings) -> list[str]:
    """The state of the warehouse's files."""
    files = (settings.warehouse, settings.warehouse.with_name(f"{settings.warehouse.name}.wal"))
    return [file_stamp(path) if path.exists() else "" for path in files]


def _read(settings: Settings) -> dict[str, object]:
    try:
        note = json.loads((settings.dbt_target / NOTE).read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return note if isinstance(note, dict) else {}


def _write(settings: Settings, note: Mapping[str, object]) -> None:
    """Write the note; one that can't be written is worth no more than a build."""
    unfinished = settings.dbt_target / f".{NOTE}.unfinished"
    with contextlib.suppress(OSError):
        unfinished.write_text(json.dumps(note))
        unfinished.replace(settings.dbt_target / NOTE)
