"""CSV as records: given a file and the options of a mapping, expect the records, and what is none."""

import csv
import gzip
import io
import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from event_archive.decoding.csv_options import CsvOptions
from event_archive.decoding.formats import read_chunks
from event_archive.decoding.input_form import InputForm
from event_archive.decoding.record_chunk import ChunkBounds, UnreadableRecord
from event_archive.decoding.sources import HashingReader
from event_archive.decoding.unlandable import Unlandable
from support.hunting import examples

PLAIN = CsvOptions()
Place = tuple[int, int]


def read(
    content: bytes, options: CsvOptions = PLAIN, *, size: int = 4096, longest: int = 1 << 20
) -> tuple[list[dict[str, Any]], list[UnreadableRecord], list[Place]]:
    """The records, the rows that are none (put together from their parts), and the places of the records."""
    records: list[dict[str, Any]] = []
    places: list[Place] = []
    parts: list[UnreadableRecord] = []
    stream = HashingReader(io.BytesIO(content))
    for chunk in read_chunks(stream, ChunkBounds(size, longest), InputForm(csv=options)):
        records += [json.loads(chunk.record(row), parse_float=Decimal) for row in range(len(chunk.positions))]
        places += zip(chunk.positions.tolist(), chunk.offsets.tolist(), strict=True)
        for part in chunk.unreadable:
            if part.part:
                parts[-1] = replace(parts[-1], record=parts[-1].record + part.record)
            else:
                parts.append(part)
    return records, parts, places


def faults(content: bytes, options: CsvOptions = PLAIN, **bounds: int) -> list[tuple[int, str, str, bytes]]:
    """Position, reason, detail and bytes of each row that is no record."""
    _, parts, _ = read(content, options, **bounds)
    return [(part.position, part.reason, part.detail, part.record) for part in parts]


def test_a_row_is_a_record_by_the_names_of_the_header() -> None:
    records, unreadable, places = read(b'no,name\r\n1,"a ""b"", c"\r\n\r\n2,\r\n')
    assert records == [{"no": "1", "name": 'a "b", c'}, {"no": "2", "name": None}]
    assert unreadable == []
    assert places == [(1, 9), (2, 27)]


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
@pytest.mark.parametrize(
    ("encoding", "start"),
    [
        ("utf-8", b""),
        ("utf-8", b"\xef\xbb\xbf"),
        ("utf-16", b"\xff\xfe"),
        ("utf-16", b"\xfe\xff"),
        ("latin-1", b""),
    ],
)
def test_encodings_and_byte_order_marks(pack: type[bytes], encoding: str, start: bytes) -> None:
    codec = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}.get(start, encoding)
    text = "naïve,b\n1,é\n2,\u0a0a\n" if encoding != "latin-1" else "naïve,b\n1,é\n2,ü\n"
    content = start + text.encode(codec)
    records, unreadable, places = read(pack(content), CsvOptions(encoding=encoding), size=4)
    assert (records, unreadable) == ([{"naïve": "1", "b": "é"}, {"naïve": "2", "b": text[-2]}], [])
    assert [content[offset:].decode(codec)[:2] for _, offset in places] == ["1,", "2,"]


def test_a_number_has_exactly_the_digits_that_it_is_written_with() -> None:
    options = CsvOptions(
        delimiter=";", decimal=",", thousands=".", columns={"n": "number", "i": "integer", "b": "boolean"}
    )
    content = b"n;i;b;t\n1.234,50;1.234.567;yes;007\n-0,10;12;FALSE;1,5\n+.5;007;;x\n"
    # A dot alone is a thousands separator, so that +.5 is no number here.
    stream = HashingReader(io.BytesIO(content))
    (chunk,) = read_chunks(stream, ChunkBounds(4096, 4096), InputForm(csv=options))
    assert [chunk.record(row) for row in range(len(chunk.positions))] == [
        b'{"n":1234.50,"i":1234567,"b":true,"t":"007"}',
        b'{"n":-0.10,"i":12,"b":false,"t":"1,5"}',
    ]
    (fault,) = chunk.unreadable
    assert fault.record == b'{"n":"+.5","i":7,"b":null,"t":"x"}'
    assert fault.detail == 'column "n": "+.5" is not a number'


@pytest.mark.parametrize(
    ("text", "kind", "written"),
    [
        ("12.50", "number", b"12.50"),
        (" 7 ", "number", b"7"),
        ("00.5", "number", b"0.5"),
        (".5", "number", b"0.5"),
        ("5.", "number", b"5"),
        ("-1e-7", "number", b"-1e-7"),
        ("17850.0", "integer", b"17850"),
        ("123456789012345678901234567890.123", "number", b"123456789012345678901234567890.123"),
        ("T", "boolean", b"true"),
        ("0", "boolean", b"false"),
        ("0", "text", b'"0"'),
    ],
)
def test_a_value_of_a_type(text: str, kind: str, written: bytes) -> None:
    stream = HashingReader(io.BytesIO(f"a,b\n{text},x\n".encode()))
    options = InputForm(csv=CsvOptions(columns={"a": kind}))
    (chunk,) = read_chunks(stream, ChunkBounds(4096, 4096), options)
    assert chunk.record(0) == b'{"a":%b,"b":"x"}' % written


