"""The part of the proof that descends: into the properties of objects and the items of arrays.

Belongs here: what the reader asserts of objects and arrays, and what the writer says that makes it hold.
Not here: everything that looks at a value as a whole (`proof`).
"""

from collections.abc import Iterator
from typing import Any

from event_archive.evolution.compatibility.json_schema.document import Node
from event_archive.evolution.compatibility.json_schema.facts import Facts, facts_of
from event_archive.evolution.compatibility.json_schema.gap import Gap, short, within
from event_archive.evolution.compatibility.json_schema.prover import Prover

Part = dict[str, Any]
Path = tuple[str, ...]
CONTENT = ("properties", "patternProperties", "additionalProperties")
ANY_NAME, ANY_ITEM, THE_NAME = "*", "[]", "(name)"


def object_gaps(proof: Prover, writer: Facts, reader: Facts, part: Part, path: Path) -> Iterator[Gap]:
    """What one part of the reader asserts of objects and the writer does not."""
    yield from _required_gaps(writer, reader, part, path)
    yield from _dependency_gaps(proof, writer, reader, part, path)
    yield from _count_gaps(writer, reader, part, path)
    yield from _name_gaps(proof, writer, reader, part, path)
    if any(keyword in part for keyword in CONTENT):
        yield from _content_gaps(proof, writer, reader, part, path)


def _required_gaps(writer: Facts, reader: Facts, part: Part, path: Path) -> Iterator[Gap]:
    for name in part.get("required", ()):
        if name not in writer.required:
            known = any(name in props for props in writer.all_of("properties"))
            sentence = f"{short(name)} may be absent, and READER requires it"
            rule = "required_added" if known else "required_property_added"
            yield Gap((*path, name), rule, sentence, writer, reader)


def _dependency_gaps(proof: Prover, writer: Facts, reader: Facts, part: Part, path: Path) -> Iterator[Gap]:
    for trigger, names in part.get("dependentRequired", {}).items():
        if _may_hold(writer, trigger):
            with_it = facts_of(writer.document, (*writer.parts, writer.document.made("required", trigger)))
            for name in names:
                if name not in with_it.required:
                    sentence = f"READER requires {short(name)} wherever {short(trigger)} is"
                    yield Gap((*path, name), "dependency_required", sentence, writer, reader)
    for trigger, node in part.get("dependentSchemas", {}).items():
        if _may_hold(writer, trigger):
            known_too = [group[trigger] for group in writer.all_of("dependentSchemas") if trigger in group]
            with_it = facts_of(
                writer.document, (*writer.parts, writer.document.made("required", trigger), *known_too)
            )
            if proof.gaps(with_it, facts_of(reader.document, (node,)), path):
                sentence = f"READER demands more wherever {short(trigger)} is"
                yield Gap(path, "dependency_added", sentence, writer, reader)


def _may_hold(writer: Facts, name: str) -> bool:
    return bool(facts_of(writer.document, writer.member(name)).types)


def _count_gaps(writer: Facts, reader: Facts, part: Part, path: Path) -> Iterator[Gap]:
    least, most = part.get("minProperties"), part.get("maxProperties")
    if least is not None and len(writer.required) < least and not within(writer, "minProperties", least):
        yield Gap(
            path,
            "count_tightened",
            f"READER accepts only objects of at least {least} properties",
            writer,
            reader,
        )
    if most is not None and not within(writer, "maxProperties", most):
        names = _closed_names(writer)
        if names is None or len(names) > most:
            sentence = f"READER accepts only objects of at most {most} properties"
            yield Gap(path, "count_tightened", sentence, writer, reader)


def _closed_names(writer: Facts) -> set[str] | None:
    """The only names that properties may have; None where there may be others."""
    closed: set[str] | None = None
    for node in writer.all_of("propertyNames"):
        names = facts_of(writer.document, (node,)).values
        if names is not None:
            closed = {name for name in names if isinstance(name, str)}
    for part in writer.parts:
        if part.get("additionalProperties") is False and not part.get("patternProperties"):
            closed = set(part.get("properties", ()))
    return closed if closed is None else {name for name in closed if _may_hold(writer, name)}


def _name_gaps(proof: Prover, writer: Facts, reader: Facts, part: Part, path: Path) -> Iterator[Gap]:
    if "propertyNames" not in part:
        return
    asserted = facts_of(reader.document, (part["propertyNames"],))
    names = _closed_names(writer)
    if names is not None and all(asserted.accepts(name) is True for name in names):
        return
    text = writer.document.made("type", "string")
    known = facts_of(writer.document, (text, *writer.all_of("propertyNames")))
    if proof.gaps(known, asserted, (*path, THE_NAME)):
        yield Gap(path, "names_narrowed", "READER accepts only some names of properties", writer, reader)


