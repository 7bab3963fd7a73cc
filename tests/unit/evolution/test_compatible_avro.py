"""Avro compatibility, hunted with real data: what is called compatible must read back in fastavro as written.

Belongs here: schema pairs by chance and hostile schemas. Not here: the verdicts that the specification
demands, pair by pair (`compatibility_cases/avro.yaml`).
"""

import math
import time
from collections import Counter
from collections.abc import Iterator
from io import BytesIO
from random import Random
from typing import Any

import fastavro
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from event_archive import UnusableInput
from event_archive.evolution.compatibility.avro.compare import compare_avro
from event_archive.evolution.compatibility.avro.example import AvroExamples
from event_archive.evolution.compatibility.avro.schema import Node, parse_avro
from event_archive.evolution.compatibility.findings import Direction, Mode, Verdict
from support.hunting import examples

PRIMITIVES = ["null", "boolean", "int", "long", "float", "double", "bytes", "string"]
DEFAULTS: dict[str, Any] = {
    "null": None,
    "boolean": True,
    "int": 7,
    "long": 7,
    "float": 0.5,
    "string": "default",
}
FALLBACK = "FALLBACK"


class Making:
    """A schema by chance. Types are called T0, T1 …, and are referred to by their full names."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.names: list[str] = []
        self.open: list[str] = []
        self.spaces = random.choice([[""], ["n.", "o."]])

    def type(self, depth: int) -> Any:
        simple = ["primitive"] * 3 + ["reference"] * bool(self.names)
        kind = self.random.choice(simple + ["array", "map", "union", "record", "enum", "fixed"] * (depth < 3))
        if kind == "primitive":
            return self.random.choice(PRIMITIVES)
        if kind == "reference":
            name = self.random.choice(self.names)
            return ["null", name] if name in self.open else name  # so that there is an end to it
        if kind in ("array", "map"):
            return {"type": kind, "items" if kind == "array" else "values": self.type(depth + 1)}
        if kind == "union":
            return self.union([self.type(depth + 1) for _ in range(self.random.randint(1, 4))])
        return self.named(kind, depth)

    def union(self, parts: list[Any]) -> Any:
        branches: dict[str, Any] = {}
        for part in parts:
            for branch in part if isinstance(part, list) else [part]:
                branches.setdefault(label(branch), branch)
        return list(branches.values())

    def named(self, kind: str, depth: int) -> dict[str, Any]:
        name = f"{self.random.choice(self.spaces)}T{len(self.names)}"
        self.names.append(name)
        made: dict[str, Any] = {"type": kind, "name": name}
        if kind == "enum":
            default = {"default": FALLBACK} if self.random.random() < 0.4 else {}
            return made | {"symbols": [*self.random.sample("ABCD", 2), FALLBACK]} | default
        if kind == "fixed":
            return made | {"size": self.random.randint(1, 3)}
        self.open.append(name)
        fields = [self.field(f"f{number}", depth) for number in range(self.random.randint(0, 4))]
        self.open.pop()
        return made | {"fields": fields}

    def field(self, name: str, depth: int) -> dict[str, Any]:
        made = self.type(depth + 1)
        kind = made[0] if isinstance(made, list) else made
        default = {}
        if isinstance(kind, str) and kind in DEFAULTS and self.random.random() < 0.5:
            default = {"default": DEFAULTS[kind]}
        return {"name": name, "type": made, **default}


class Changing(Making):
    """The same schema with a change here and there."""

    def __init__(self, random: Random, old: Any) -> None:
        super().__init__(random)
        self.called: dict[str, str] = {}
        self.definitions = {definition["name"]: definition for definition in definitions(old)}

    def maybe(self, chance: float = 0.08) -> bool:
        return self.random.random() < chance

    def changed(self, schema: Any) -> Any:
        if isinstance(schema, str):
            return self.other(schema) if schema in PRIMITIVES else self.reference(schema)
        if isinstance(schema, list):
            return self.other_union(schema)
        if self.maybe(0.04):
            return self.union(["null", self.changed(schema)])
        if schema["type"] in ("array", "map"):
            word = "items" if schema["type"] == "array" else "values"
            return {"type": schema["type"], word: self.changed(schema[word])}
        return self.other_named(schema)

    def reference(self, name: str) -> Any:
        # Where the definition was taken away or comes later now, it is told here.
        definition = self.called[name] if name in self.called else self.other_named(self.definitions[name])
        return ["null", definition] if self.maybe(0.1) else definition

    def other(self, primitive: str) -> Any:
        if self.maybe(0.05):
            return self.union(["null", primitive])
        promoted = {"int": "long", "long": "double", "float": "double", "string": "bytes", "bytes": "string"}
        if self.maybe():
            return promoted.get(primitive, primitive)
        return self.random.choice(PRIMITIVES) if self.maybe(0.03) else primitive

    def other_union(self, union: list[Any]) -> Any:
        branches = [self.changed(branch) for branch in union]
        if self.maybe():
            self.random.shuffle(branches)
        if self.maybe() and len(branches) > 1:
            branches.pop()
        if self.maybe():
            branches.append(self.random.choice(PRIMITIVES))
        return branches[0] if len(branches) == 1 and self.maybe() else self.union(branches)

    def other_named(self, schema: dict[str, Any]) -> Any:
        made = dict(schema)
        name = schema["name"]
        if name in self.called:
            return self.called[name]
        if self.maybe(0.1):
            _, dot, short = name.rpartition(".")
            made["name"] = self.random.choice(
                [f"{name}x", f"m.{short}", f"m.{short}x"] if dot else [f"{name}x"]
            )
            if self.maybe(0.6):
                made["aliases"] = [self.random.choice([name, short])]
        self.called[name] = made["name"]
        if schema["type"] == "fixed":
            made["size"] += self.maybe()
        elif schema["type"] == "enum":
            made["symbols"] = [
                symbol for symbol in schema["symbols"] if symbol == FALLBACK or not self.maybe()
            ]
            made["symbols"] += ["ADDED"] * self.maybe()
            if self.maybe():
                made["default"] = FALLBACK
        else:
            made["fields"] = self.other_fields(schema["fields"])
        return made

    def other_fields(self, fields: list[dict[str, Any]]) -> list[dict[str, Any]]:
        made = []
        if self.maybe():
            fields = self.random.sample(fields, len(fields))
        for field in fields:
            if self.maybe():
                continue
            other = {"name": field["name"], "type": self.changed(field["type"])}
            if self.maybe():
                alias = self.random.choice([field["name"], field["name"], "f0", "f9"])
                other["aliases"] = [alias]
                other["name"] += "x" if alias == field["name"] else "y"
            if "default" in field and other["type"] == field["type"] and not self.maybe():
                other["default"] = field["default"]
            made.append(other)
        if self.maybe(0.2):
            kind = self.random.choice(["int", "string", "float", "null"])
            made.append({"name": "added", "type": kind, "default": DEFAULTS[kind]})
        if self.maybe(0.04):
            made.append({"name": "needed", "type": "int"})
        return made


def label(schema: Any) -> str:
    return schema if isinstance(schema, str) else str(schema.get("name", schema["type"]))


def definitions(schema: Any) -> Iterator[dict[str, Any]]:
    parts = schema if isinstance(schema, list) else list(schema.values()) if isinstance(schema, dict) else []
    if isinstance(schema, dict) and "name" in schema and schema["type"] in ("record", "enum", "fixed"):
        yield schema
    for part in parts:
        yield from definitions(part)


class NoDatumError(Exception):
    """The schema has no finite value, or it was not found."""


def datum(random: Random, node: Node, depth: int = 0) -> Any:
    """A value under a schema, as fastavro writes it: a pair names the branch of a union."""
    if depth > 12:
        raise NoDatumError
    if node.kind == "record":
        return {field.name: datum(random, field.node, depth + 1) for field in node.fields}
    if node.kind == "union":
        plain = [branch for branch in node.branches if branch.kind in PRIMITIVES]
        branch = random.choice(plain if plain and depth > 4 else node.branches)
        return branch.label, datum(random, branch, depth + 1)
    if node.inner is not None:
        some = range(random.randint(0, 2) if depth < 5 else 0)
        items = [datum(random, node.inner, depth + 1) for _ in some]
        return items if node.kind == "array" else {f"k{number}": item for number, item in enumerate(items)}
    choices: dict[str, list[Any]] = {
        "null": [None], "boolean": [True, False], "int": [0, -(2**31), 2**31 - 1], "long": [1, 2**53 + 1],
        "float": [0.5, -2.0], "double": [0.1, 1e300], "bytes": [b"", b"a", b"\xff\xfe"], "string": ["", "ä"],
        "enum": list(node.symbols), "fixed": [bytes(range(node.size))],
    }  # fmt: skip
    return random.choice(choices[node.kind])


def is_same(written: Any, read: Any) -> bool:
    """Whether what was read is what was written, but for what promotions, dropped fields and defaults do."""
    if isinstance(written, tuple):
        return is_same(written[1], read)
    if isinstance(written, dict):
        # A field that is renamed with an alias is called as before, with an x.
        common = [(name, name if name in written else name.removesuffix("x")) for name in read]
        return isinstance(read, dict) and all(
            is_same(written[old], read[new]) for new, old in common if old in written
        )
    if isinstance(written, list):
        return len(written) == len(read) and all(is_same(*pair) for pair in zip(written, read, strict=True))
    if isinstance(read, float):
        return math.isclose(written, read, rel_tol=1e-6)
    if isinstance(written, str) and isinstance(read, bytes):
        return written.encode() == read
    return read == FALLBACK or (type(written) is type(read) and bool(written == read))


def silent_changes(written: Any, read: Any) -> set[str]:
    """The rules of the cautions that what was read calls for, beside what was written."""
    if isinstance(written, tuple):
        return silent_changes(written[1], read)
    if isinstance(written, dict):
        old_name = {name: name if name in written else name.removesuffix("x") for name in read}
        changes = [
            silent_changes(written[old], read[name]) for name, old in old_name.items() if old in written
        ]
        unread = [written[name] for name in written if name not in old_name.values()]
        added = [read[name] for name, old in old_name.items() if old not in written]
        # One with a y is read from another field by an alias: which, its name does not tell.
        is_known = not any(name.endswith("y") for name in read)
        is_told = is_known and could_be_one(unread, added)
        return set().union(*changes, {"field_defaulted"} if is_told else ())
    if isinstance(written, list):
        return set().union(*map(silent_changes, written, read))
    if isinstance(read, float):
        return {"digits_lost"} if isinstance(written, int) and written != read else set()
    return {"enum_symbol_defaulted"} if read == FALLBACK != written else set()


def could_be_one(unread: list[Any], added: list[Any]) -> bool:
    """Whether a field that was not read could be read as one that is a default, whatever their types.

    A value tells no long from an int, no double from a float, of which only one is read as the other.
    """
    plain = [value[1] if isinstance(value, tuple) else value for value in unread]
    kinds = {type(value) for value in plain if isinstance(value, int | float) or value in ("", "ä")}
    read = {type(value) for value in added if value is not None}
    return bool(kinds & read & {bool, str}) or (int in kinds and float in read)


def fastavro_value(value: Any, node: Node) -> Any:
    """A value in Avro's JSON encoding as fastavro writes it."""
    if node.kind == "union":
        if value is None:
            return "null", None
        ((name, inner),) = value.items()
        return name, fastavro_value(inner, next(branch for branch in node.branches if branch.label == name))
    if node.kind == "record":
        return {field.name: fastavro_value(value[field.name], field.node) for field in node.fields}
    if node.kind == "array" and node.inner is not None:
        return [fastavro_value(item, node.inner) for item in value]
    if node.kind == "map" and node.inner is not None:
        return {key: fastavro_value(item, node.inner) for key, item in value.items()}
    return value.encode("latin-1") if node.kind in ("bytes", "fixed") else value


