"""The next major of a contract, before anything of it is changed: the text to begin with.

Belongs here: that text, made from the text of the major before by the few changes that it needs, so that
comments, order and layout stay. Not here: which majors can be begun (`new_contract`).

Where the old text is laid out in a way that can't be edited so, it is written out anew.
"""

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from string import Template
from typing import Any

import yaml

from event_archive.errors import UnusableInput
from event_archive.registry.contract import Contract
from event_archive.registry.contract_file import read_contract_file
from event_archive.registry.contract_text import contract_text, scalar

UPCAST = Template("""\
# How the data of v$older reads as this one. Fields of the same name and type need no rule; every other field,
# old or new, needs one, or this file is refused: put the rules that you need below, in the place of {}.
# `factlog contracts try` tells whether the archived events take it.
upcast_from_v$older: {}
#  rename: {new_name: old_name}
#  cast: [new_name]             # another type: cast exactly, or the event does not read
#  default: {new_name: value}   # where the old value is absent or null
#  constant: {new_name: value}  # always
#  expression: {new_name: "lower(old_name)"}
#  drop: [old_name]             # nothing takes this old field up
""")


def next_major(older: Contract, event_type: str, owner: str | None, actors: Sequence[str]) -> str:
    """The text of the major after `older`: its own, with another type, revision and upcast."""
    before = read_contract_file(older.path)
    wanted = _next_content(before, older, event_type, owner, actors)
    text = older.path.read_text(encoding="utf-8-sig")
    try:
        edited = _edited(text, before, wanted, older.major)
        if _same(edited, wanted, event_type):
            return edited
    except (yaml.YAMLError, UnusableInput, RecursionError):
        pass
    return contract_text(wanted, [f"The major after v{older.major}; say under upcast_from what changes."])


def _next_content(
    before: Mapping[str, Any], older: Contract, event_type: str, owner: str | None, actors: Sequence[str]
) -> dict[str, Any]:
    content = {name: part for name, part in before.items() if not name.startswith("upcast_from_v")}
    content |= {"type": event_type, "revision": 1}
    content |= {"owner": owner} if owner else {}
    content |= {"actor": list(actors)} if actors else {}
    examples = content.pop("examples")
    content[f"upcast_from_v{older.major}"] = {}
    content["examples"] = [
        {**example, **({"type": event_type} if example.get("type") == older.type else {})}
        for example in examples
    ]
    return content


def _edited(text: str, before: Mapping[str, Any], wanted: Mapping[str, Any], older: int) -> str:
    """The old text with the parts replaced that differ; its places come from YAML itself."""
    lines = UPCAST.substitute(older=older - 1).split("\n")
    taught = {line for line in lines if line.startswith("#")}
    text = "\n".join(line for line in text.split("\n") if line not in taught)
    root = yaml.compose(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    changes: list[tuple[int, int, str]] = []
    upcast = UPCAST.substitute(older=older)
    for name, value in root.value if root else ():
        if name.value in ("type", "owner"):
            changes.append(_replaced(value, scalar(wanted[name.value])))
        elif name.value == "revision":
            changes.append(_replaced(value, str(wanted["revision"])))
        elif name.value == "actor" and before["actor"] != wanted["actor"]:
            flow = f"[{', '.join(map(scalar, wanted['actor']))}]"
            changes.append((value.start_mark.index, _end(text, value), flow))
        elif name.value.startswith("upcast_from_v"):
            changes.append((name.start_mark.index, _end(text, value), ""))
        elif name.value == "examples":
            changes.append((name.start_mark.index, name.start_mark.index, upcast))
            for example in value.value:
                changes += [
                    _replaced(part, wanted["type"])
                    for key, part in example.value
                    if key.value == "type" and part.value == before["type"]
                ]
    for start, end, part in sorted(changes, reverse=True):
        text = text[:start] + part + text[end:].removeprefix("\n" if not part else "")
    return text


def _replaced(node: yaml.Node, part: str) -> tuple[int, int, str]:
    return node.start_mark.index, node.end_mark.index, part


def _end(text: str, node: yaml.Node) -> int:
    """Where a node's own text ends: YAML counts the comments and empty lines after a block as part of it."""
    if not getattr(node, "value", None) or getattr(node, "flow_style", False):
        return int(node.end_mark.index)
    last = node.value[-1]
    last = last[1] if isinstance(last, tuple) else last
    return _end(text, last) if isinstance(last, yaml.CollectionNode) else int(last.end_mark.index)


def _same(text: str, wanted: Mapping[str, Any], event_type: str) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{event_type}.yaml"
        path.write_text(text, encoding="utf-8")
        return read_contract_file(path) == wanted
