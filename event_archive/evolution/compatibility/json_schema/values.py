"""Values that a schema probably accepts.

Belongs here: guesses at values, small ones first, always the same. A wrong guess harms nothing: every
example is checked with the real validators. Not here: values at borders (`borders`), and which of them is an
example (`example`).
"""

import json
from collections.abc import Iterable
from itertools import chain, islice
from typing import Any

from event_archive.evolution.compatibility.json_schema.borders import LARGEST, LONGEST_LIST, around
from event_archive.evolution.compatibility.json_schema.effort import Effort
from event_archive.evolution.compatibility.json_schema.facts import Facts, facts_of
from event_archive.evolution.compatibility.json_schema.kinds import NUMBERS, kinds_of
from event_archive.schema_files.sample_texts import (
    stretched,
    texts_for_format,
    texts_for_pattern,
    texts_of_length,
)

MOST, MOST_NAMES, DEEPEST = 24, 200, 12
Path = tuple[str, ...]


class Values:
    """Guesses at values, of `sizes` among others, as long as `effort` and `steps` last."""

    def __init__(self, effort: Effort, sizes: Iterable[int] = (), steps: int = 4000) -> None:
        self.effort, self.steps = effort, steps
        self.guesses: dict[Any, list[Any]] = {}
        self.sizes = [size for size in dict.fromkeys(sizes) if 0 <= size <= LONGEST_LIST][:8]

    def of(self, known: Facts, wish: Path = (), depth: int = 0) -> list[Any]:
        """Values that a schema probably accepts; `wish`: a place that they should have, however deep."""
        key = (known.key, wish, depth)
        if key not in self.guesses:
            self.guesses[key] = self._of(known, wish, depth)
        return self.guesses[key]

    def _of(self, known: Facts, wish: Path, depth: int) -> list[Any]:
        self.steps -= 1
        if self.steps < 0 or self.effort.is_over or depth > DEEPEST or not known.types:
            return []
        if known.values is not None:
            return list(known.values[:MOST])
        branches = self._of_branches(known, wish, depth)
        return self._of_types(known, wish, depth) if branches is None else branches

    def _of_branches(self, known: Facts, wish: Path, depth: int) -> list[Any] | None:
        """Values of the first part that has branches; None where no part has."""
        for part in known.parts:
            for keyword in ("anyOf", "oneOf"):
                if keyword in part:
                    rest = [
                        fact if fact is not part else known.document.without(part, keyword)
                        for fact in known.parts
                    ]
                    groups = [
                        self.of(facts_of(known.document, (*rest, branch)), wish, depth + 1)
                        for branch in part[keyword]
                    ]
                    return _mixed(groups)
            if "if" in part:
                rest = [
                    fact if fact is not part else known.document.without(part, "if", "then", "else")
                    for fact in known.parts
                ]
                cases = (part["if"], part.get("then", True)), (part.get("else", True),)
                return _mixed(
                    [self.of(facts_of(known.document, (*rest, *case)), wish, depth + 1) for case in cases]
                )
        return None

    def _of_types(self, known: Facts, wish: Path, depth: int) -> list[Any]:
        scalars: list[Any] = [None] if "null" in known.types else []
        scalars += [True, False] if "boolean" in known.types else []
        kinds = [scalars]
        if known.types & NUMBERS:
            kinds.append([number for number in _numbers(known) if known.accepts(number) is not False])
        if "string" in known.types:
            kinds.append([text for text in _texts(known) if known.accepts(text) is not False])
        if "array" in known.types:
            kinds.append(self._lists(known, wish, depth))
        if "object" in known.types:
            kinds.append(self._objects(known, wish, depth))
        return _mixed(kinds[::-1] if wish else kinds)

    def _lists(self, known: Facts, wish: Path, depth: int) -> list[Any]:
        index = _index(known, wish)
        least = int(min(known.most("minItems") or 0, LONGEST_LIST))
        length = max(least, 0 if index is None else index + 1)
        counts = dict.fromkeys((length, length + 1, length + 2, *(n for n in self.sizes if n > length)))
        document, wanted = known.document, known.all_of("contains")
        prefix = max(1, *map(len, known.all_of("prefixItems")), 0)
        rest = facts_of(document, known.item(prefix))
        groups: list[list[Any]] = []
        for at in range(max(counts)):  # behind the prefix, one item is as good as another
            member = rest
            if at < prefix:
                member = facts_of(document, (*known.item(at), *(wanted if at == 0 else ())))
            groups.append(self.of(member, wish[1:], depth) if at == index else self.of(member, (), depth + 1))
        containing = self.of(facts_of(document, (*rest.origin, *wanted)), (), depth + 1) if wanted else []
        lists: list[list[Any]] = []
        for count in counts:
            chosen = groups[:count]
            if all(chosen):
                for turn in range(3):
                    lists.append([group[(turn * (at + 1)) % len(group)] for at, group in enumerate(chosen)])
                lists.append([group[at % len(group)] for at, group in enumerate(chosen)])
                if known.all_of("uniqueItems"):
                    lists.append(_distinct(chosen, rest))
                if containing:
                    lists.append([containing[at % len(containing)] for at in range(count)])
        return lists

    def _objects(self, known: Facts, wish: Path, depth: int) -> list[Any]:
        names = sorted({*known.required, *(name for props in known.all_of("properties") for name in props)})
        patterns = [pattern for group in known.all_of("patternProperties") for pattern in group]
        extra = [text for pattern in patterns for text in texts_for_pattern(pattern)[:2]] + ["extra", "b"]
        extra += [
            text
            for node in known.all_of("propertyNames")
            for text in self.of(
                facts_of(known.document, (known.document.made("type", "string"), node)), (), depth + 1
            )[:4]
        ]
        names += [name for name in dict.fromkeys(extra) if name not in names and isinstance(name, str)][:8]
        wished = names_for(known, wish[0])[0] if wish else None
        if wished is not None and wished not in names:
            names.append(wished)
        least = int(min(known.most("minProperties") or 0, LONGEST_LIST))
        count = max(least, *self.sizes, 0)
        names += [name for name in (f"p{at}" for at in range(count - len(names))) if name not in names]
        choices = {}
        for name in names[: max(count, MOST_NAMES)]:
            member = facts_of(known.document, known.member(name))
            choices[name] = (
                self.of(member, wish[1:], depth) if name == wished else self.of(member, (), depth + 1)
            )
        base = [name for name in names if choices.get(name) and (name in known.required or name == wished)]
        optional = [name for name in names if choices.get(name) and name not in base]
        base += optional[: max(least - len(base), 0)]
        sets = [base, [*base, *optional], *([*base, name] for name in optional[:12])]
        sets += [[*base, *optional[: size - len(base)]] for size in self.sizes if size > len(base)]
        objects = [{name: choices[name][0] for name in chosen} for chosen in sets]
        for name in names[:40]:
            objects += [
                {**objects[0], name: value}
                for value in choices.get(name, ())[1 : 12 if name == wished else 4]
            ]
        return objects