def read(value: Any, writer: Any, reader: Any) -> Any:
    stream = BytesIO()
    fastavro.schemaless_writer(stream, writer, value)
    return fastavro.schemaless_reader(BytesIO(stream.getvalue()), writer, reader)


def pair(random: Random) -> tuple[Any, Any]:
    while True:
        old = Making(random).named("record", 0)
        new = Changing(random, old).changed(old)
        try:
            parse_avro(old), parse_avro(new)
        except UnusableInput:
            continue  # a change took the definition of a type away that is referred to later
        return old, new


def test_what_is_called_compatible_reads_as_written_and_examples_of_the_rest_do_not() -> None:
    seen: Counter[str] = Counter()

    @settings(max_examples=examples(1500))
    @given(st.integers(0, 2**64))
    def hunt(seed: int) -> None:
        random = Random(seed)
        old, new = pair(random)
        report = compare_avro(old, new, Mode.FULL)
        for direction in Direction:
            writer, reader = (old, new) if direction is Direction.BACKWARD else (new, old)
            node = parse_avro(writer).top
            verdict = report.verdict_for(direction)
            seen[verdict] += 1
            for _ in range(3 if verdict is Verdict.COMPATIBLE else 0):
                try:
                    value = datum(random, node)
                except NoDatumError:
                    continue
                got = read(value, writer, reader)
                assert is_same(value, got), (writer, reader, value, got)
                seen["read"] += 1
                silent = silent_changes(value, got)
                told = {caution.rule for caution in report.cautions if caution.direction is direction}
                assert silent <= told, (writer, reader, value, got)
                seen.update(silent)
            findings = [finding for finding in report.findings if finding.direction is direction]
            if verdict is Verdict.INCOMPATIBLE:
                seen["proven"] += any(finding.example is not None for finding in findings)
            for finding in findings:
                if finding.example is not None:
                    seen["refused"] += 1
                    with pytest.raises((fastavro.read.SchemaResolutionError, UnicodeDecodeError)):
                        read(fastavro_value(finding.example.value, node), writer, reader)

    hunt()
    enough = {
        Verdict.COMPATIBLE: 100,
        Verdict.INCOMPATIBLE: 100,
        Verdict.UNKNOWN: 10,
        "read": 300,
        "refused": 100,
        "field_defaulted": 10,
        "enum_symbol_defaulted": 1,
        "digits_lost": 1,
    }
    assert all(seen[what] >= least for what, least in enough.items()), seen
    # Nor is the judgement too strict: what it calls incompatible really fails. (A type may have no datum.)
    assert seen["proven"] >= 0.995 * seen[Verdict.INCOMPATIBLE], seen


