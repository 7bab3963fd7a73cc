"""Parquet as records: given a table, expect JSON that means exactly the same, or a refusal as a whole."""

import gzip
import io
import json
import math
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from event_archive import Source, UnusableInput, land
from event_archive.decoding.formats import read_chunks
from event_archive.decoding.input_form import FOUND, InputForm
from event_archive.decoding.record_chunk import ChunkBounds, UnreadableRecord
from event_archive.decoding.sources import HashingReader
from event_archive.decoding.unlandable import Unlandable
from event_archive.mapping.mapping import load_mapping
from event_archive.store.commit import Counts
from support.events import archived, new_archive
from support.hunting import examples


def parquet(table: pa.Table, **options: Any) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, **options)
    return bytes(sink.getvalue())


def read(
    content: bytes, form: InputForm = FOUND, *, size: int = 1 << 20, longest: int = 1 << 20
) -> tuple[list[bytes], list[UnreadableRecord], list[int]]:
    """The records, the rows that are none, and the positions of the records."""
    records: list[bytes] = []
    unreadable: list[UnreadableRecord] = []
    positions: list[int] = []
    for chunk in read_chunks(HashingReader(io.BytesIO(content)), ChunkBounds(size, longest), form):
        records += [chunk.record(row) for row in range(len(chunk.positions))]
        positions += chunk.positions.tolist()
        unreadable += chunk.unreadable
    return records, unreadable, positions


def column(values: list[Any], kind: pa.DataType) -> list[str]:
    """The JSON texts of the values of one column."""
    records, unreadable, positions = read(parquet(pa.table({"x": pa.array(values, kind)})))
    assert unreadable == []
    assert positions == [*range(1, len(values) + 1)]
    return [record.decode().removeprefix('{"x":').removesuffix("}") for record in records]


@pytest.mark.parametrize(
    ("kind", "values", "written"),
    [
        (pa.int64(), [9007199254740993, -1, None], ["9007199254740993", "-1", "null"]),
        (pa.uint64(), [2**64 - 1], ["18446744073709551615"]),
        (pa.bool_(), [True, None], ["true", "null"]),
        (pa.float64(), [0.1, 1e300, 97.0, -0.0], ["0.1", "1e+300", "97", "-0.0"]),
        (pa.float32(), [0.1, 16777217.5], ["0.1", "16777218"]),
        (
            pa.decimal128(38, 4),
            [Decimal("1234567890123456789012345678.9010"), Decimal("-0.5")],
            ["1234567890123456789012345678.9010", "-0.5000"],
        ),
        (pa.decimal128(9, 0), [Decimal(7)], ["7"]),
        (pa.string(), ['é"\n'], ['"é\\"\\n"']),
        (pa.binary(), [b"\xff\x00"], ['"/wA="']),
        (pa.binary(2), [b"ab"], ['"YWI="']),
        (pa.date32(), [0, -719162, 2932896], ['"1970-01-01"', '"0001-01-01"', '"9999-12-31"']),
        (
            pa.timestamp("us"),
            [1767434047250000, -1],
            ['"2026-01-03T09:54:07.250000"', '"1969-12-31T23:59:59.999999"'],
        ),
        (pa.timestamp("ms", tz="Europe/Berlin"), [1767434047250], ['"2026-01-03T09:54:07.250Z"']),
        (
            pa.timestamp("ns", tz="UTC"),
            [1000, 1001],
            ['"1970-01-01T00:00:00.000001Z"', '"1970-01-01T00:00:00.000001001Z"'],
        ),
        (pa.time32("ms"), [1], ['"00:00:00.001"']),
        (pa.time64("us"), [86399999999], ['"23:59:59.999999"']),
        (pa.dictionary(pa.int8(), pa.string()), ["a", None, "a"], ['"a"', "null", '"a"']),
        (pa.uuid(), [UUID(int=1).bytes], ['"00000000-0000-0000-0000-000000000001"']),
        (pa.list_(pa.int8()), [[1, None], [], None], ["[1,null]", "[]", "null"]),
        (pa.list_(pa.int8(), 2), [[1, 2], None], ["[1,2]", "null"]),
        (
            pa.map_(pa.string(), pa.date32()),
            [{"a": 0, "b": None}, None, {}],
            ['{"a":"1970-01-01","b":null}', "null", "{}"],
        ),
        (pa.map_(pa.int8(), pa.string()), [[(1, "a")]], ['[{"key":1,"value":"a"}]']),
        (
            pa.list_(
                pa.struct(
                    [
                        ("at", pa.timestamp("ms")),
                        ("sum", pa.decimal128(5, 2)),
                        ("tags", pa.list_(pa.string())),
                    ]
                )
            ),
            [
                None,
                [{"at": 0, "sum": Decimal("1.50"), "tags": ["x"]}, None],
                [{"at": None, "sum": None, "tags": None}],
            ],
            [
                "null",
                '[{"at":"1970-01-01T00:00:00.000","sum":1.50,"tags":["x"]},null]',
                '[{"at":null,"sum":null,"tags":null}]',
            ],
        ),
    ],
    ids=str,
)
def test_a_type_is_json_that_means_the_same(kind: pa.DataType, values: list[Any], written: list[str]) -> None:
    assert column(values, kind) == written


