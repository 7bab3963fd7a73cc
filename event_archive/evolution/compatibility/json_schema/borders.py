"""Values at the borders of what a schema says, and values one step from another.

Belongs here: guesses without regard to a place in the schema. Not here: whole values that a schema probably
accepts (`values`).
"""

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

from event_archive.schema_files.sample_texts import texts_for_format, texts_for_pattern, texts_of_length

PLAIN: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    1,
    -1,
    1.0,
    0.5,
    2,
    "",
    "a",
    "0",
    [],
    [0],
    [0, 0],
    ["a"],
    {},
    {"a": 0},
    10**6,
    "A b",
    1e300,
)
LONGEST_LIST = 2000  # also the most properties of an object
LARGEST = 1e15  # of numbers to reckon with; what is much larger may be beyond all doubles


def around(number: Any) -> list[Any]:
    """A number and its neighbours."""
    return [number, number + 1, number - 1, *([number + 0.5, number - 0.5] if abs(number) < LARGEST else ())]


BOUNDS = {
    *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength", "maxLength"),
    *("minItems", "maxItems", "minContains", "maxContains", "minProperties", "maxProperties"),
}


def borders(nodes: Iterable[Any], steps: int = 2000) -> Iterator[Any]:
    """Values at the borders of whatever schemas say: in and just out of them, at any depth."""
    waiting = list(nodes)
    while waiting and steps:
        node, steps = waiting.pop(0), steps - 1
        if isinstance(node, list):
            waiting += node
        if not isinstance(node, dict):
            continue
        yield from chain(
            node.get("enum", ()) if isinstance(node.get("enum"), list) else (),
            [node["const"]] if "const" in node else (),
        )
        for keyword, value in node.items():
            if keyword in BOUNDS and _is_number(value):
                yield from _around_bound(keyword, value)
            elif keyword == "pattern" and isinstance(value, str):
                texts = texts_for_pattern(value)
                yield from chain.from_iterable(
                    (text, f" {text}", f"{text}\n", f"{text}a", text[:-1]) for text in texts
                )
            elif keyword == "format" and isinstance(value, str):
                yield from texts_for_format(value)
            elif isinstance(value, (dict, list)) and keyword not in ("enum", "const"):
                waiting.append(
                    value
                    if isinstance(value, list)
                    or keyword not in ("properties", "patternProperties", "dependentSchemas")
                    else list(value.values())
                )


def _around_bound(keyword: str, value: Any) -> Iterator[Any]:
    """Values about which a keyword with a number decides: numbers, texts, lists or objects around it."""
    if keyword in ("minLength", "maxLength"):
        yield from (texts_of_length(value + more) for more in (-1, 0, 1))
    elif keyword in ("minItems", "maxItems", "minContains", "maxContains"):
        counts = [int(min(value + more, LONGEST_LIST)) for more in (-1, 0, 1)]
        yield from ([*range(count)] for count in counts)
        yield from ([0] * count for count in counts)
    elif keyword in ("minProperties", "maxProperties"):
        yield from (
            {f"p{at}": 0 for at in range(int(min(value + more, LONGEST_LIST)))} for more in (-1, 0, 1)
        )
    else:
        yield from around(value)
        yield from (value * 2, value / 2, value * 3) if abs(value) < LARGEST else ()


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def neighbours(value: Any, names: Iterable[str], others: list[Any]) -> Iterator[Any]:
    """Values one step from a value: a property or an item more, less, or other."""
    if isinstance(value, dict):
        for name in list(value):
            yield {key: part for key, part in value.items() if key != name}
        for name in names:
            yield from ({**value, name: other} for other in others)
    elif isinstance(value, list):
        yield value[:-1]
        yield from ([*value, other] for other in others)
        yield from (
            [*value[:at], other, *value[at + 1 :]] for at in range(min(len(value), 4)) for other in others
        )
        yield value * 2
    elif isinstance(value, str):
        yield from (value + "a", f"{value} ", value[:-1], value.upper(), value.lower())
    elif _is_number(value) and abs(value) < LARGEST:
        yield from (value + 1, value - 1, value + 0.5, float(value), -value)