def record(*fields: Any, **more: Any) -> dict[str, Any]:
    return {"type": "record", "name": "R", "fields": list(fields), **more}


def nested(depth: int) -> Any:
    schema: Any = "int"
    for _ in range(depth):
        schema = {"type": "array", "items": schema}
    return schema


E: dict[str, Any] = {"type": "enum", "name": "E"}
F = {"type": "fixed", "name": "F"}
BAD = [
    (3, "the schema: 3 is no Avro schema: write a type's name, an object or a list"),
    (None, "the schema: None is no Avro schema"),
    ("strnig", "the schema: 'strnig' is not defined before it is used"),
    ("union", "the schema: 'union' is not defined before it is used"),
    ([], "the schema: the union has no branches"),
    (["null", ["int"]], "the schema/1: a union can't hold a union directly"),
    (["int", {"type": "int"}], "the schema/1: the union has two branches of type int"),
    ([nested(1), nested(1)], "the schema/1: the union has two branches of type array"),
    ({}, "the schema: `type` is None; it must be the name of a type"),
    ({"type": {"type": "int"}}, "the schema: `type` is an object; it must be the name of a type"),
    ({"type": "int\n"}, r"the schema: `type` is 'int\\n', which is no Avro type"),
    ({"type": "array"}, "the schema: this array needs `items`"),
    ({"type": "map", "items": "int"}, "the schema: this map needs `values`"),
    ({"type": "record", "fields": []}, "the schema: `name` is None; a 'record' needs a name"),
    ({"type": "record", "name": "R"}, "the schema: `fields` of a record is a list, not None"),
    (record(name="a..b"), "the schema: 'a..b' is no Avro name"),
    (record(name="R\n"), r"the schema: 'R\\n' is no Avro name"),
    (record(name="1; DROP TABLE x"), "the schema: '1; DROP TABLE x' is no Avro name"),
    (record(namespace="a-b"), "the schema: 'a-b.R' is no Avro name"),
    (record(namespace=None), "the schema: `namespace` is None; it must be a text"),
    (record(name="a.int"), "the schema: 'a.int' has the name of a primitive type"),
    (record(aliases="Old"), "the schema: `aliases` is a list of names, not 'Old'"),
    (record("x"), "the schema/fields/0: a field is an object, not 'x'"),
    (record({"name": "../x", "type": "int"}), "the schema/fields/0: '../x' is no name for a field"),
    (record({"name": "a"}), "the schema/a: the field has no `type`"),
    (record(*[{"name": "a", "type": "int"}] * 2), "the schema/a: the record has two fields of this name"),
    (record({"name": "a", "type": record()}), "the schema/a: 'R' is defined a second time"),
    (record({"name": "a", "type": "S"}), "the schema/a: 'S' is not defined before it is used"),
    (record({"name": "a", "type": "x.S"}, namespace="x"), "the schema/a: 'x.S' is not defined"),
    (E, "the schema: `symbols` is a list of names, not None"),
    (E | {"symbols": ["A", "B", "A"]}, "the schema: the enum has the symbol 'A' twice"),
    (E | {"symbols": ["A B"]}, "the schema: 'A B' is no name for a symbol"),
    (E | {"symbols": ["A"], "default": "B"}, "the schema: the enum's default 'B' is none of its symbols"),
    (F, "the schema: `size` of a fixed is a number of bytes, not None"),
    (F | {"size": -1}, "the schema: `size` of a fixed is a number of bytes, not -1"),
    (F | {"size": True}, "the schema: `size` of a fixed is a number of bytes, not True"),
    (F | {"size": 10**400}, "the schema: `size` of a fixed is a number of bytes, not 1000"),
    (nested(61), "the schema: types are nested deeper than 60"),
    (nested(900), "the schema: types are nested deeper than 60"),
    (
        record(*({"name": f"f{number}", "type": "int"} for number in range(5_000))),
        "the schema: has more than 5,000 types; split it",
    ),
]


