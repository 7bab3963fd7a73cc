"""A contract as a page that a producer reads.

Belongs here: the page. Not here: the tree of parts (`parts`). Text of the contract can't become markup.
"""

import json
import re
from typing import Any

from event_archive.envelope import ATTRIBUTES, SPEC_VERSION
from event_archive.registry.contract import Contract
from event_archive.registry.contract_text import one_line
from event_archive.registry.upcast_rules import Upcast
from event_archive.schema_files.parts import Part, data_of, demands, json_of, walk

KINDS = {"moment": "date-time", "list": "list", "map": "object of any keys", "any": "any JSON"}
MARKUP = re.compile(r"[\\`*_{}\[\]<>#|~!&]")


def to_markdown(contract: Contract) -> str:
    """Return the page of an event type, in Markdown."""
    part = data_of(contract)
    *required, last = (f"`{attribute.name}`" for attribute in ATTRIBUTES if attribute.is_required)
    lines = [
        f"# {contract.type}",
        "",
        text(contract.description),
        "",
        "| | |",
        "|---|---|",
        f"| revision | {contract.revision} |",
        f"| owner | {text(contract.owner)} |",
        f"| actor, who acts | {', '.join(f'`{name}/<id>`' for name in contract.actor_types)} |",
        f"| verb | `{contract.verb}` |",
        f"| object, what it is done to | `{contract.object_type}/<id>` |",
        f"| read as | `events.{contract.view_name}` |",
        "",
        f"An event is a CloudEvents {SPEC_VERSION} JSON object with {', '.join(required)} and {last}. "
        "`source` and `id` name it: no other event has the same pair.",
        "",
        "## Fields of data",
        "",
        "| field | type | required | what it is | what is asked of it |",
        "|---|---|---|---|---|",
        *(_row(field) for field in walk(part) if field.name),
        "",
        "Other fields are kept, unread."
        if part.is_open
        else "An event with a field that is not named here is refused.",
    ]
    if demands(part) and part.is_open:
        lines += ["", f"Of the data as a whole: {text('; '.join(demands(part)))}."]
    for number, example in enumerate(contract.examples, start=1):
        words = f"## Example {number}" if len(contract.examples) > 1 else "## Example"
        lines += ["", words, "", *_fenced(json.dumps(example, indent=2, ensure_ascii=False))]
    if contract.upcast is not None:
        before = f"{contract.object_type}.{contract.verb}.v{contract.major - 1}"
        lines += ["", f"## How an event of {before} reads", "", *_upcast(contract.upcast)]
    return "\n".join(lines) + "\n"


def _row(part: Part) -> str:
    kind = KINDS.get(part.kind, part.kind)
    asked = demands(part)
    item = part.item
    if item is not None:
        kind += f" of {KINDS.get(item.kind, item.kind)}"
        asked += [f"each {words}" for words in demands(item)]
    required = ("yes, or null" if part.nullable else "yes") if part.required else "no"
    cells = [code(part.path), kind, required, text(part.description), text("; ".join(asked))]
    return f"| {' | '.join(cells)} |"


def _upcast(upcast: Upcast) -> list[str]:
    rules = [f"{code(new)} is {code(old)} of before" for new, old in upcast.rename.items()]
    rules += [f"{code(new)} is cast to its new type" for new in upcast.cast]
    rules += [
        f"{code(new)} is {code(json_of(value))} where it was absent" for new, value in _items(upcast.default)
    ]
    rules += [f"{code(new)} is always {code(json_of(value))}" for new, value in _items(upcast.constant)]
    rules += [f"{code(new)} is {code(expression.text)}" for new, expression in upcast.expression.items()]
    rules += [f"{code(old)} is dropped" for old in upcast.drop]
    return [f"- {rule}" for rule in rules] + ["- every other field reads as it was"]


def _items(values: Any) -> list[tuple[str, Any]]:
    return list(values.items())


def text(words: str) -> str:
    """Return words as Markdown that shows them as they are, in a table too."""
    return MARKUP.sub(lambda match: f"\\{match[0]}", one_line(words))


def code(words: str) -> str:
    """Return words as Markdown code, in a table too, where a bar would end a cell."""
    plain = one_line(words).replace("|", "\\|")
    runs = [len(run) for run in re.findall("`+", plain)]
    fence = "`" * (max(runs, default=0) + 1)
    space = " " if plain[:1] in ("`", "") or plain[-1:] == "`" else ""
    return f"{fence}{space}{plain}{space}{fence}"


def _fenced(content: str) -> list[str]:
    runs = [len(run) for run in re.findall("`+", content)]
    fence = "`" * max(max(runs, default=0) + 1, 3)
    return [f"{fence}json", content, fence]
