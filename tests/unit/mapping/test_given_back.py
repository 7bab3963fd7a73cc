"""What a mapping takes is given back: given random records and mappings, expect each value exactly.

Belongs here: copies, nested objects, `$each` and `each`, from the bytes of a record to the segments and back.
Not here: expressions (`test_mapping`), and what is refused (`test_elements`, `test_streams`).
"""

import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from event_archive import Archive, Source, land
from event_archive.mapping.mapping import load_mapping
from event_archive.views.scan import scan
from support.events import archived, contract_file, contracts_in, same_json
from support.hunting import examples

TAKEN = "parcel.taken.v1"
NAMES = ("a", "b", "odd name", "a.b", "end", "$record", "größe", "with/slash~", 'with "quotes"')
ABSENT = object()
TYPES = {"text": "string", "whole": "integer", "number": "number", "flag": "boolean"}
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=6)
WHOLE = st.integers(-(2**63), 2**63 - 1)
EXACT = st.decimals(-(10**6), 10**6, places=3, allow_nan=False).map(float)
LONG = st.decimals(-(10**20), 10**20, places=9, allow_nan=False)
ANYTHING = st.recursive(
    st.none() | st.booleans() | WHOLE | EXACT | LONG | TEXTS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=2),
    max_leaves=4,
)
LEAVES = {"text": TEXTS, "whole": WHOLE, "number": EXACT, "flag": st.booleans(), "anything": ANYTHING}


@dataclass(frozen=True)
class TakenField:
    """A field of records, and how it is mapped: `kind` is one of LEAVES, or `object` or `objects`.

    `is_copied`: as a whole; else its own fields are mapped one by one. `is_inside`: in an object more.
    `missing`: what is given where it is null or absent, `null` or `omit`; without it, the contract, in which
    null and absent would be one, does not name it.
    """

    name: str
    kind: str
    fields: tuple["TakenField", ...] = ()
    is_taken: bool = True
    is_copied: bool = True
    is_inside: bool = False
    missing: str | None = None


def parts(depth: int) -> st.SearchStrategy[tuple[TakenField, ...]]:
    kinds = st.sampled_from([*LEAVES, *(["object", "objects"] * 2 if depth else [])])
    names = st.lists(st.sampled_from(NAMES), unique=True, min_size=2, max_size=4)

    @st.composite
    def build(draw: st.DrawFn) -> tuple[TakenField, ...]:
        built = []
        for name in draw(names):
            kind = draw(kinds)
            fields = draw(parts(depth - 1)) if kind in ("object", "objects") else ()
            built.append(
                TakenField(
                    name,
                    kind,
                    fields,
                    is_taken=draw(st.sampled_from([True, True, False])),
                    is_copied=draw(st.booleans()),
                    is_inside=draw(st.booleans()),
                    missing=draw(st.sampled_from([None, "null", "omit"])),
                )
            )
        return tuple(built)

    return build()


def record_of(fields: tuple[TakenField, ...]) -> st.SearchStrategy[dict[str, Any]]:
    """Records with these fields, each of which may be null or absent."""
    return st.fixed_dictionaries({}, optional={part.name: st.none() | value_of(part) for part in fields})


def value_of(part: TakenField) -> st.SearchStrategy[Any]:
    if part.kind == "object":
        return record_of(part.fields)
    if part.kind == "objects":
        return st.lists(record_of(part.fields), max_size=3)
    return LEAVES[part.kind]


