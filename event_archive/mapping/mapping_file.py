"""Mapping files as they were written: YAML in which every entry knows its line.

Belongs here: reading untrusted YAML within bounds, and refusing what would be misread. Not here: what a
mapping means, see `mapping`.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from event_archive.errors import UnusableInput

MAX_BYTES = 1_000_000
MAX_ENTRIES = 20_000  # counted through aliases, so that a YAML bomb ends here
MAX_DEPTH = 30
PLAIN_TAGS = {f"tag:yaml.org,2002:{kind}" for kind in ("str", "int", "float", "bool", "null", "timestamp")}
PRINTABLE = re.compile(r"[^\x00\ud800-\udfff]*")


@dataclass(frozen=True)
class Entry:
    """One value of a YAML file: fields, items, or (where both are None) a scalar, as it was written."""

    path: Path
    line: int
    text: str
    fields: dict[str, "Entry"] | None
    items: list["Entry"] | None
    constant: Any  # the scalar as YAML reads it; dates stay text

    def rejected(self, reason: str) -> UnusableInput:
        """Word the one line for what can't be used here."""
        return UnusableInput(f"{self.path}, line {self.line}: {reason}")

    def only(self, allowed: set[str], required: set[str], what: str) -> dict[str, "Entry"]:
        """Give the fields, if they are those that belong here."""
        if self.fields is None:
            raise self.rejected(f"{what} must be a mapping with {', '.join(sorted(allowed))}")
        for name, entry in self.fields.items():
            if name not in allowed:
                raise entry.rejected(f"{what} has no {name!r}; it has {', '.join(sorted(allowed))}")
        if missing := sorted(required - set(self.fields)):
            raise self.rejected(f"{what} needs {', '.join(missing)}")
        return self.fields

    def json(self) -> str:
        """Give the whole entry as JSON text."""
        try:
            return json.dumps(self._plain(), ensure_ascii=False, allow_nan=False)
        except ValueError:
            raise self.rejected("JSON has no NaN and no infinity") from None

    def _plain(self) -> Any:
        if self.fields is not None:
            return {name: entry._plain() for name, entry in self.fields.items()}
        if self.items is not None:
            return [entry._plain() for entry in self.items]
        return self.constant


def read_mapping_file(path: Path) -> Entry:
    """Read a YAML file; raise UnusableInput with one line that names file, line and reason."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UnusableInput(f"{path}: can't be read: {error.strerror}; name a mapping file") from None
    if len(content) > MAX_BYTES:
        raise UnusableInput(
            f"{path}: {len(content):,} bytes are too many for a mapping, at most {MAX_BYTES:,}"
        )
    try:
        loader = yaml.SafeLoader(content.decode("utf-8-sig"))
        node = loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f", line {mark.line + 1}" if mark else ""
        raise UnusableInput(f"{path}{line}: not valid YAML: {error.problem or error.context}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UnusableInput(f"{path}: not valid YAML: {' '.join(str(error).split())}") from None
    except RecursionError:
        raise UnusableInput(f"{path}: nested too deeply for a mapping") from None
    if node is None:
        raise UnusableInput(f"{path}: the file is empty; a mapping has choose, event and rules")
    return _Reader(path, loader).entry(node, 0)


class _Reader:
    def __init__(self, path: Path, loader: yaml.SafeLoader) -> None:
        self.path = path
        self.loader = loader
        self.entries = 0

    def entry(self, node: yaml.Node, depth: int) -> Entry:
        line = node.start_mark.line + 1
        self.entries += 1
        if depth > MAX_DEPTH or self.entries > MAX_ENTRIES:
            raise UnusableInput(
                f"{self.path}, line {line}: too much for a mapping: at most {MAX_DEPTH} levels "
                f"and {MAX_ENTRIES:,} entries, aliases written out"
            )
        if isinstance(node, yaml.MappingNode):
            return Entry(self.path, line, "", self._fields(node, depth), None, None)
        if isinstance(node, yaml.SequenceNode):
            items = [self.entry(item, depth + 1) for item in node.value]
            return Entry(self.path, line, "", None, items, None)
        return self._scalar(node, line)

    def _fields(self, node: yaml.MappingNode, depth: int) -> dict[str, Entry]:
        fields: dict[str, Entry] = {}
        for key_node, value_node in node.value:
            key = self.entry(key_node, depth + 1)
            if key.fields is not None or key.items is not None or not key.text:
                raise key.rejected("a name must be plain text")
            if key.text == "<<":
                raise key.rejected("merge keys (<<) are not read; use `event:` for what all rules share")
            if key.text in fields:
                raise key.rejected(f"{key.text!r} is there twice (first on line {fields[key.text].line})")
            fields[key.text] = self.entry(value_node, depth + 1)
        return fields

    def _scalar(self, node: yaml.Node, line: int) -> Entry:
        if node.tag not in PLAIN_TAGS and node.tag != "tag:yaml.org,2002:merge":
            raise UnusableInput(f"{self.path}, line {line}: the YAML tag {node.tag} is not allowed")
        text = str(node.value)
        if not PRINTABLE.fullmatch(text):
            raise UnusableInput(f"{self.path}, line {line}: NUL and lone surrogates are not allowed")
        kept = node.tag.endswith((":timestamp", ":merge"))
        try:
            constant = text if kept else self.loader.construct_object(node)
        except ValueError:
            raise UnusableInput(f"{self.path}, line {line}: {text!r} can't be read; quote it") from None
        return Entry(self.path, line, text, None, None, constant)