def test_old_timestamps_are_read_to_the_microsecond_in_every_year() -> None:
    table = pa.table({"x": pa.array([253402300799999999, 0], pa.timestamp("us"))})
    content = parquet(table, use_deprecated_int96_timestamps=True)
    assert read(content)[0] == [b'{"x":"9999-12-31T23:59:59.999999"}', b'{"x":"1970-01-01T00:00:00.000000"}']


def test_what_json_can_not_say_is_named_and_kept_as_text() -> None:
    table = pa.table(
        {
            "n": [1, 2, 3, 4],
            "x": [0.5, math.nan, -math.inf, None],
            "m": pa.array([[("a", 1)], [], [], [("a", 1), ("a", 2)]], pa.map_(pa.string(), pa.int8())),
            "d": pa.array([0, 0, 2**31 - 1, 0], pa.date32()),
        }
    )
    records, unreadable, positions = read(parquet(table))
    assert (positions, records) == ([1], [b'{"n":1,"x":0.5,"m":{"a":1},"d":"1970-01-01"}'])
    assert [(fault.position, fault.reason, fault.detail) for fault in unreadable] == [
        (2, "bad_value", 'column "x": "nan" is no number in JSON'),
        (
            3,
            "bad_value",
            'column "x": "-inf" is no number in JSON; column "d": "2147483647 days after 1970-01-01" lies '
            "beyond the years 1 to 9999",
        ),
        (4, "bad_value", "column \"m\": \"[('a', 1), ('a', 2)]\" has a key twice"),
    ]
    assert json.loads(unreadable[0].record) == {"n": 2, "x": "nan", "m": {}, "d": "1970-01-01"}


LEAVES = st.sampled_from(
    [pa.int64(), pa.string(), pa.float64(), pa.bool_(), pa.decimal128(20, 3), pa.timestamp("us")]
)
TYPES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        inner.map(pa.list_),
        inner.map(lambda kind: pa.map_(pa.string(), kind)),
        st.lists(inner, min_size=1, max_size=3).map(
            lambda kinds: pa.struct([(f"f{number}", kind) for number, kind in enumerate(kinds)])
        ),
    ),
    max_leaves=5,
)


def some(kind: pa.DataType) -> st.SearchStrategy[Any]:
    """Values of a type, null among them, as Python has them."""
    if pa.types.is_list(kind):
        made: st.SearchStrategy[Any] = st.lists(some(kind.value_type), max_size=3)
    elif pa.types.is_map(kind):
        made = st.dictionaries(st.text("abc", max_size=2), some(kind.item_type), max_size=3).map(
            lambda each: [*each.items()]
        )
    elif pa.types.is_struct(kind):
        made = st.fixed_dictionaries({field.name: some(field.type) for field in kind})
    else:
        made = {
            pa.int64(): st.integers(-(2**63), 2**63 - 1),
            pa.string(): st.text(st.characters(codec="utf-8"), max_size=5),
            pa.float64(): st.floats(allow_nan=False, allow_infinity=False),
            pa.bool_(): st.booleans(),
            pa.decimal128(20, 3): st.decimals(-(10**15), 10**15, places=3),
            pa.timestamp("us"): st.datetimes(),
        }[kind]
    return st.none() | made


def said(value: Any, kind: pa.DataType) -> Any:
    """A value as JSON has it, read with exact numbers."""
    if value is None or pa.types.is_boolean(kind) or pa.types.is_string(kind):
        return value
    if pa.types.is_list(kind):
        return [said(item, kind.value_type) for item in value]
    if pa.types.is_map(kind):
        return {key: said(item, kind.item_type) for key, item in value}
    if pa.types.is_struct(kind):
        return {field.name: said(value[field.name], field.type) for field in kind}
    if pa.types.is_timestamp(kind):
        return value.isoformat(timespec="microseconds")
    return Decimal(repr(value)) if pa.types.is_floating(kind) else Decimal(value)