def json_text(value: Any) -> str:
    """JSON with every number as it is, Decimals too."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(name)}: {json_text(part)}" for name, part in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(json_text, value)) + "]"
    return f"{value:f}" if isinstance(value, Decimal) else json.dumps(value)


def path(names: tuple[str, ...]) -> str:
    return ".".join('"' + name.replace('"', '""') + '"' for name in names)


def mapped(fields: tuple[TakenField, ...], before: tuple[str, ...] = ()) -> dict[str, Any]:
    """The entries of a mapping that take these fields."""
    entries: dict[str, Any] = {}
    for number, part in enumerate(fields):
        here = (*before, part.name)
        entry: Any = path(here)
        if part.kind == "object" and not part.is_copied:
            entry = mapped(part.fields, here)
        elif part.kind == "objects" and not part.is_copied:
            entry = {"$each": path(here), "$as": mapped(part.fields)}
        if part.missing:
            entry = {"$value": entry, "$missing": part.missing}
        if part.is_taken:
            entries[f"t{number}"] = {"inner": entry} if part.is_inside else entry
    return entries


def taken(fields: tuple[TakenField, ...], record: Any) -> dict[str, Any]:
    """What the entries make of a record, by the rules of the page alone."""
    made: dict[str, Any] = {}
    for number, part in enumerate(fields):
        value = record.get(part.name, ABSENT) if isinstance(record, dict) else ABSENT
        if part.kind == "object" and not part.is_copied:
            value = taken(part.fields, value) or ABSENT
        elif part.kind == "objects" and not part.is_copied and isinstance(value, list):
            value = [taken(part.fields, element) or None for element in value]
        if part.missing == "null" and value is ABSENT:
            value = None
        if part.missing == "omit" and value is None:
            value = ABSENT
        if part.is_taken and value is not ABSENT:
            made[f"t{number}"] = {"inner": value} if part.is_inside else value
    return made


def schema(fields: tuple[TakenField, ...], *types: str) -> dict[str, Any]:
    """What a contract says of them, and of the fields within them; some it does not name."""
    properties: dict[str, Any] = {}
    for number, part in enumerate(fields):
        null = ["null"] if part.missing == "null" else []
        within = () if part.is_copied else part.fields
        content: dict[str, Any] = {"type": ["string", "number", "boolean", "array", "object", *null]}
        if part.kind in TYPES:
            content = {"type": [TYPES[part.kind], *null]}
        elif part.kind == "object":
            content = schema(within, "object", *null)
        elif part.kind == "objects":
            content = {"type": ["array", *null], "items": schema(within, "object", "null")}
        if part.missing and part.is_taken:
            properties[f"t{number}"] = content
            if part.is_inside:
                properties[f"t{number}"] = {"type": "object", "properties": {"inner": content}}
                if null:
                    properties[f"t{number}"]["required"] = ["inner"]
    required = [name for name, content in properties.items() if "null" in content["type"]]
    kind = types[0] if len(types) == 1 else list(types)
    return {"type": kind, "properties": properties, "required": required}


@dataclass(frozen=True)
class Taking:
    """Records and how they are taken: `steps` lists lead to the elements that become events."""

    fields: tuple[TakenField, ...]
    records: list[dict[str, Any]]
    steps: int

    def elements(self) -> Iterator[tuple[int, int, Any]]:
        """Yield the number of each record, that of the element in it, and the element."""
        for position, record in enumerate(self.records, start=1):
            found = [record]
            for _ in range(self.steps):
                found = [element for outer in found for element in outer["list"]]
            yield from ((position, number, element) for number, element in enumerate(found, start=1))


@st.composite
def takings(draw: st.DrawFn) -> Taking:
    fields = draw(parts(2))
    steps = draw(st.integers(0, 2))
    elements = record_of(fields)
    for _ in range(steps):
        elements = st.fixed_dictionaries(
            {"list": st.lists(elements, min_size=1, max_size=2), "top": ANYTHING}
        )
    return Taking(fields, draw(st.lists(elements, min_size=5, max_size=9)), steps)


def mapping_text(taking: Taking) -> str:
    data = mapped(taking.fields) | ({"whole": "$record.top"} if taking.steps else {})
    content = {
        "event": {
            "id": "$position || '-' || $index",
            "source": {"$constant": "/post"},
            "time": {"$constant": "2026-01-01T00:00:00Z"},
            "actor": {"$constant": "clerk/ada"},
            "object": {"$constant": "parcel/1"},
            "data": data,
        },
        "rules": [{"when": "TRUE", "type": TAKEN}],
    }
    return json.dumps(content | ({"each": ["list"] * taking.steps} if taking.steps else {}))


@given(takings())
@settings(max_examples=examples(12), deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
def test_what_comes_in_can_be_given_back(taking: Taking) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        contract = contract_file(TAKEN, schema(taking.fields, "object"))
        archive = Archive(folder / "archive", contracts_in(folder / "contracts", contract), may_create=True)
        (folder / "mapping.yaml").write_text(mapping_text(taking))
        path = folder / "records.ndjson"
        path.write_text("".join(json_text(record) + "\n" for record in taking.records), encoding="utf-8")
        landed = land(archive, Source(path.name, path), mapping=load_mapping(folder / "mapping.yaml"))
        events = {event["id"]: same_json(event["data"]) for event in archived(archive).values()}
        expected = {
            f"{position}-{number}": same_json(
                taken(taking.fields, element)
                | ({"whole": taking.records[position - 1]["top"]} if taking.steps else {})
            )
            for position, number, element in taking.elements()
        }
        assert events == expected
        assert landed.counts.accepted == landed.counts.received == len(expected)
        assert scan(archive, "parcel.taken").collect().height == len(expected)
