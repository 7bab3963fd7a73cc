"""`factlog.toml`: where a project begins, and what it says where the environment says nothing.

Belongs here: finding the file, its keys, and the one line that says what is wrong with it. Not here: what the
values mean and which are allowed (`settings`, `setting_values`). A key stands for the variable of the
environment that is called like it, so that each value is read and judged once.
"""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from difflib import get_close_matches
from pathlib import Path, PurePosixPath

from event_archive import UnusableInput
from orchestration.setting_values import absolute

FILE = "factlog.toml"
FORMAT = 1
MOST_BYTES = 1 << 20
NO_PROJECT = (
    "{}: there is no factlog.toml here or in a folder above; go to a project's folder, name it by "
    "FACTLOG_PROJECT, or make a project with: factlog init DIR"
)
FOLDER, SIZE, NUMBER, DAY = "a folder", "a size", "a whole number", "a day"
ZONE, KEPT = "a time zone", "a number of versions or an age"
KEYS: Mapping[str, tuple[str, str]] = {
    "contracts": (FOLDER, '"contracts"'),
    "dbt_project": (FOLDER, '"dbt_project"'),
    "home": (FOLDER, '"var"'),
    "first_day": (DAY, "2026-01-31"),
    "memory": (SIZE, '"1G"'),
    "build_memory": (SIZE, '"3G"'),
    "max_record": (SIZE, '"16M"'),
    "max_input": (SIZE, '"16G"'),
    "threads": (NUMBER, "2"),
    "clock_skew": (NUMBER, "300"),
    "time_zone": (ZONE, '"Europe/Berlin"'),
    "retention": (KEPT, '30 or "90d"'),
}
"""Each key with the kind of its value, and one to write."""


@dataclass(frozen=True)
class ProjectFile:
    """What a project says: `values` by key, as texts, and the mapping file of each folder of the inbox."""

    path: Path
    values: Mapping[str, str] = field(default_factory=dict)
    inbox_mappings: tuple[tuple[str, Path], ...] = ()

    @property
    def folder(self) -> Path:
        """The folder of the project: what the file names is meant from here."""
        return self.path.parent

    def variables(self) -> dict[str, tuple[str, str]]:
        """Return each value by the variable that it stands for, with what to call it in an error."""
        return {
            f"FACTLOG_{key.upper()}": (value, f"{self.path}: {key} = {value}")
            for key, value in self.values.items()
        }


def current_folder() -> Path:
    """Return the folder that the user stands in; the root, where that folder was removed meanwhile."""
    try:
        return Path.cwd()
    except FileNotFoundError:
        return Path("/")


def find_project(start: Path) -> Path | None:
    """Return the project file in a folder or in the nearest above it; None where there is none.

    A project's models are code that is run. So one that lies above, and that somebody else has put there, is
    not taken for one's own.
    """
    for folder in (start, *start.parents):
        path = folder / FILE
        if path.is_file():
            if folder != start and path.stat().st_uid not in (0, os.geteuid()):
                raise UnusableInput(
                    f"{path}: belongs to another user; go to its folder, or name it by FACTLOG_PROJECT, "
                    "if you trust what it runs"
                )
            return path
    return None


def named_project(name: str) -> Path:
    """Return the project file that FACTLOG_PROJECT names: the file, or its folder."""
    path = absolute(name, "FACTLOG_PROJECT")
    path = path if path.name == FILE else path / FILE
    if not os.path.isfile(path):  # noqa: PTH113  a path that is too long for the system is none, too
        raise UnusableInput(
            f"FACTLOG_PROJECT={name}: there is no {FILE} there; name a project's folder, or make a project "
            "with: factlog init DIR"
        )
    return path


def read_project(path: Path) -> ProjectFile:
    """Read a project file; raises UnusableInput with one line: the file, the key, and what to write."""
    content = _parsed(path)
    made_for = content.pop("format", FORMAT)
    if made_for != FORMAT:
        raise UnusableInput(
            f"{path}: format = {made_for!r}: this factlog reads format {FORMAT}; install the factlog that "
            "the project was made for, or see docs/how-to-upgrade.md"
        )
    inbox = content.pop("inbox", {})
    for key in content:
        _require_known(path, key, [*KEYS, "format", "inbox"])
    values = {key: _text(path, key, value) for key, value in content.items()}
    return ProjectFile(path, values, _mappings(path, inbox))


