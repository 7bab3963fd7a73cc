"""YAML files as they were written: untrusted text, read within bounds, in which every entry knows its line.

Belongs here: reading the bytes, the entries of a file, and bounding both. Not here: what a file means, and
which names and tags it may have (`contract_file`, and `mapping.mapping_file`).
"""

import hashlib
import json
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from event_archive.errors import UnusableInput

MAX_BYTES = 1_000_000
MAX_ENTRIES = 20_000  # counted through aliases, so that a YAML bomb ends here
# The safe loader in C, where the package has it: ten times faster, and every command loads contracts.
FAST_LOADER: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
TAG = "tag:yaml.org,2002:"
VALUE_TAGS = {f"{TAG}{kind}" for kind in ("str", "int", "float", "bool", "null")}
TEXT_TAGS = {f"{TAG}timestamp", f"{TAG}merge"}  # taken literally: dates as their text, and no merging
TAGS = VALUE_TAGS | TEXT_TAGS | {f"{TAG}map", f"{TAG}seq"}


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
        """Return the error, in one line, for what can't be used here."""
        return UnusableInput(f"{self.path}, line {self.line}: {reason}")

    def only(self, allowed: set[str], required: set[str], what: str) -> dict[str, "Entry"]:
        """Return the fields; raises UnusableInput where they are not those that belong here."""
        if self.fields is None:
            raise self.rejected(f"{what} must be a mapping with {', '.join(sorted(allowed))}")
        for name, entry in self.fields.items():
            if name not in allowed:
                raise entry.rejected(f"{what} has no {name!r}; it has {', '.join(sorted(allowed))}")
        if missing := sorted(required - set(self.fields)):
            raise self.rejected(f"{what} needs {', '.join(missing)}")
        return self.fields

    def json(self) -> str:
        """Return the whole entry as JSON text; raises UnusableInput where JSON has no such value."""
        try:
            return json.dumps(self.plain(), ensure_ascii=False, allow_nan=False)
        except ValueError:
            raise self.rejected("JSON has no NaN and no infinity") from None

    def plain(self) -> Any:
        """Return the whole entry as dictionaries, lists and scalars."""
        if self.fields is not None:
            return {name: entry.plain() for name, entry in self.fields.items()}
        if self.items is not None:
            return [entry.plain() for entry in self.items]
        return self.constant


class YamlReader(ABC):
    """Reads one YAML file; a kind of file is a subclass, with its bounds, its rules and its error texts.

    `digest`: the SHA-256 of the bytes that were read, which a pipe gives once and a file may soon not give.
    """

    loader_type = FAST_LOADER
    max_depth: int
    unreadable = "can't be read: {reason}"
    too_large: str
    too_deep: str
    not_yaml: str
    not_yaml_there: str  # on a line that is known

    def __init__(self, path: Path) -> None:
        self.path = path
        self.digest = ""
        self._count = 0
        self._parents: set[int] = set()

    def read(self) -> Entry | None:
        """Return the entry of the whole file, None where it is empty; raises UnusableInput with one line."""
        try:
            self.loader = self.loader_type(self._text())
            node = self.loader.get_single_node()
            return None if node is None else self._entry(node, 0)
        except OSError as error:
            reason = self.unreadable.format(reason=error.strerror)
        except yaml.MarkedYAMLError as error:
            reason = self.not_yaml_there.format(reason=error.problem or error.context)
            if mark := error.problem_mark or error.context_mark:
                raise self.rejected(mark.line + 1, reason) from None
        except RecursionError:
            reason = self.too_deep
        except (yaml.YAMLError, ValueError) as error:
            reason = self.not_yaml.format(reason=" ".join(str(error).split()))
        raise UnusableInput(f"{self.path}: {reason}")

    @abstractmethod
    def rejected(self, line: int, reason: str) -> UnusableInput:
        """Return the error, in one line, for what stands on a line."""

    @abstractmethod
    def too_much(self, line: int) -> UnusableInput:
        """Return the error for a file that is beyond its bounds from a line on."""

    @abstractmethod
    def check_name(self, key: Entry, earlier: dict[str, Entry]) -> str:
        """Return the name of a field; raises where it is none, or one of the `earlier` fields has it too."""

    @abstractmethod
    def read_tagged(self, node: yaml.Node) -> Entry | None:
        """Return the entry of a value whose tag is beyond JSON; None: read it as if it had no tag."""

    def read_scalar(self, node: yaml.ScalarNode) -> Any:
        """Return what a scalar is: text, a number, true or false, or None."""
        return node.value if node.tag in TEXT_TAGS else self.loader.construct_object(node)

    def repeated(self, node: yaml.Node) -> UnusableInput:
        """Return the error for an alias inside of what it names."""
        return self.too_much(node.start_mark.line + 1)

    def _text(self) -> str:
        with self.path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        self.digest = hashlib.sha256(content).hexdigest()
        if len(content) > MAX_BYTES:
            reason = self.too_large.format(size=self.path.stat().st_size, most=MAX_BYTES)
            raise UnusableInput(f"{self.path}: {reason}")
        return content.decode("utf-8-sig")

    def _entry(self, node: yaml.Node, depth: int) -> Entry:
        line = node.start_mark.line + 1
        self._count += 1
        if id(node) in self._parents:
            raise self.repeated(node)
        if depth > self.max_depth or self._count > MAX_ENTRIES:
            raise self.too_much(line)
        if node.tag not in TAGS and (entry := self.read_tagged(node)) is not None:
            return entry
        if isinstance(node, yaml.ScalarNode):
            return Entry(self.path, line, node.value, None, None, self.read_scalar(node))
        self._parents.add(id(node))
        fields = items = None
        if isinstance(node, yaml.MappingNode):
            fields = self._fields(node, depth)
        else:
            items = [self._entry(item, depth + 1) for item in node.value]
        self._parents.remove(id(node))
        return Entry(self.path, line, "", fields, items, None)

    def _fields(self, node: yaml.MappingNode, depth: int) -> dict[str, Entry]:
        fields: dict[str, Entry] = {}
        for key_node, value_node in node.value:
            name = self.check_name(self._entry(key_node, depth + 1), fields)
            self._count -= 1  # a name and its value are one entry
            fields[name] = self._entry(value_node, depth + 1)
        return fields