@pytest.mark.parametrize(
    ("text", "kind", "detail"),
    [
        (
            '"1,234.50"',
            "number",
            '"1,234.50" is not a number; if "," separates its thousands, write thousands: ","',
        ),
        ('"2,5"', "number", '"2,5" is not a number; if the comma is its decimal mark, write decimal: ","'),
        ("£5", "number", '"£5" is not a number'),
        ("1.5", "integer", '"1.5" is not an integer'),
        ("NaN", "number", '"NaN" is not a number'),
        ("٣", "number", '"٣" is not a number'),
        ("maybe", "boolean", '"maybe" is not a boolean, such as true or false, yes or no, 1 or 0'),
    ],
)
def test_a_value_that_is_not_of_its_type_names_its_column(text: str, kind: str, detail: str) -> None:
    content = f"a,b\n{text},x\n1,y\n".encode()
    [(position, reason, said, record)] = faults(content, CsvOptions(columns={"a": kind}))
    assert (position, reason, said) == (1, "bad_value", f'column "a": {detail}')
    assert json.loads(record) == {"a": text.strip('"'), "b": "x"}


def test_what_is_null_is_said() -> None:
    content = b"a,b\nNA,\n-,0\n"
    assert read(content, CsvOptions(nulls=frozenset({"NA", "-"})))[0] == [
        {"a": None, "b": ""},
        {"a": None, "b": "0"},
    ]


def test_a_row_with_other_fields_than_the_header_is_kept_as_it_is() -> None:
    content = b'a,b\n1,2\n3\n4,5,"6\n6"\n7,8\na,b\n9,10'
    records, _, _ = read(content)
    assert [record["a"] for record in records] == ["1", "7", "9"]
    assert faults(content) == [
        (2, "bad_row", "line 3: 1 field where there are 2 columns", b"3\n"),
        (3, "bad_row", "lines 4 to 5: 3 fields where there are 2 columns", b'4,5,"6\n6"\n'),
        (
            5,
            "bad_row",
            "line 7: the header stands here again, as where files were joined; it is no record",
            b"a,b\n",
        ),
    ]


def test_a_quote_that_never_closes_is_one_record_that_is_kept() -> None:
    rest = b'2,"two\n' + b"3,three\n" * 1000
    records, _, _ = read(b"a,b\n1,one\n" + rest)
    assert records == [{"a": "1", "b": "one"}]
    for longest in (1 << 20, 256):
        [(position, reason, detail, kept)] = faults(b"a,b\n1,one\n" + rest, longest=longest)
        assert (position, reason, kept) == (2, "bad_csv", rest)
        assert "quote that opens in line 3" in detail
    options = CsvOptions(quote=None)
    assert len(read(b"a,b\n1,one\n" + rest, options)[0]) == 1002


def test_a_quote_that_closes_too_late_costs_the_lines_between() -> None:
    content = b'a,b\n1,"two\n3,"four"\n5,six\n'
    assert read(content)[0] == [{"a": "5", "b": "six"}]
    [(_, reason, detail, kept)] = faults(content)
    assert (reason, kept) == ("bad_csv", b'1,"two\n3,"four"\n')
    assert detail.startswith("lines 2 to 3: ")


def test_a_line_that_is_too_long_is_kept_and_the_next_lands() -> None:
    long = b"1," + b"x" * 9000 + b"\n"
    for size in (64, 4096, 1 << 20):
        content = b"a,b\n" + long + b"2,y\n" + long
        assert read(content, size=size, longest=512)[0] == [{"a": "2", "b": "y"}]
        assert [(fault[0], fault[1], fault[3]) for fault in faults(content, size=size, longest=512)] == [
            (1, "too_long", long),
            (3, "too_long", long),
        ]


def test_what_is_no_text_names_its_column_and_another_encoding() -> None:
    [(_, reason, detail, kept)] = faults(b"a,b\n1,caf\xe9\n2,x\n")
    assert (reason, kept) == ("bad_row", b"1,caf\xe9\n")
    assert detail == 'column "b": "caf?" is not utf-8; write encoding: windows-1252, or what it is in'