@pytest.mark.parametrize(("bad", "why"), BAD)
def test_what_is_no_schema_is_refused_in_one_line_that_names_the_place(bad: Any, why: str) -> None:
    for old, new in ((bad, "int"), ("int", bad)):
        with pytest.raises(UnusableInput) as refused:
            compare_avro(old, new, Mode.FULL)
        assert str(refused.value).startswith(why.replace("\\\\", "\\"))
        assert "\n" not in str(refused.value) and len(str(refused.value)) < 400


def chain(count: int, *fields: str) -> Any:
    """Types that refer to the one before, once per field: a datum of the last has fields^count parts."""
    types: list[dict[str, Any]] = [record({"name": "x", "type": "int"}, name="T0")]
    for number in range(1, count):
        types.append(
            record(*({"name": name, "type": f"T{number - 1}"} for name in fields), name=f"T{number}")
        )
    return record(*({"name": part["name"].lower(), "type": part} for part in types))


def all_against_all(count: int, wide: bool) -> Any:
    """Recursive types, each of which can hold each: as many pairs as there can be."""
    names = [f"T{number}" for number in range(count)]
    union: Any = [record({"name": "next", "type": "R"}, name=name) for name in names]
    return record({"name": "a", "type": ["null", *union]}, {"name": "z", "type": "long" if wide else "int"})