@given(st.data())
@settings(max_examples=examples(60), deadline=None)
def test_any_table_comes_back_exactly(data: st.DataObject) -> None:
    kinds = data.draw(st.lists(TYPES, min_size=1, max_size=3))
    rows = data.draw(st.integers(0, 5))
    given_columns = [data.draw(st.lists(some(kind), min_size=rows, max_size=rows)) for kind in kinds]
    names = [f"c{number}" for number in range(len(kinds))]
    table = pa.table(
        [pa.array(values, kind) for values, kind in zip(given_columns, kinds, strict=True)], names
    )
    content = parquet(table, row_group_size=2, write_page_checksum=True)
    records, unreadable, _ = read(content, size=data.draw(st.sampled_from([8, 1 << 20])))
    assert unreadable == []
    came = [json.loads(record, parse_float=Decimal, parse_int=Decimal) for record in records]
    assert came == [
        {
            name: said(values[row], kind)
            for name, values, kind in zip(names, given_columns, kinds, strict=True)
        }
        for row in range(rows)
    ]


def events(rows: int) -> pa.Table:
    numbers = np.arange(rows)
    return pa.table(
        {
            "no": [f"p{number}" for number in numbers],
            "at": pa.array(numbers * 1_000_000, pa.timestamp("us", tz="UTC")),
            "grams": numbers,
            "more": [{"price": Decimal(int(number)) / 100} for number in numbers],
        }
    )


def test_a_damaged_file_is_refused_whole_in_one_line() -> None:
    whole = parquet(events(3000), row_group_size=1000, write_page_checksum=True, compression="none")
    changed = bytearray(whole)
    changed[len(whole) // 2] ^= 0xFF
    footer = bytearray(whole)
    footer[-60:-20] = b"\xff" * 40
    for content in (bytes(changed), bytes(footer), whole[:-1], whole[: len(whole) // 2], whole[:20], b"PAR1"):
        for packed in (content, gzip.compress(content)):
            with pytest.raises(
                Unlandable, match="the Parquet file is damaged, and nothing of it was landed: "
            ) as error:
                read(packed)
            assert "\n" not in str(error.value)
    with pytest.raises(Unlandable, match="damaged"):
        read(gzip.compress(whole)[:-20])
    assert len(read(gzip.compress(whole))[0]) == 3000


@pytest.mark.parametrize(
    ("table", "said_of_it"),
    [
        (
            pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"]),
            "the column 'a' is there twice",
        ),
    ],
)
def test_what_can_not_be_json_is_refused_whole(table: pa.Table, said_of_it: str) -> None:
    with pytest.raises(Unlandable, match=said_of_it):
        read(parquet(table))


def test_a_row_that_is_too_long_is_kept_and_the_next_lands() -> None:
    records, unreadable, positions = read(parquet(pa.table({"a": ["x" * 900, "y"]})), longest=500)
    assert (records, positions) == ([b'{"a":"y"}'], [2])
    assert [(fault.position, fault.reason) for fault in unreadable] == [(1, "too_long")]


MAPPING = """
input: parquet
choose: "'weighing'"
event:
  id: no
  source: {$constant: "urn:scales"}
  time: at
  actor: {$constant: clerk/ada}
rules:
  weighing:
    type: parcel.weighed.v1
    object: {parcel: no}
    data: {label: no, grams: grams, due_at: {$constant: null}, fee: more.price}
"""


def test_rows_become_events_and_a_damaged_file_leaves_nothing(tmp_path: Path) -> None:
    archive = new_archive(tmp_path)
    (tmp_path / "mapping.yaml").write_text(MAPPING)
    mapping = load_mapping(tmp_path / "mapping.yaml")
    file = tmp_path / "weighed.parquet"
    content = parquet(events(3), row_group_size=2, write_page_checksum=True)
    file.write_bytes(content[: len(content) // 3] + b"oops" + content[len(content) // 3 + 4 :])
    with pytest.raises(UnusableInput, match=r"weighed\.parquet: the Parquet file is damaged"):
        land(archive, Source("weighed.parquet", file), mapping=mapping)
    assert archive.log.commits() == []
    file.write_bytes(content)
    landed = land(archive, Source("weighed.parquet", file), mapping=mapping)
    assert landed.counts == Counts(3, accepted=3)
    assert archived(archive)["urn:scales", "p2"]["data"] == {
        "label": "p2",
        "grams": 2,
        "due_at": None,
        "fee": Decimal("0.02"),
    }
    assert land(archive, Source("weighed.parquet", file), mapping=mapping).earlier == landed.commit
