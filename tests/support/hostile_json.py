"""Spellings of JSON that readers disagree about, and random contracts and records made of them.

Belongs here: what the hunt for a fast test that is too lax shoots with. Not here: the hunt
(`test_fast_validator`).
"""

import json
import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from event_archive.registry.contract import Contract
from support.events import WEIGHED, contract, weighed


@dataclass(frozen=True)
class Raw:
    """JSON text that is written as it stands."""

    text: str


def spelled(value: Any, colon: str = ":", comma: str = ",") -> str:
    """JSON text of a value in which some parts are spelled out already."""
    if isinstance(value, Raw):
        return value.text
    if isinstance(value, Mapping):
        members = (f"{json.dumps(name)}{colon}{spelled(item, colon, comma)}" for name, item in value.items())
        return "{" + comma.join(members) + "}"
    if isinstance(value, list):
        return "[" + comma.join(spelled(item, colon, comma) for item in value) + "]"
    return json.dumps(value, ensure_ascii=False)


def words(text: str) -> list[str]:
    """The words of a text."""
    return text.split()


NUMBERS = words("""
    0 -0 0.0 -0.0 1 1.0 1e0 1E0 1e+0 10e-1 -1 2 3 5 7 10 100 1e2 99 101 0.1 0.01 0.07 0.001 1.15 2.675
    1e-7 1.5e-7 0.30000000000000004 5e-324 1e-400 1.7976931348623157e308 1e308 1e309 1e400 -1e400 1e15
    1e16 1e17 100000.0 1000000000000000.0 1000000000000000.5 123456789012345.68 1234567890123.1235
    12345678901234.57 999999999999999 99999999999999.99 9007199254740991 9007199254740992
    9007199254740993 9007199254740992.0 9007199254740993.0 9223372036854775807 9223372036854775808
    -9223372036854775808 -9223372036854775809 18446744073709551615 18446744073709551616
    340282366920938463463374607431768211456 0.1000000000000000055511151231257827 3.14159265358979323846
    NaN nan NAN -NaN inf Inf -inf Infinity infinity -Infinity 01 -01 00 +1 .5 5. 1. 1e 0x10 1_000 1,0 -
    1e1e1 ١
""")
STRINGS = [
    *words("""
        a ab abc Abc 12 1.5 true null é e\u0301 😀 😀😀
        👩\u200d👩\u200d👧 ß \x7f \ufeff \ufffd a'b % -- $1 {} a/b
        x@y.zz X@Y.ZZ ٣
    """),
    *["", "a b", " a", "a ", "\u2028", "\u00a0", "a;b", "abc\u212a"],
    *['a "b"', "a\nb", "C:\\d", "\t\r\b\f", "\x00\x1f", "/"],
]  # fmt: skip
ESCAPED = words(
    r'"\u0061" "a\/b" "\"" "\\" "\n" "\u0000" "\ud83d\ude00" "\ud800" "\udc00\ud800" "\x41" "\u00g0"'
)
BROKEN_STRINGS = ['"a\tb"', '"a\x00b"', '"a\x1fb"', "'a'", "a", '"a', '"a""b"', '"a"b']
DATES = [
    *words("""
        2026-01-01 2026-02-28 2026-02-29 2024-02-29 2026-02-30 2026-13-01 2026-00-10 2026-01-32 2026-1-1
        0000-01-01 0001-01-01 9999-12-31 10000-01-01 -0001-01-01 +2026-01-01 20260101 2026-W01-1
        infinity -infinity epoch today 2026-01-01Z 2026/01/01 294247-01-10 2026-01-01T00:00:00Z
        ٢٠٢٦-01-01
    """),
    *["2026-01-01 ", " 2026-01-01", "2026-01-01 (BC)"],
]
MOMENTS = [
    *words("""
        2026-01-01T00:00:00Z 2026-01-01T00:00:00z 2026-01-01t00:00:00Z 2026-01-01T00:00:00
        2026-01-01T23:59:60Z 2026-01-01T24:00:00Z 2026-01-01T23:59:59.999999Z
        2026-01-01T23:59:59.9999999Z 2026-01-01T23:59:59.1234560Z 2026-01-01T00:00:00.Z
        2026-01-01T00:00:00,5Z 2026-01-01T00:00Z 2026-01-01T00:00:00+00:00 2026-01-01T00:00:00-00:00
        2026-01-01T00:00:00-00:30 2026-01-01T00:00:00+14:59 2026-01-01T00:00:00-14:59
        2026-01-01T00:00:00+15:00 2026-01-01T00:00:00+23:59 2026-01-01T00:00:00+24:00
        2026-01-01T00:00:00+05:75 2026-01-01T00:00:00+0530 2026-01-01T00:00:00+05 2026-02-30T00:00:00Z
        2024-02-29T12:30:00.5+05:30 0000-01-01T00:00:00Z 0001-01-01T00:00:00Z 0001-01-01T00:00:00+01:00
        1000-01-01T00:00:00Z 1000-01-01T00:00:00+14:00 1582-10-10T00:00:00Z 1900-01-01T00:00:00.1Z
        1969-12-31T23:59:59.000001Z 2999-12-31T23:59:59.999999-14:00 9999-12-31T23:59:59Z
        9999-12-31T23:59:59-01:00 10000-01-01T00:00:00Z 2027-01-01T00:00:00Z 2027-01-01T00:00:00.000001Z
        2027-01-01T01:00:00+01:00 2026-W01-1T00:00:00Z 2026-01-01T00:00:00ZZ
        2026-01-01T00:00:00Europe/Berlin infinity epoch 1770112800 2026-01-01
    """),
    *["2026-01-01 00:00:00Z", "2026-01-01T00:00:00 UTC", "2026-01-01T00:00:00 +05:30", ""],
]
UUIDS = words("""
    0d4b1f6e-2f0a-4c0f-9d53-3c2f6f1f9a11 0D4B1F6E-2F0A-4C0F-9D53-3C2F6F1F9A11
    0d4b1f6e2f0a4c0f9d533c2f6f1f9a11 {0d4b1f6e-2f0a-4c0f-9d53-3c2f6f1f9a11}
    urn:uuid:0d4b1f6e-2f0a-4c0f-9d53-3c2f6f1f9a11 00000000-0000-0000-0000-000000000000
    ffffffff-ffff-ffff-ffff-ffffffffffff 0d4b1f6e-2f0a-4c0f-9d53-3c2f6f1f9a1
    0d4b1f6e-2f0a-4c0f-9d53-3c2f6f1f9a1g 0d4b-1f6e2f0a-4c0f-9d53-3c2f6f1f9a11
""")
DECIMALS = words("""
    0 -0 0.0 -0.00 1 1.5 1.50 -1.5 .5 0.5 0.99 5. 01 1e2 +1 0.01 0.001 9.99 99.9 99.99 100 99999
    12345.67 NaN Infinity 1,5 ١ 9999999999999999999999999999 9999999999999999999999999999.9999999999
    99999999999999999999999999999 1.23456789012 0.1234567890 0.12345678901234567890123456789012345678
    12345678.123456789012345678901234567890
""")
OTHERS = words('null true false True [] {} [1] {"a":1} [1,] {"a":1,} [null] /**/1 undefined')
EMAILS = [
    *words("""
        a.b@c-d.ee a@b.cc A@b.cc a@b a@b.c a..b@c.dd .a@b.cc a@-b.cc a@b--c.dd "a"@b.cc a@[1.2.3.4]
        a@b.c1 é@b.cc a@é.cc a@xn--a.cc a@b_c.dd a@b.cc. a+b@c.dd
    """),
    *["a@b.cc ", "a b@c.dd", "a" * 54 + "@b.cc", "a" * 70 + "@b.cc", "a@" + "b" * 63 + ".cc"],
]
PATTERNS = [
    ("^[a-z]+$", "abc"), ("^a|b$", "a"), (r"^\d{1,2}$", "12"), ("^[^/]+/[^/]+$", "a/b"),
    ("^(a|ab)(c|bcd)?$", "abcd"), ("^(?i)abk$", "abk"), (r"^a\.b$", "a.b"), ("^[^a]*$", "é😀"), ("^$", ""),
    ("^[A-z]+$", "A_z"), ("^a++$", "aa"),
]  # fmt: skip
SPELLINGS = {
    "number": NUMBERS,
    "string": [*map(spelled, STRINGS), *ESCAPED, *BROKEN_STRINGS],
    "date": [*map(spelled, DATES)],
    "moment": [*map(spelled, MOMENTS)],
    "uuid": [*map(spelled, UUIDS), f'" {UUIDS[0]}"'],
    "decimal": [*map(spelled, DECIMALS)],
    "boolean": words('true false TRUE 1 0 "true" t'),
}
ANY_SPELLING = [*OTHERS, *(spelling for spellings in SPELLINGS.values() for spelling in spellings)]
GOOD_ATTRIBUTES = {
    "verb": ['"weighed"', '"weighed"', "null"],
    "correlationid": ['"c"', "null"],
    "causationid": ['"c"', "null"],
    "corrects": ['"c"', "null"],
    "voids": ["null"],
    "objectversion": ["1", "1", "null", "9223372036854775807"],
    "datacontenttype": ['"application/json"', '"application/cloudevents+json"', "null"],
    "traceparent": ['"00-ab"', '"00-ab"', '""', '"it\'s"', "null"],
}
ENVELOPE = {
    "specversion": ['"1.0"', "1.0", '"1"', "null"],
    "id": SPELLINGS["string"],
    "source": SPELLINGS["string"],
    "type": [f'"{WEIGHED}"', '"parcel.lost.v1"', '"Parcel.weighed.v1"', "null"],
    "time": SPELLINGS["moment"],
    "actor": words(
        '"clerk/1" "clerk/a/b" "system/x" "robot/1" "clerk" "clerk/" "/1" "" "Clerk/1" "clerk//" "clerk/é"'
    ),
    "object": words('"parcel/1" "parcel/a/b" "parcel/" "parcel" "parcel//" "letter/1" "parcel/é" "/" ""'),
    "verb": words('"weighed" "Weighed" null "None" "" "null"'),
    "correlationid": [*SPELLINGS["string"], "null"],
    "causationid": [*SPELLINGS["string"], "null"],
    "corrects": [*SPELLINGS["string"], "null"],
    "voids": [*SPELLINGS["string"], "null"],
    "objectversion": [*NUMBERS, "null", '"1"'],
    "datacontenttype": words('"application/json" "text/xml" "application/cloudevents+json" null'),
    "traceparent": [*SPELLINGS["string"], "1", "true", "null"],
}
NAMES = ["a", "b", "c", "type", "data", "Ab", "x y", "line", "n"]


