"""Mapping files as they were written: YAML in which every entry knows its line.

Belongs here: what a mapping file may hold at all, and rejecting what would be misread. Not here: YAML
(`registry.yaml_file`), and what a mapping means (`mapping`).
"""

import re
from pathlib import Path
from typing import Any

import yaml

from event_archive.errors import UnusableInput
from event_archive.registry.yaml_file import MAX_ENTRIES, Entry, YamlReader

PRINTABLE = re.compile(r"[^\x00\ud800-\udfff]*")


class _MappingReader(YamlReader):
    loader_type = yaml.SafeLoader  # slower than the one in C; its errors say what was expected
    max_depth = 30
    unreadable = "can't be read: {reason}; name a mapping file"
    too_large = "{size:,} bytes are too many for a mapping, at most {most:,}"
    too_deep = "nested too deeply for a mapping"
    not_yaml = not_yaml_there = "not valid YAML: {reason}"

    def rejected(self, line: int, reason: str) -> UnusableInput:
        return UnusableInput(f"{self.path}, line {line}: {reason}")

    def too_much(self, line: int) -> UnusableInput:
        return self.rejected(
            line,
            f"too much for a mapping: at most {self.max_depth} levels "
            f"and {MAX_ENTRIES:,} entries, aliases written out",
        )

    def check_name(self, key: Entry, earlier: dict[str, Entry]) -> str:
        if key.fields is not None or key.items is not None or not key.text:
            raise key.rejected("a name must be plain text")
        if key.text == "<<":
            raise key.rejected("merge keys (<<) are not read; use `event:` for what all rules share")
        if key.text in earlier:
            raise key.rejected(f"{key.text!r} is there twice (first on line {earlier[key.text].line})")
        return key.text

    def read_tagged(self, node: yaml.Node) -> None:
        if isinstance(node, yaml.ScalarNode):
            raise self.rejected(node.start_mark.line + 1, f"the YAML tag {node.tag} is not allowed")

    def read_scalar(self, node: yaml.ScalarNode) -> Any:
        line = node.start_mark.line + 1
        if not PRINTABLE.fullmatch(node.value):
            raise self.rejected(line, "NUL and lone surrogates are not allowed")
        try:
            return super().read_scalar(node)
        except ValueError:
            raise self.rejected(line, f"{node.value!r} can't be read; quote it") from None


def read_mapping_file(path: Path) -> tuple[Entry, str]:
    """Return the entry of a whole mapping file, and the SHA-256 of its bytes.

    Raises UnusableInput that names file, line and reason.
    """
    reader = _MappingReader(path)
    entry = reader.read()
    if entry is None:
        raise UnusableInput(f"{path}: the file is empty; a mapping has choose, event and rules")
    return entry, reader.digest