def _distinct(groups: list[list[Any]], rest: Facts) -> list[Any]:
    """A list with no item twice, as far as there are enough: one of each group, or else of `rest`."""
    others = chain(
        rest.values or (), range(len(groups) + MOST), (f"a{at}" for at in range(len(groups) + MOST))
    )
    fresh = (value for value in others if kinds_of(value) & rest.types and rest.accepts(value) is not False)
    found: dict[str, Any] = {}
    for group in groups:
        for value in chain(group, fresh):
            key = json.dumps(value, sort_keys=True)
            if key not in found:
                found[key] = value
                break
    return list(found.values())


def names_for(known: Facts, step: str) -> list[str]:
    """Names of properties that a step of a path may stand for."""
    if step != "*":
        return [step]
    named = {name for props in known.all_of("properties") for name in props}
    patterns = [pattern for group in known.all_of("patternProperties") for pattern in group]
    texts = [text for pattern in patterns for text in texts_for_pattern(pattern)]
    return [name for name in dict.fromkeys([*texts, "extra", "b", "zz9"]) if name not in named][:8]


def _index(known: Facts, wish: Path) -> int | None:
    if not wish or not wish[0].startswith("["):
        return None
    prefix = max(map(len, known.all_of("prefixItems")), default=0)
    return prefix if wish[0] == "[]" else int(wish[0][1:-1])


def _mixed(groups: Iterable[list[Any]]) -> list[Any]:
    """Some of each group, in turn."""
    lists = list(groups)
    longest = max(map(len, lists), default=0)
    return list(islice((group[at] for at in range(longest) for group in lists if at < len(group)), MOST))


def _numbers(known: Facts) -> list[Any]:
    numbers: list[Any] = [0, 1, -1, 0.5, 2]
    for low in (True, False):
        bound = known.bound(low)
        if bound is not None:
            numbers += around(bound[0])
    steps = known.all_of("multipleOf")
    for step in steps:
        if abs(step) < LARGEST:
            numbers += [value // step * step for value in numbers if abs(value) < LARGEST] + [step, step * 3]
    return [value for value in dict.fromkeys(numbers) if known.accepts(value) is not False]


def _texts(known: Facts) -> list[str]:
    texts = [text for pattern in known.all_of("pattern") for text in texts_for_pattern(pattern)]
    texts += [text for name in known.all_of("format") for text in texts_for_format(name)]
    for limit in [*known.all_of("minLength"), *known.all_of("maxLength")]:
        texts += [longer for text in texts[:6] for longer in stretched(text, limit)]
        texts.append(texts_of_length(limit))
    return list(dict.fromkeys([*texts, "", "a", "0", "A b", "\n"]))