@pytest.mark.parametrize(
    ("content", "options", "said"),
    [
        (
            b"a;b\n1;2\n",
            PLAIN,
            'is a single column, "a;b": its names are parted by a semicolon; write delimiter: ";"',
        ),
        (b"a\tb\n1\t2\n", PLAIN, 'write delimiter: "\\t"'),
        (b"a,b,a\n1,2,3\n", PLAIN, 'the header in line 1 has the column "a" twice, as columns 1 and 3'),
        (b"a,b\n", CsvOptions(columns={"c": "number"}), 'a type to the column "c", but there are "a", "b"'),
        (b'{"a": 1, "b": 2}\n', PLAIN, "is JSON: leave input: out"),
        (b"na\xefve,b\n", PLAIN, "line 1, where the header should be, is not utf-8; write encoding:"),
        ("a,b\n".encode("utf-16"), PLAIN, "write encoding: utf-16"),
        ("a,b\n".encode("utf-16-le"), PLAIN, "write encoding: utf-16"),
        (b"PAR1....", PLAIN, "this is a Parquet file"),
        (b"PK\x03\x04....", PLAIN, "this is a ZIP archive or an Office file"),
        (b'"a,b\n1,2\n', PLAIN, "can't be cut into names"),
        (b"x" * 5000, PLAIN, "longer than a record may be"),
    ],
)
def test_a_header_that_can_not_be_right_refuses_the_file(
    content: bytes, options: CsvOptions, said: str
) -> None:
    with pytest.raises(Unlandable) as error:
        read(content, options, longest=1000)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_the_lines_before_the_header_and_a_file_without_one() -> None:
    assert read(b"Report of May\n\na,b\n1,2\n", CsvOptions(skip=2))[0] == [{"a": "1", "b": "2"}]
    assert read(b"1,2\n", CsvOptions(names=("x", "y")))[0] == [{"x": "1", "y": "2"}]
    assert read(b"a,,\n1,2,3\n")[0] == [{"a": "1", "column_2": "2", "column_3": "3"}]
    for empty in (b"", b"\n\n", b"a,b\n"):
        assert read(empty) == ([], [], [])


def test_carriage_returns_alone_end_lines_where_there_is_nothing_else() -> None:
    assert read(b"a,b\r1,2\r3,4\r")[0] == [{"a": "1", "b": "2"}, {"a": "3", "b": "4"}]


def test_the_last_row_of_a_file_that_breaks_off_is_no_record() -> None:
    content = b"a,b\n" + b"".join(b"%d,%d\n" % (number, number * 7919 % 10007) for number in range(2000))
    packed = gzip.compress(content)[: -len(content) // 10]
    records, unreadable, _ = read(packed)
    assert 0 < len(records) < 2000
    assert records == read(content)[0][: len(records)]
    assert [fault.reason for fault in unreadable] in (["truncated", "undecodable"], ["undecodable"])


RETAIL = Path(__file__).parents[3].parent / "shared" / "data" / "retail"  # beside the checkout: twenty days
DAYS: dict[str, tuple[int, int, int, str]] = {}
if RETAIL.exists():
    DAYS["2010-12-01"] = 3108, 44, 26814, "58635.56"


@pytest.mark.parametrize("day", ["made up", *DAYS])
def test_the_sums_of_a_shops_day_are_exact(day: str) -> None:
    content = b"Quantity,UnitPrice,Description\n" + b'6,2.55,"A, B"\n6,2.55,"A, B"\n-1,0.001,\n'
    counts = (3, 1, 11, "30.599")
    if day in DAYS:
        content, counts = (RETAIL / f"{day}.csv.gz").read_bytes(), DAYS[day]
    options = CsvOptions(columns={"Quantity": "integer", "UnitPrice": "number"})
    records, unreadable, _ = read(content, options)
    assert unreadable == []
    repeats = len(records) - len({tuple(record.values()) for record in records})
    total = sum(record["Quantity"] * record["UnitPrice"] for record in records)
    assert (len(records), repeats, sum(record["Quantity"] for record in records)) == counts[:3]
    assert total == Decimal(counts[3])


TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\x00\r"), max_size=8)


@given(
    st.data(),
    st.sampled_from(["utf-8", "utf-16"]),
    st.sampled_from([",", ";", "\t"]),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from([1, 7, 64, 4096]),
)
@settings(max_examples=examples(60), deadline=None)
def test_what_a_writer_writes_comes_back(
    data: st.DataObject, encoding: str, delimiter: str, line_end: str, size: int
) -> None:
    names = ["first", "second", "third"]
    rows = data.draw(st.lists(st.lists(TEXTS, min_size=3, max_size=3), max_size=12))
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter, lineterminator=line_end)
    writer.writerows([names, *rows])
    options = CsvOptions(delimiter=delimiter, encoding=encoding, nulls=frozenset())
    content = text.getvalue().encode(encoding)
    records, unreadable, places = read(content, options, size=size)
    assert unreadable == []
    assert [list(record.values()) for record in records] == rows
    assert [position for position, _ in places] == [*range(1, len(rows) + 1)]
    codec = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}.get(content[:2], "utf-8")
    ends = [offset for _, offset in places[1:]] + ([len(content)] if rows else [])
    for (_, start), end, row in zip(places, ends, rows, strict=True):
        assert (
            next(csv.reader(io.StringIO(content[start:end].decode(codec), newline=""), delimiter=delimiter))
            == row
        )