@dataclass(frozen=True)
class Part:
    """A schema, a value that it surely accepts, and spellings that are near to what it is about."""

    schema: dict[str, Any]
    good: Any
    near: list[str]


def nullable(schema: dict[str, Any]) -> dict[str, Any]:
    """The same schema with null allowed."""
    also = {"enum": [*schema["enum"], None]} if "enum" in schema else {}
    return schema | {"type": [schema["type"], "null"]} | also


class Hunter(random.Random):
    """Draws contracts and records; the same seed draws the same."""

    def contract(self) -> tuple[Contract, Part]:
        """A contract, and the part that its `data` is."""
        data = self._object(0)
        return contract(data.schema), data

    def records(self, data: Part, count: int) -> list[bytes]:
        """A good record and variations of it, one line each, in any order."""
        good: dict[str, Any] = weighed(1, time="2026-01-01T00:00:00Z") | {"data": data.good}
        for name in self.sample(sorted(GOOD_ATTRIBUTES), self.randint(0, 3)):
            good[name] = Raw(self.choice(GOOD_ATTRIBUTES[name]))
        good = {name: good[name] for name in self.sample(sorted(good), len(good))}
        usual, rare = [(":", ","), (":", ","), (": ", ", ")], [(": ", ","), (" :", ",")]
        marks = self.choice(usual if self.random() < 0.9 else rare)
        records = [spelled(good, *marks)] * 2
        records += [
            records[0][:-1] + ',"id":"x"}',
            records[0] + "}",
            " " + records[0],
            records[0][:-1] + ",}",
        ]
        while len(records) < count:
            name = self.choice(sorted(ENVELOPE))
            spelling = self.choice(data.near if self.random() < 0.8 else ENVELOPE[name])
            changed = good | {"data" if spelling in data.near else name: Raw(spelling)}
            records.append(spelled(changed, *marks))
        first, *others = records
        self.shuffle(others)
        records = [first, *others] if self.random() < 0.8 else [*others, first]
        return [record.encode("utf-8", "replace").replace(b"\n", b" ") for record in records]

    def _part(self, depth: int) -> Part:
        scalar = (
            self._string, self._enum, self._pattern, self._date, self._moment, self._uuid, self._decimal,
            self._integer, self._number, self._money, self._boolean, self._email,
        )  # fmt: skip
        if depth < 2 and self.random() < 0.3:
            return self.choice((self._list, self._list, self._object))(depth)
        return self.choice(scalar)()

    def _string(self) -> Part:
        good = self.choice([text for text in STRINGS if text])
        schema: dict[str, Any] = {"type": "string"}
        if self.random() < 0.5:
            schema["minLength"] = self.choice([0, 1, len(good)])
        if self.random() < 0.5:
            schema["maxLength"] = self.choice([len(good), len(good) + 1])
        return Part(schema, good, SPELLINGS["string"])

    def _enum(self) -> Part:
        values = self.sample(STRINGS, self.randint(1, 3))
        keyword: dict[str, Any] = {"enum": values} if self.random() < 0.7 else {"const": values[0]}
        return Part({"type": "string", **keyword}, values[0], SPELLINGS["string"])

    def _pattern(self) -> Part:
        pattern, good = self.choice(PATTERNS)
        others = good + "\n", good.upper(), good + "x", "x" + good, "٣", "ab\u212a", "a/b/c", "\n/b"
        return Part(
            {"type": "string", "pattern": pattern}, good, [*map(spelled, others), *SPELLINGS["string"]]
        )

    def _email(self) -> Part:
        return Part({"type": "string", "format": "email"}, "a.b@c-d.ee", list(map(spelled, EMAILS)))

    def _date(self) -> Part:
        return Part({"type": "string", "format": "date"}, "2026-01-01", SPELLINGS["date"])

    def _moment(self) -> Part:
        return Part({"type": "string", "format": "date-time"}, "2026-01-01T00:00:00Z", SPELLINGS["moment"])

    def _uuid(self) -> Part:
        return Part({"type": "string", "format": "uuid"}, UUIDS[0], SPELLINGS["uuid"])

    def _decimal(self) -> Part:
        sizes = self.choice([(38, 10), (4, 2), (2, 2), (5, 0), (38, 38), (38, 30)])
        schema = {"type": "string", "format": "decimal", "x-precision": sizes[0], "x-scale": sizes[1]}
        return Part(schema, "0", SPELLINGS["decimal"])

    def _integer(self) -> Part:
        good = self.choice([0, 1, 5, 100, 2**53 + 1, 2**63 - 1, -(2**63)])
        schema = {"type": "integer"} | self._bounds(good, [1, 2])
        if self.random() < 0.3:
            schema["multipleOf"] = self.choice([divisor for divisor in (1, 2, 5, 3) if good % divisor == 0])
        return Part(schema, good, [str(good + step) for step in (-2, -1, 0, 1, 2)] + NUMBERS)

    def _number(self) -> Part:
        good = self.choice([0, 1.5, 0.1, 1e-7, 123456789.125, 1e300, 9007199254740992.0, 1e17])
        schema = {"type": "number"} | self._bounds(good, [1, 0.1, 0.5])
        return Part(schema, good, [repr(float(good)), str(good + 1), str(good - 0.1)] + NUMBERS * 2)

    def _money(self) -> Part:
        step = self.choice([0.1, 0.01, 0.001, 0.0001, 0.000001, 1e-9, 1e-12])
        schema = {"type": "number", "multipleOf": step} | self._bounds(1, [1, 0.1, 0.01])
        digits = self.randint(1, 18)
        near = [f"{self.randrange(10**digits)}.{self.randrange(10**6)}" for _ in range(10)]
        near += [repr(self.randrange(10**17) * step) for _ in range(10)]
        return Part(schema, 1, near + NUMBERS)

    def _boolean(self) -> Part:
        return Part({"type": "boolean"}, True, SPELLINGS["boolean"])

    def _bounds(self, good: float, steps: list[float]) -> dict[str, Any]:
        """Some bounds that the good value just meets, or that are near to it."""
        bounds: dict[str, Any] = {}
        for keyword, sign in (
            ("minimum", -1),
            ("maximum", 1),
            ("exclusiveMinimum", -1),
            ("exclusiveMaximum", 1),
        ):
            if self.random() < 0.2:
                bounds[keyword] = good + sign * self.choice(steps if "exclusive" in keyword else [0, *steps])
        return bounds

    def _list(self, depth: int) -> Part:
        item = self._object(2) if self.random() < 0.4 else self._part(depth + 1)
        count = self.randint(0, 2)
        schema: dict[str, Any] = {"type": "array", "items": item.schema}
        if self.random() < 0.3:
            schema |= self.choice([{"minItems": count}, {"maxItems": count}])
        good = spelled(item.good)
        near = [
            "[]",
            f"[{good},]",
            f"[{good},null]",
            f"[{good} ]",
            "[null]",
            "[[]]",
            f"[{good},{good},{good}]",
        ]
        near += [f"[{near_item}]" for near_item in item.near]
        near += [f"[{good},{near_item}]" for near_item in item.near]
        return Part(schema, [item.good] * count, near)

    def _object(self, depth: int) -> Part:
        fields = {name: self._part(depth) for name in self.sample(NAMES, self.randint(1, 4))}
        kinds = ["required", "required", "nullable", "optional"]
        chosen = {name: self.choice(kinds) for name in fields}
        schemas = {
            name: nullable(part.schema) if chosen[name] == "nullable" else part.schema
            for name, part in fields.items()
        }
        required = [name for name in fields if chosen[name] != "optional"]
        schema: dict[str, Any] = {"type": "object", "properties": schemas, "required": required}
        if self.random() < 0.5:
            schema["additionalProperties"] = self.random() < 0.5
        good = {name: part.good for name, part in fields.items() if name in required or self.random() < 0.5}
        near = [
            spelled(good)[:-1] + ',"other":1}', spelled(good)[:-1] + ",}", "{}",
            spelled(dict(reversed(good.items()))), *OTHERS,
        ]  # fmt: skip
        if depth == 0 and "additionalProperties" not in schema and self.random() < 0.5:
            good["new"] = self.choice(["a", "é😀", 1, -7, True])
            near += [spelled(good | {"new": Raw(spelling)}) for spelling in self.sample(ANY_SPELLING, 20)]
            near += [spelled(good)[:-1] + f',"{name}":1}}' for name in ("new", "NEW", "other")]
        for name, part in fields.items():
            some = self.sample(part.near, min(len(part.near), 12)) + self.sample(ANY_SPELLING, 4) + ["null"]
            near += [spelled(good | {name: Raw(spelling)}) for spelling in some]
            near.append(spelled({other: value for other, value in good.items() if other != name}))
            near.append(spelled(good)[:-1] + f",{json.dumps(name)}:{spelled(part.good)}}}")
        return Part(schema, good, near)