def read_nearest(environment: Mapping[str, str], start: Path) -> ProjectFile | None:
    """Read the project that the environment names, or the nearest from a folder upwards."""
    name = environment.get("FACTLOG_PROJECT")
    path = named_project(name) if name else find_project(start)
    return None if path is None else read_project(path)


def _parsed(path: Path) -> dict[str, object]:
    try:
        with path.open("rb") as file:
            read = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise UnusableInput(f"{path}: can't be read: {error.strerror}") from None
    if len(read) > MOST_BYTES:
        raise UnusableInput(f"{path}: more than {MOST_BYTES:,} bytes are no project file")
    try:
        return tomllib.loads(read.decode())
    except (ValueError, RecursionError) as error:
        raise UnusableInput(f"{path}: not valid TOML: {error}; texts stand in quotes") from None


def _require_known(path: Path, key: str, known: list[str], table: str = "") -> None:
    if key not in known:
        nearest = get_close_matches(key, known, 1)
        meant = f"did you mean {nearest[0]}?" if nearest else f"a project has {', '.join(known)}"
        raise UnusableInput(f"{path}: {table}{key}: there is no such key; {meant}")


def _text(path: Path, key: str, value: object) -> str:
    """Return the value of a key as the environment would hold it."""
    kind, example = KEYS[key]
    if kind in (NUMBER, KEPT) and isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    # A date-time is a date, too, to Python.
    if kind == DAY and type(value) is date:
        return value.isoformat()
    if kind in (FOLDER, SIZE, ZONE, KEPT) and isinstance(value, str) and value.strip():
        return str(_below(path, key, value)) if kind == FOLDER else value.strip()
    raise UnusableInput(f"{path}: {key} = {_shown(value)}: not {kind}; write it like {key} = {example}")


def _below(path: Path, key: str, value: str) -> Path:
    """Return a path as the project means it: from its folder."""
    return absolute(path.parent / Path(value).expanduser(), key) if value[:1] != "~" else absolute(value, key)


def _mappings(path: Path, inbox: object) -> tuple[tuple[str, Path], ...]:
    example = 'write it like [inbox.mappings] and, below it, github = "mappings/github.yaml"'
    if not isinstance(inbox, dict):
        raise UnusableInput(f"{path}: inbox = {_shown(inbox)}: not a table; {example}")
    for key in inbox:
        _require_known(path, key, ["mappings"], "inbox.")
    mappings = inbox.get("mappings", {})
    if not isinstance(mappings, dict):
        raise UnusableInput(f"{path}: inbox.mappings = {_shown(mappings)}: not a table; {example}")
    return tuple(sorted(_mapping(path, folder, file) for folder, file in mappings.items()))


def _mapping(path: Path, folder: str, file: object) -> tuple[str, Path]:
    key = f"inbox.mappings.{folder}"
    parts = PurePosixPath(folder)
    if parts.is_absolute() or not parts.parts or ".." in parts.parts or str(parts) != folder:
        raise UnusableInput(f"{path}: {key}: not a folder of the inbox; name it by its path in there")
    if not isinstance(file, str) or not file.strip():
        raise UnusableInput(
            f'{path}: {key} = {_shown(file)}: not a file; write it like "mappings/github.yaml"'
        )
    mapping = _below(path, key, file)
    if not mapping.is_file():
        raise UnusableInput(f"{path}: {key} = {_shown(file)}: there is no file {mapping}")
    return folder, mapping


def _shown(value: object) -> str:
    """Return a value as TOML writes it, near enough for whoever has written it."""
    shown = f'"{value}"' if isinstance(value, str) else str(value)
    return shown if len(shown) <= 80 else f"{shown[:77]}…"