def deep_default(depth: int, leaf: Any) -> Any:
    """A default as deep as may be, whose type has at each level as many ways to be as there are branches."""
    value: Any = leaf
    for _ in range(depth):
        value = {"next": value}
    types = [
        record({"name": "next", "type": ["null", *names]}, name=names[-1]) for names in ("A", "AB", "ABC")
    ]
    return record({"name": "d", "type": types, "default": value})


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (chain(1_200, "a", "b"), chain(1_200, "a", "b", "c")),
        (chain(1_600, "a", "b"), chain(1_600, "a")),
        (all_against_all(1_600, True), all_against_all(1_600, False)),
        (record(), deep_default(59, None)),
        (record(), deep_default(50, 3)),
        (record(), deep_default(900, None)),
        (
            E | {"symbols": [f"A{n}" for n in range(100_000)]},
            E | {"symbols": [f"B{n}" for n in range(100_000)]},
        ),
        (F | {"size": 2**31 - 1}, F | {"size": 1}),
        (
            F | {"size": 9, "logicalType": "decimal", "precision": 10**18, "scale": 10**17},
            F | {"size": 9},
        ),
    ],
)
def test_what_is_large_is_answered_in_time(old: Any, new: Any) -> None:
    began = time.process_time()
    report = compare_avro(old, new, Mode.FULL)
    assert time.process_time() - began < 3
    assert all("\n" not in finding.sentence and len(finding.sentence) < 400 for finding in report.findings)


def test_too_many_steps_are_unknown_and_never_compatible() -> None:
    wide = [record(name=f"n{number}.T", fields=[]) for number in range(2_400)]
    report = compare_avro(wide, [*wide, "null"], Mode.BACKWARD)
    assert report.verdict is Verdict.UNKNOWN
    assert [finding.rule for finding in report.findings][-1] == "too_large"


def test_a_schema_without_any_datum_has_no_example() -> None:
    endless = record({"name": "next", "type": "R"}, {"name": "a", "type": "int"})
    (finding,) = compare_avro(endless, record({"name": "b", "type": "int"}), Mode.BACKWARD).findings
    assert (finding.rule, finding.example) == ("default_missing", None)