def _content_gaps(proof: Prover, writer: Facts, reader: Facts, part: Part, path: Path) -> Iterator[Gap]:
    only = facts_of(reader.document, ({keyword: part[keyword] for keyword in CONTENT if keyword in part},))
    named = {name for props in writer.all_of("properties") for name in props}
    closed = _closed_names(writer)
    for name in sorted({*named, *part.get("properties", ()), *writer.required, *(closed or ())}):
        known, asserted = (
            facts_of(writer.document, writer.member(name)),
            facts_of(reader.document, only.member(name)),
        )
        if not known.types:
            continue
        gaps = proof.gaps(known, asserted, (*path, name))
        if gaps and asserted.empty:
            sentence = f"{short(name)} may be written, and READER knows no such property and is closed"
            yield Gap((*path, name), "property_removed", sentence, known, asserted)
        elif gaps and name not in named and not known.parts:
            sentence = f"{short(name)} was not named, so it could hold anything; READER says what it must be"
            yield Gap(
                (*path, name),
                "open_property_typed",
                sentence,
                known,
                gaps[0].reader if len(gaps) == 1 else asserted,
            )
        else:
            yield from gaps
    if closed is not None:
        return
    patterns = part.get("patternProperties", {})
    for pattern, node in patterns.items():
        known = facts_of(writer.document, _unnamed(writer, {pattern}, pattern))
        gaps = proof.gaps(known, facts_of(reader.document, (node,)), (*path, ANY_NAME)) if known.types else []
        if gaps:
            sentence = f"READER demands more of properties whose names match {short(pattern)}"
            yield Gap(
                (*path, ANY_NAME),
                "pattern_property_changed",
                sentence,
                known,
                facts_of(reader.document, (node,)),
            )
    rest = facts_of(reader.document, (part.get("additionalProperties", True),))
    known = facts_of(writer.document, _unnamed(writer, set(patterns), None))
    gaps = proof.gaps(known, rest, (*path, ANY_NAME)) if known.types else []
    if gaps and rest.empty:
        sentence = "properties of any other name may be written, and READER is closed"
        yield Gap((*path, ANY_NAME), "content_closed", sentence, known, rest)
    else:
        yield from gaps


def _unnamed(writer: Facts, excluded: set[str], pattern_met: str | None) -> tuple[Node, ...]:
    """What holds for properties without a name: those that match `met`, else none `excluded`."""
    nodes: list[Node] = []
    for part in writer.parts:
        patterns = part.get("patternProperties", {})
        if pattern_met in patterns:
            nodes.append(patterns[pattern_met])
            continue
        others = [node for pattern, node in patterns.items() if pattern not in excluded]
        rest = part.get("additionalProperties", True)
        nodes.append(writer.document.made("anyOf", rest, *others) if others else rest)
    return tuple(nodes)


def array_gaps(proof: Prover, writer: Facts, reader: Facts, part: Part, path: Path) -> Iterator[Gap]:
    """What one part of the reader asserts of arrays and the writer does not."""
    longest = _longest(writer)
    if "minItems" in part and not within(writer, "minItems", part["minItems"]):
        sentence = f"READER accepts only lists of at least {part['minItems']} items"
        yield Gap(path, "count_tightened", sentence, writer, reader)
    if "maxItems" in part and (longest is None or longest > part["maxItems"]):
        sentence = f"READER accepts only lists of at most {part['maxItems']} items"
        yield Gap(path, "count_tightened", sentence, writer, reader)
    if "uniqueItems" in part and not writer.all_of("uniqueItems") and (longest is None or longest > 1):
        yield Gap(path, "unique_added", "READER accepts no item twice", writer, reader)
    if "contains" in part:
        yield from _contains_gaps(proof, writer, reader, part, path)
    prefix, rest = part.get("prefixItems", []), part.get("items", True)
    if not prefix and rest is True:
        return
    length = max([len(prefix), *map(len, writer.all_of("prefixItems"))])
    for index in range(length if longest is None else min(length, int(longest))):
        asserted = facts_of(reader.document, (prefix[index] if index < len(prefix) else rest,))
        known = facts_of(writer.document, writer.item(index))
        gaps = proof.gaps(known, asserted, (*path, f"[{index}]"))
        if gaps and asserted.empty:
            sentence = f"an item {index} may be written, and READER ends its list before it"
            yield Gap((*path, f"[{index}]"), "tuple_shortened", sentence, known, asserted)
        else:
            yield from gaps
    if longest is None or longest > length:
        known, asserted = facts_of(writer.document, writer.item(length)), facts_of(reader.document, (rest,))
        gaps = proof.gaps(known, asserted, (*path, ANY_ITEM))
        if gaps and asserted.empty:
            sentence = "further items may be written, and READER ends its list before them"
            yield Gap((*path, ANY_ITEM), "tuple_closed", sentence, known, asserted)
        else:
            yield from gaps


def _longest(writer: Facts) -> Any:
    """How many items a list may have; None for any number."""
    limits = [*writer.all_of("maxItems")]
    for part in writer.parts:
        nodes = [*part.get("prefixItems", ()), part.get("items", True)]
        limits += [index for index, node in enumerate(nodes) if node is False][:1]
    return min(limits, default=None)


def _contains_gaps(proof: Prover, writer: Facts, reader: Facts, part: Part, path: Path) -> Iterator[Gap]:
    wanted = facts_of(reader.document, (part["contains"],))
    least, most = part.get("minContains", 1), part.get("maxContains")
    inner = (*path, ANY_ITEM)
    length = max(map(len, writer.all_of("prefixItems")), default=0)
    items = [facts_of(writer.document, writer.item(index)) for index in range(length + 1)]
    known = [
        (facts_of(writer.document, (fact["contains"],)), fact.get("minContains", 1), fact.get("maxContains"))
        for fact in writer.parts
        if "contains" in fact
    ]
    enough = (
        least <= 0
        or any(low >= least and not proof.gaps(which, wanted, inner) for which, low, _ in known)
        or (within(writer, "minItems", least) and not any(proof.gaps(item, wanted, inner) for item in items))
    )
    if not enough:
        yield Gap(
            path, "contains_added", "READER accepts only lists that contain certain items", writer, reader
        )
    longest = _longest(writer)
    if (
        most is not None
        and not (longest is not None and longest <= most)
        and not any(
            high is not None and high <= most and not proof.gaps(wanted, which, inner)
            for which, _, high in known
        )
        and not all(proof.disjoint(item, wanted) for item in items)
    ):
        yield Gap(
            path, "contains_limited", "READER limits how many of certain items a list holds", writer, reader
        )
