"""A contract as the text of its file: YAML laid out to be read and edited, with a comment at its head.

Belongs here: layout, and that YAML reads back exactly what was meant. Not here: what a contract says.
"""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

import yaml

WIDTH = 110
PLAIN = re.compile(r"[A-Za-z/][\w/. ]*[\w.]", re.ASCII)
# The order in which a person reads a contract; anything else comes where it stood, before the examples.
TEXT = "tag:yaml.org,2002:str"
FIRST = ("type", "revision", "owner", "description", "actor", "object", "data")


class _Dumper(yaml.SafeDumper):
    """Lists of plain values stand on one line where they fit; nothing is written as an alias."""

    def ignore_aliases(self, data: Any) -> bool:
        """Write out what stands twice."""
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        """Indent the items of a list below its name."""
        super().increase_indent(flow, False)


def _sequence(dumper: _Dumper, items: list[Any]) -> yaml.Node:
    short = all(item is None or isinstance(item, str | int | float) for item in items)
    fits = short and sum(len(str(item)) + 4 for item in items) < WIDTH - 40
    return dumper.represent_sequence("tag:yaml.org,2002:seq", items, flow_style=fits)


def _text(dumper: _Dumper, text: str) -> yaml.Node:
    # Quoted where YAML, of any version, could take it for something else, or where a person could.
    tag = dumper.resolve(yaml.ScalarNode, text, (True, False))  # type: ignore[no-untyped-call]
    misread = tag != TEXT or text[:1].isdigit()
    style = '"' if misread or ("\\" not in text and any(mark in text for mark in ":#'\"")) else None
    return dumper.represent_scalar(TEXT, text, style=style)


_Dumper.add_representer(list, _sequence)
_Dumper.add_representer(tuple, lambda dumper, items: _sequence(dumper, list(items)))
_Dumper.add_representer(str, _text)


def contract_text(content: Mapping[str, Any], comments: Iterable[str] = ()) -> str:
    """Return the text of a contract file. `content`: what the file has; `comments` open it, a line each."""
    order = [name for name in FIRST if name in content]
    order += [name for name in content if name not in {*FIRST, "examples"}]
    order += ["examples"] if "examples" in content else []
    lines = [f"# {one_line(comment)}".rstrip() for comment in comments]
    parts = [
        yaml.dump(
            {name: content[name]}, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=WIDTH
        ).rstrip("\n")
        for name in order
    ]
    return "\n".join([*lines, *parts]) + "\n"


def scalar(text: str) -> str:
    """Return a text as a YAML value, quoted where it could be read as something else, such as `on`."""
    return text if PLAIN.fullmatch(text) and yaml.safe_load(text) == text else json.dumps(text)


def one_line(text: str) -> str:
    """Return a text as a single line, its control characters spelled out: nothing breaks out of a comment."""
    joined = " ".join(text.split())
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape", "surrogatepass").decode()
        for letter in joined
    )
