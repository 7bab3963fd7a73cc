"""What makes a second event under the same source and id a duplicate, and what a conflict.

Not here: the envelope's rules (`test_exact_validator`), and corrections (`test_correcting_events`).
"""

import tempfile
from base64 import b64encode
from collections.abc import Callable, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from event_archive import Archive
from event_archive.landing import router
from event_archive.landing.deduplicate import first_difference
from event_archive.registry.exact_values import json_text
from support.encoded import as_avro, as_batch, as_delimited, attributes_of
from support.events import (
    WEIGHED,
    WEIGHED_DATA,
    Event,
    archived,
    contract_file,
    contracts_in,
    land_bytes,
    lines,
    new_archive,
    rejected,
    text,
    weighed,
)
from support.hunting import examples

DIFFERENT = [
    ({"zz": None}, {}, "zz"),
    ({"paid": True}, {"paid": 1}, "paid"),
    ({"paid": False}, {"paid": 0}, "paid"),
    ({"paid": None}, {"paid": False}, "paid"),
    ({"zz": {"deep": [1, True]}}, {"zz": {"deep": [1, 1]}}, "zz"),
    ({"zz": {"deep": None}}, {"zz": {}}, "zz"),
    ({"zz": "1"}, {"zz": 1}, "zz"),
]
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-2, 2)
    | st.decimals(-2, 2, places=1)
    | st.text("ab1", max_size=2),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.sampled_from("abc"), below, max_size=3),
    max_leaves=6,
)


@pytest.mark.parametrize("swapped", [False, True])
@pytest.mark.parametrize("files", [1, 2])
@pytest.mark.parametrize(("one", "other", "field"), DIFFERENT)
def test_another_value_under_the_same_id_is_a_conflict(
    tmp_path: Path, one: dict[str, Any], other: dict[str, Any], field: str, files: int, swapped: bool
) -> None:
    archive = new_archive(tmp_path)
    first, second = (other, one) if swapped else (one, other)
    events = [weighed(1, data=weighed(1)["data"] | more) for more in (first, second)]
    contents = [lines(events)] if files == 1 else [lines([event]) for event in events]
    for content in contents:
        land_bytes(archive, content)
    assert [(record.reason, record.detail) for record in rejected(archive)] == [
        ("conflict", f"source and id are taken by an event with another data.{field}")
    ]


@given(JSON, JSON)
def test_values_are_equal_where_they_are_of_the_same_json_types(mine: object, theirs: object) -> None:
    assert (first_difference(mine, theirs) is None) == (typed(mine) == typed(theirs))
    assert first_difference(mine, mine) is None


LONG = "0.10000000000000001"
FINE = "2026-03-01T00:00:00.1234567Z"
Spellings = Mapping[str | None, object]
"""How JSON may spell a field (None: it is absent), and which value each of them is."""

FIELDS: dict[str, Spellings] = {
    "label": {'"a"': "a", '"\\u0061"': "a", '"b"': "b"},
    "grams": {"1": 1, "1.0": 1, "10e-1": 1, "2": 2},
    "due_at": {
        "null": None,
        '"2026-03-01T00:00:00.123456Z"': 6,
        '"2026-03-01T01:00:00.1234560+01:00"': 6,
        f'"{FINE}"': 7,
        '"2026-03-01T01:00:00.12345670+01:00"': 7,
        '"2026-03-01T00:00:00.1234568Z"': 8,
    },
    "ratio": {
        **{None: None, "0.1": 0.1, "1e-1": 0.1, LONG: 0.1, "0.10000000000000002": 0.2, "1": 1, "1.0": 1},
        **{"0": 0, "-0.0": 0, "9007199254740992": 53, "9007199254740993": 54},
    },
    "fee": {None: None, "1": 1, "1.00": 1, "1.01": 2, "0": 0, "-0.0": 0},
    "price": {None: None, '"1.5"': 1, '"1.50"': 1, '"1"': 2},
    "is_fragile": {None: None, "true": True, "false": False},
    "tags": {None: None, "[]": 0, '["a"]': 1, '["a","a"]': 2},
    "pieces": {
        None: None,
        "[]": 0,
        '[{"name":"a"}]': 1,
        '[{"name":"a","count":0}]': 2,
        '[{"name":"a","x":0}]': 3,
    },
}
ENCODINGS: Mapping[str, Callable[[list[Event]], bytes]] = {
    "json": lambda events: b"".join(map(as_line, events)),
    "avro": as_avro,
    "protobuf batch": as_batch,
    "protobuf stream": as_delimited,
}


