"""Schema files as they were written: untrusted text, read within bounds, and what of it a contract can't say.

Belongs here: the bounds, strict JSON, and `Loss`. Not here: what a schema means (`readers`).
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from event_archive.errors import UnusableInput
from event_archive.wording import json_fault

MAX_BYTES = 1_000_000
MAX_DEPTH = 100  # of the file; a contract made from it is bounded more tightly
MAX_PARTS = 5_000  # of a data schema, with everything that it refers to written out


@dataclass(frozen=True)
class Loss:
    """What a contract can't say as the file said it: `place` in the file, and `why` in one line."""

    place: str
    why: str

    @classmethod
    def of(cls, place: str, why: str) -> "Loss":
        """Return a loss in one line of bounded length: a file may give its fields any names."""
        shown = [" ".join(text.split()) for text in (place, why)]
        return cls(*(text if len(text) <= 200 else text[:199] + "…" for text in shown))


@dataclass(frozen=True)
class DataSchema:
    """The data schema of a contract, made from a foreign schema, and what could not be carried over."""

    schema: Mapping[str, Any]
    losses: tuple[Loss, ...]


@dataclass(frozen=True)
class Choices:
    """What an import is asked for beyond the file.

    `message`: which of its records, messages or definitions, where there are several. `folders`: where files
    lie that it refers to; `beside`: its own folder, looked into last. `null_or_absent`: what becomes of a
    field of a JSON Schema that may be null and may be absent, one of `NULL_OR_ABSENT`. `draft`: that of one
    whose `$schema` names none.
    """

    message: str | None = None
    folders: tuple[Path, ...] = ()
    beside: Path | None = None
    null_or_absent: str = "both"
    draft: int | None = None


NO_CHOICES = Choices()
NULL_OR_ABSENT = ("both", "absent", "null")
"""It stays both (its column holds JSON), or is never null, or never absent."""


class Budget:
    """Counts the parts of a schema that is written out: short files can stand for endless ones."""

    def __init__(self) -> None:
        self._left = MAX_PARTS

    def spend(self, place: str) -> None:
        """Count a part; raises UnusableInput where there were too many."""
        self._left -= 1
        if self._left < 0:
            raise UnusableInput(
                f"{place}: written out, this schema has more than {MAX_PARTS:,} parts; import a smaller one"
            )


def read_schema_file(path: Path) -> str:
    """Return the text of a schema file; raises UnusableInput with one line."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise UnusableInput(f"{path}: can't be read: {error.strerror}") from error
    if len(content) > MAX_BYTES:
        raise UnusableInput(f"{path}: more than {MAX_BYTES:,} bytes are no schema of one event; split it")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnusableInput(f"{path}: byte {error.start} is not UTF-8; save it as UTF-8") from error


def parse_json(text: str) -> Any:
    """Return the value of strict JSON, no key twice, of bounded depth.

    Raises UnusableInput with one line that names no file.
    """
    try:
        value = json.loads(text, object_pairs_hook=_object, parse_constant=_constant, parse_float=_number)
    except json.JSONDecodeError as error:
        raise UnusableInput(f"line {error.lineno}: this is not JSON: {json_fault(error)}") from error
    except ValueError as error:
        raise UnusableInput(f"this is not JSON: {str(error).splitlines()[0]}") from error
    except RecursionError as error:
        raise UnusableInput(f"nested deeper than {MAX_DEPTH} levels") from error
    unchecked = [(value, 0)]
    while unchecked:
        part, depth = unchecked.pop()
        if depth > MAX_DEPTH:
            raise UnusableInput(f"nested deeper than {MAX_DEPTH} levels")
        if isinstance(part, dict):
            unchecked += [(item, depth + 1) for pair in part.items() for item in pair]
        elif isinstance(part, list):
            unchecked += [(item, depth + 1) for item in part]
        elif isinstance(part, str) and not _has_characters(part):
            raise UnusableInput("a text holds half of a surrogate pair, which is no character")
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content: dict[str, Any] = {}
    for name, value in pairs:
        if name in content:
            raise ValueError(f"the name {name[:60]!r} stands twice in one object")
        content[name] = value
    return content


def _constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is not JSON")


def _number(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:40]} is out of range")
    return number


def _has_characters(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
