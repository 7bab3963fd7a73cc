"""Contract files as they were written: untrusted YAML, read into plain data within bounds.

Belongs here: what a contract file must have at its top level, and rejecting what would be misread. Not here:
YAML (`yaml_file`), what a contract means (`contract`), and its JSON Schema (`data_schema`).
"""

import math
from contextlib import suppress
from pathlib import Path
from typing import Any

import jsonschema_rs
import yaml

from event_archive.decoding.dropped_file import kind_if_no_file
from event_archive.errors import UnusableInput
from event_archive.registry.yaml_file import MAX_ENTRIES, Entry, YamlReader

NAME = "^[a-z][a-z0-9_]{0,99}$"
CONTRACT_FILE = {
    "type": "object",
    "additionalProperties": False,
    "required": ["type", "revision", "owner", "description", "actor", "object", "data", "examples"],
    "properties": {
        "type": {"type": "string"},
        "revision": {"type": "integer", "minimum": 1},
        "owner": {"type": "string", "pattern": NAME},
        "description": {"type": "string", "pattern": "\\S"},
        "actor": {
            "type": "array",
            "minItems": 1,
            "uniqueItems": True,
            "items": {"type": "string", "pattern": NAME},
        },
        "object": {"type": "string", "pattern": NAME},
        "data": {"type": "object"},
        "max_refused_share": {"type": "number", "minimum": 0, "maximum": 1},
        "examples": {"type": "array", "minItems": 1, "items": {"type": "object"}},
    },
    "patternProperties": {"^upcast_from_v[0-9]+$": {"type": "object"}},
}


class _ContractReader(YamlReader):
    max_depth = 60
    too_large = "more than {most:,} bytes are no contract"
    too_deep = "nested deeper than a contract can be"
    not_yaml = "this is not YAML: {reason}"
    not_yaml_there = "{reason}"

    def rejected(self, line: int, reason: str) -> UnusableInput:
        return UnusableInput(f"{self.path}: line {line}: {reason}")

    def too_much(self, line: int) -> UnusableInput:
        return UnusableInput(
            f"{self.path}: too much for a contract: at most {MAX_ENTRIES:,} values "
            f"in {self.max_depth} levels, aliases written out"
        )

    def check_name(self, key: Entry, earlier: dict[str, Entry]) -> str:
        name = key.plain()
        if not isinstance(name, str):
            raise self.rejected(key.line, f"the name {str(name)!r} is no text for YAML; quote it")
        if name in earlier:
            raise self.rejected(key.line, f"{name!r} is there twice")
        return name

    def read_tagged(self, node: yaml.Node) -> Entry:
        value = self.loader.construct_object(node, deep=True)
        return Entry(self.path, node.start_mark.line + 1, "", None, None, value)

    def repeated(self, node: yaml.Node) -> UnusableInput:
        return self.rejected(node.start_mark.line + 1, "found unconstructable recursive node")


def read_contract_file(path: Path) -> dict[str, Any]:
    """Return the content of a contract file, as JSON could hold it; raises UnusableInput with one line.

    A folder of contracts is read whole by every command, which a pipe in it would let wait for ever.
    """
    with suppress(OSError):  # reading it says what is wrong
        if kind := kind_if_no_file(path.stat().st_mode):
            raise UnusableInput(f"{path}: can't be read: it is {kind}, not a file")
    entry = _ContractReader(path).read()
    content = entry.plain() if entry is not None else None
    if not isinstance(content, dict):
        raise UnusableInput(f"{path}: a contract is a mapping with type, revision, owner, …; this is not")
    _check_values(path, content)
    for fault in jsonschema_rs.Draft202012Validator(CONTRACT_FILE).iter_errors(content):
        raise UnusableInput(f"{path}: {place_of(fault.instance_path)}: {fault.message}")
    return content


def place_of(parts: list[str | int]) -> str:
    """Return where in a file something is, as a path."""
    return "/".join(map(str, parts)) or "the file"


def _check_values(path: Path, content: dict[str, Any]) -> None:
    """Raise UnusableInput for a value that JSON has not."""
    unchecked: list[tuple[list[str | int], Any]] = [([], content)]
    while unchecked:
        where, value = unchecked.pop()
        if isinstance(value, dict):
            unchecked += [([*where, name], item) for name, item in value.items()]
        elif isinstance(value, list):
            unchecked += [([*where, index], item) for index, item in enumerate(value)]
        elif isinstance(value, float) and not math.isfinite(value):
            raise UnusableInput(f"{path}: {place_of(where)}: JSON has no {value}")
        elif value is not None and not isinstance(value, str | int | float):
            raise UnusableInput(f"{path}: {place_of(where)}: {value!r} is no value that JSON has")