def as_line(event: Event) -> bytes:
    """An event as a line of JSON, spelled as it is."""
    envelope = json_text(attributes_of(event) | {"time": event["time"]})
    return f'{envelope[:-1]},"data":{event["data"]}}}\n'.encode()


def typed(value: object) -> object:
    """A JSON value, such that two are equal if and only if they are the same value of the same JSON type."""
    if isinstance(value, dict):
        return "object", frozenset((name, typed(below)) for name, below in value.items())
    if isinstance(value, list):
        return "array", tuple(typed(below) for below in value)
    return "boolean" if isinstance(value, bool) else "", value


TIMES: Spellings = dict(
    zip(
        ["", ".0", ".000001", ".0000010", ".0000015", ".00000150", ".0000019"],
        [0, 0, 1, 1, 15, 15, 19],
        strict=True,
    )
)
FLAGS = [None, True, False, 1, 0, "1", "true"]
Chosen = dict[str, tuple[Any, object]]
"""By part of an event: its spelling, and which value it is."""


def chosen(name: str) -> st.SearchStrategy[tuple[Any, object]]:
    """A part of an event."""
    if name in ("zz", "remarks"):
        return st.just((None, None)) | JSON.map(lambda value: (json_text(value), ("there", typed(value))))
    return st.sampled_from(KNOWN[name])


USUAL: Chosen = {
    **{name: next(iter(spellings.items())) for name, spellings in (FIELDS | {"time": TIMES}).items()},
    **{"zz": (None, None), "remarks": (None, None), "flag": (None, typed(None))},
}
KNOWN: Mapping[str, list[tuple[Any, object]]] = {
    **{name: list(spellings.items()) for name, spellings in (FIELDS | {"time": TIMES}).items()},
    "flag": [(flag, typed(flag)) for flag in FLAGS],
}
ALL_PAIRS = [
    (USUAL | {name: one}, USUAL | {name: other})
    for name, parts in KNOWN.items()
    for one in parts
    for other in parts
]
"""Each part of an event in any two of its spellings."""


@st.composite
def pairs(draw: st.DrawFn) -> tuple[Chosen, Chosen]:
    """Two events under one id, which may differ in what no column holds, and in one other part."""
    name = draw(st.sampled_from(sorted(KNOWN)))
    one, other = (
        USUAL | {part: draw(chosen(part)) for part in ("zz", "remarks")} | {name: draw(chosen(name))}
        for _ in range(2)
    )
    return one, other | (draw(st.sampled_from([{}, {"zz": one["zz"], "remarks": one["remarks"]}])))


def spelled_event(number: int, parts: Chosen) -> Event:
    spelled = {name: spelling for name, (spelling, _) in parts.items() if spelling is not None}
    time, flag = spelled.pop("time"), spelled.pop("flag", None)
    event = weighed(number, time=f"2026-01-02T23:59:59{time}Z")
    event["data"] = "{" + ",".join(f'"{name}":{value}' for name, value in spelled.items()) + "}"
    return event if flag is None else event | {"flag": flag}