def test_the_path_and_the_example_lead_through_whatever_lies_around() -> None:
    def customer(kind: str) -> Any:
        emails = {"type": "array", "items": ["null", {"type": "map", "values": kind}]}
        inner = record({"name": "emails", "type": emails}, {"name": "id", "type": "long"}, name="C")
        return record({"name": "customer", "type": ["null", inner]})

    (finding,) = compare_avro(customer("string"), customer("int"), Mode.BACKWARD).findings
    assert finding.path == "customer/emails/[]/{}"
    assert finding.sentence == "the old schema writes string, and the new one reads int"
    assert finding.example is not None
    assert finding.example.value == {"customer": {"C": {"emails": [{"map": {"key": ""}}], "id": 0}}}


def test_an_example_is_told_only_if_fastavro_fails_on_it() -> None:
    schema = parse_avro("string")
    assert AvroExamples(schema, parse_avro("bytes")).show(None, schema.top) is None
    assert AvroExamples(schema, parse_avro("int")).show(None, schema.top) is not None


TICKS = {"timestamp-millis": 10**6, "timestamp-micros": 10**3, "timestamp-nanos": 1}


@pytest.mark.parametrize("writer", TICKS)
@pytest.mark.parametrize("reader", TICKS)
def test_a_number_that_is_read_as_another_moment_is_not_compatible(writer: str, reader: str) -> None:
    old, new = ({"type": "long", "logicalType": name} for name in (writer, reader))
    is_same_moment = 7 * TICKS[writer] == 7 * TICKS[reader]
    expected = Verdict.COMPATIBLE if is_same_moment else Verdict.INCOMPATIBLE
    assert compare_avro(old, new, Mode.FULL).verdict is expected


def test_only_what_is_asked_for_is_looked_at() -> None:
    assert compare_avro("int", "long", Mode.BACKWARD).verdict is Verdict.COMPATIBLE
    assert compare_avro("int", "long", Mode.FORWARD).verdict is Verdict.INCOMPATIBLE
    assert compare_avro("long", "int", Mode.FORWARD).findings == ()


ENUM: dict[str, Any] = {"type": "enum", "name": "E", "symbols": ["A", "B", "C"], "default": "A"}
UNDEFAULTED = {name: part for name, part in ENUM.items() if name != "default"}


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            record({"name": "name", "type": "string", "default": ""}),
            record({"name": "full_name", "type": "string", "default": ""}),
            [("backward", "full_name", "field_defaulted"), ("forward", "name", "field_defaulted")],
        ),
        (
            record({"name": "a", "type": ["null", "int"], "default": None}),
            record({"name": "b", "type": ["null", "long"], "default": None}),
            [("backward", "b", "field_defaulted")],
        ),
        (
            record({"name": "name", "type": "string", "default": ""}),
            record({"name": "full_name", "type": "string", "default": "", "aliases": ["name"]}),
            [("forward", "name", "field_defaulted")],
        ),
        (
            record({"name": "a", "type": "string", "default": ""}),
            record({"name": "b", "type": "int", "default": 0}),
            [],
        ),
        (record(), record({"name": "b", "type": "int", "default": 0}), []),
        (ENUM, {**ENUM, "symbols": ["A"]}, [("backward", ".", "enum_symbol_defaulted")]),
        (UNDEFAULTED, {**UNDEFAULTED, "symbols": ["A", "B", "C", "D"], "default": "D"}, []),
        ("int", "float", [("backward", ".", "digits_lost")]),
        ({"type": "array", "items": "long"}, {"type": "array", "items": "double"},
         [("backward", "[]", "digits_lost")]),
        ("int", "double", []),
    ],
    ids=["renamed", "renamed, wider", "alias", "another type", "added", "symbols", "default", "int to float",
         "items", "int to double"],
)  # fmt: skip
def test_what_reads_as_another_value_is_cautioned_of(
    old: Any, new: Any, expected: list[tuple[str, str, str]]
) -> None:
    report = compare_avro(old, new, Mode.FULL)
    assert Direction.BACKWARD not in {finding.direction for finding in report.findings}
    told = [(caution.direction or "", caution.path, caution.rule) for caution in report.cautions]
    assert told == expected


def test_a_caution_says_which_field_may_have_been_renamed() -> None:
    old = record(*({"name": f"a{number}", "type": "int"} for number in range(7)))
    new = record({"name": "b", "type": "int", "default": 0})
    (caution,) = compare_avro(old, new, Mode.BACKWARD).cautions
    assert caution.sentence == (
        "the new schema reads b as its default, and does not read a0, a1, a2, a3, a4 nor 2 more: "
        "where that is the same field, name it as an alias"
    )
