"""Contract files as they were written: untrusted YAML, read into plain data within bounds.

Belongs here: YAML, what a contract file must have at its top level, and refusing what would be misread. Not
here: what a contract means, and its JSON Schema (`contract`).
"""

import math
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import jsonschema_rs
import yaml

from event_archive.errors import UnusableInput

MAX_BYTES = 1_000_000
MAX_VALUES = 20_000  # counted through aliases, so that a YAML bomb ends here
MAX_DEPTH = 60
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


# The safe loader in C, where the package has it: ten times faster, and every command loads contracts.
class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """YAML that is taken literally: no name twice, no merge keys, dates as their text."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """A mapping whose names are all different texts."""
        found: dict[Hashable, Any] = {}
        for key_node, value_node in node.value:
            name = self.construct_object(key_node, deep=True)
            if not isinstance(name, str):
                self._refuse(key_node, f"the name {str(name)!r} is no text for YAML; quote it")
            if name in found:
                self._refuse(key_node, f"{name!r} is there twice")
            found[name] = self.construct_object(value_node, deep=deep)
        return found

    def construct_yaml_map(self, node: yaml.MappingNode) -> dict[Hashable, Any]:
        """As `construct_mapping`, at once: an alias inside of what it names is an error."""
        return self.construct_mapping(node, deep=True)

    def _refuse(self, node: yaml.Node, problem: str) -> None:
        raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark)


def _text(loader: _Loader, node: yaml.ScalarNode) -> str:
    return str(loader.construct_scalar(node))


_Loader.add_constructor("tag:yaml.org,2002:map", _Loader.construct_yaml_map)
_Loader.add_constructor("tag:yaml.org,2002:timestamp", _text)
_Loader.add_constructor("tag:yaml.org,2002:merge", _text)


def read_contract_file(path: Path) -> dict[str, Any]:
    """The content of a contract file, as JSON could hold it; raises UnusableInput with one line."""
    try:
        content = _content(path)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f"line {mark.line + 1}: " if mark else ""
        raise UnusableInput(f"{path}: {line}{error.problem or error.context}") from error
    except RecursionError as error:
        raise UnusableInput(f"{path}: nested deeper than a contract can be") from error
    except (yaml.YAMLError, ValueError) as error:
        raise UnusableInput(f"{path}: this is not YAML: {' '.join(str(error).split())}") from error
    except OSError as error:
        raise UnusableInput(f"{path}: can't be read: {error.strerror}") from error
    if not isinstance(content, dict):
        raise UnusableInput(f"{path}: a contract is a mapping with type, revision, owner, …; this is not")
    _check_values(path, content)
    for fault in jsonschema_rs.Draft202012Validator(CONTRACT_FILE).iter_errors(content):
        raise UnusableInput(f"{path}: {place_of(fault.instance_path)}: {fault.message}")
    return content


def place_of(parts: list[str | int]) -> str:
    """Where in a file something is, as a path."""
    return "/".join(map(str, parts)) or "the file"


def _content(path: Path) -> Any:
    with path.open("rb") as file:
        text = file.read(MAX_BYTES + 1)
    if len(text) > MAX_BYTES:
        raise UnusableInput(f"{path}: more than {MAX_BYTES:,} bytes are no contract")
    return yaml.load(text.decode("utf-8-sig"), Loader=_Loader)


def _check_values(path: Path, content: dict[str, Any]) -> None:
    """Refuse what JSON has not, and more values than any contract has."""
    waiting: list[tuple[list[str | int], Any]] = [([], content)]
    seen = 0
    while waiting:
        where, value = waiting.pop()
        seen += 1
        if seen > MAX_VALUES or len(where) > MAX_DEPTH:
            raise UnusableInput(
                f"{path}: too much for a contract: at most {MAX_VALUES:,} values in {MAX_DEPTH} levels, "
                "aliases written out"
            )
        if isinstance(value, dict):
            waiting += [([*where, name], item) for name, item in value.items()]
        elif isinstance(value, list):
            waiting += [([*where, index], item) for index, item in enumerate(value)]
        elif isinstance(value, float) and not math.isfinite(value):
            raise UnusableInput(f"{path}: {place_of(where)}: JSON has no {value}")
        elif value is not None and not isinstance(value, str | int | float):
            raise UnusableInput(f"{path}: {place_of(where)}: {value!r} is no value that JSON has")