@pytest.fixture(params=["in columns", "one by one"])
def _judged(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(router, "WORTH_COMPILING", 1)
    monkeypatch.setattr(router, "MAX_FAST_VALIDATORS", 8 if request.param == "in columns" else 0)


def plain_archive(folder: Path) -> Archive:
    """An archive of parcels whose contract names simple fields alone, so that columns can be judged."""
    named = {name: WEIGHED_DATA["properties"][name] for name in FIELDS if name != "pieces"}
    data = dict(WEIGHED_DATA) | {"properties": named}
    contracts = contracts_in(folder / "contracts", contract_file(WEIGHED, data))
    return Archive(folder / "archive", contracts, may_create=True)


def assert_judged(archive: Archive, pairs: list[tuple[Chosen, Chosen]], first: str, second: str) -> None:
    """Land the first event of each pair in one encoding, and then the second in another."""
    ones, others = (
        [spelled_event(number, pair[side]) for number, pair in enumerate(pairs)] for side in (0, 1)
    )
    different = {
        other["id"]
        for other, pair in zip(others, pairs, strict=True)
        if any(pair[0][name][1] != pair[1][name][1] for name in pair[0])
    }
    landed = land_bytes(archive, ENCODINGS[first](ones), "first")
    assert landed.counts.accepted == len(pairs), rejected(archive)
    again = land_bytes(archive, ENCODINGS[second](others), "second")
    conflicts = {record.event_id for record in rejected(archive) if record.reason == "conflict"}
    wrong = sorted(map(str, conflicts ^ different))
    assert not wrong, str([event for event in ones + others if event["id"] == wrong[0]])
    assert again.counts.duplicate == len(pairs) - len(different)


@pytest.mark.usefixtures("_judged")
@pytest.mark.parametrize("archive_of", [plain_archive, new_archive])
@pytest.mark.parametrize("encodings", list(pairwise([*ENCODINGS, "json"])), ids=" then ".join)
def test_all_spellings_of_one_value_are_one_and_others_are_not(
    tmp_path: Path, archive_of: Callable[[Path], Archive], encodings: tuple[str, str]
) -> None:
    assert_judged(archive_of(tmp_path), ALL_PAIRS, *encodings)


@pytest.mark.usefixtures("_judged")
@pytest.mark.parametrize("archive_of", [plain_archive, new_archive])
@given(st.lists(pairs(), min_size=40, max_size=40), *[st.sampled_from(sorted(ENCODINGS))] * 2)
@settings(max_examples=examples(8), deadline=None, phases=[Phase.generate])
def test_a_repeated_event_is_a_duplicate_where_it_says_the_same(
    archive_of: Callable[[Path], Archive], pairs: list[tuple[Chosen, Chosen]], first: str, second: str
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        assert_judged(archive_of(Path(folder)), pairs, first, second)


def twice(archive: Archive, *records: Event | bytes) -> list[str]:
    """Land records one after the other; returns why some were rejected."""
    for record in records:
        land_bytes(archive, lines([record]))
    return [record.detail for record in rejected(archive)]


def with_ratio(spelled: str) -> bytes:
    return lines([weighed(1, data={"ratio": "X"})]).strip().replace(b'"X"', spelled.encode())


@pytest.mark.parametrize("spellings", [("0.1", LONG), (LONG, "0.1"), ("-0.0", "0.0"), ("0.0", "-0.0")])
def test_the_spelling_that_landed_first_is_given_back(tmp_path: Path, spellings: tuple[str, str]) -> None:
    archive = new_archive(tmp_path)
    assert twice(archive, *map(with_ratio, spellings)) == []
    [event] = archived(archive).values()
    assert str(event["data"]["ratio"]) == spellings[0]


def test_another_nanosecond_is_another_event(tmp_path: Path) -> None:
    archive = new_archive(tmp_path)
    times = (
        "2026-01-01T23:59:59.999999998Z",
        "2026-01-02T00:59:59.9999999980+01:00",
        "2026-01-01T23:59:59.999999999Z",
    )
    assert twice(archive, *(weighed(1, time=time) for time in times)) == [
        "source and id are taken by an event with another occurred_at"
    ]
    assert [event["time"] for event in archived(archive).values()] == [times[0]]
    assert [segment.days for commit in archive.log.commits() for segment in commit.segments] == [
        {"2026-01-01": 1}
    ]


def test_a_null_attribute_is_an_absent_one(tmp_path: Path) -> None:
    assert twice(new_archive(tmp_path), weighed(1), weighed(1, flag=None, correlationid=None)) == []


def test_null_in_a_field_of_open_type_is_not_an_absent_one(tmp_path: Path) -> None:
    assert twice(new_archive(tmp_path), weighed(1), weighed(1, data={"remarks": None})) == [
        "source and id are taken by an event with another data.remarks"
    ]


def test_data_in_base64_is_the_same_data(tmp_path: Path) -> None:
    plain = weighed(1, data={"ratio": 0.5})
    encoded = weighed(1, without=["data"]) | {"data_base64": b64encode(text(plain["data"])).decode()}
    assert twice(new_archive(tmp_path), plain, encoded) == []
