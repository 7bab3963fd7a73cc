"""Inputs in which there is no single event, and files that can't land as they are: refused as a whole."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from event_archive import Archive, Landed, Source, land
from event_archive.errors import UnusableSource
from event_archive.landing.inbox import land_inbox
from event_archive.landing.land import PassedOver
from support.events import land_bytes, lines, new_archive, rejected, weighed


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return new_archive(tmp_path)


def land_strictly(archive: Archive, content: bytes) -> Landed:
    path = archive.root.parent / "events.ndjson"
    path.write_bytes(content)
    return land(archive, Source("events.ndjson", path), quarantine_anyway=False)


def refusal(archive: Archive, content: bytes) -> str:
    """The line about an input that is refused as a whole; nothing of it is kept."""
    before = archive.log.commits()
    with pytest.raises(UnusableSource) as error:
        land_strictly(archive, content)
    assert archive.log.commits() == before
    assert "\n" not in str(error.value)
    return error.value.problem


def test_the_most_frequent_reason_is_shown_with_a_sample_and_its_place(archive: Archive) -> None:
    problem = refusal(archive, lines([weighed(1, type="no.such.v1"), b"{broken", b"\x1b[2J{", b"[1]"]))
    assert problem.startswith(
        "there is no event in it: all of its 4 records are refused, 2 of them as invalid_json, "
        "first at position 2: "
    )
    assert (
        "it begins '{broken'. Nothing was landed: if its records are no CloudEvents, name a --mapping"
        in problem
    )
    assert problem.endswith("or keep what is refused in quarantine with --quarantine-anyway")
    one = refusal(archive, lines([weighed(1, data={"grams": "x" * 1000})]))
    assert one.startswith(
        "there is no event in it: its only record, at position 1, is refused as contract_violation"
    )
    assert len(one) < 800


def test_with_one_event_all_is_kept_and_so_it_is_without_a_record(archive: Archive) -> None:
    assert land_strictly(archive, b"\n\n").commit is None
    assert land_strictly(archive, lines([weighed(1), b"broken"])).counts.rejected == 1
    assert land_strictly(archive, lines([weighed(1), b"broken again"])).counts.duplicate == 1


def test_what_is_an_event_is_kept_though_it_says_something_else(archive: Archive) -> None:
    land_strictly(archive, lines([weighed(1)]))
    land_strictly(archive, lines([weighed(1, data={"grams": 5})]))
    assert [record.reason for record in rejected(archive)] == ["conflict"]


def test_the_inbox_leaves_such_a_file_where_it_is(archive: Archive, tmp_path: Path) -> None:
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    (inbox / "a.ndjson").write_bytes(lines([b"broken"]))
    (inbox / "b.csv").write_bytes(b"id,name\n1,x\n")
    (inbox / "c.ndjson").write_bytes(lines([weighed(1)]))
    outcomes = list(land_inbox(archive, inbox, settled_after=0, quarantine_anyway=False))
    assert [(type(outcome), outcome.origin) for outcome in outcomes] == [
        (PassedOver, "a.ndjson"),
        (PassedOver, "b.csv"),
        (Landed, "c.ndjson"),
    ]
    assert sorted(path.name for path in inbox.iterdir()) == ["a.ndjson", "b.csv"]
    list(land_inbox(archive, inbox, settled_after=0))
    assert [path.name for path in inbox.iterdir()] == ["b.csv"]


def parquet() -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({"a": [1]}), sink)
    return bytes(sink.getvalue())


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            parquet(),
            "this is a Parquet file: its rows become events by a mapping, which says `input: parquet`",
        ),
        (b"a,b\n1,2\n", "this is CSV, with a comma between the fields: its rows become events by a mapping"),
        (b'"a";"b c"\r\n1;"x;\r\ny"\r\n', 'which says `input: {csv: {delimiter: ";"}}`'),
        (b"a\tb\n1\t2\n", "with a tab between the fields"),
        ("a,b\n1,2\n".encode("utf-16"), "this is text in UTF-16; convert it first"),
        (b"PK\x03\x04\x14\x00", "this is a ZIP archive or an Office file (xlsx, ods): unpack it"),
        (b"\xfd7zXZ\x00\x00", "this is compressed by xz: unpack it first: xz -dc FILE | factlog land -"),
        (b"SQLite format 3\x00", "this is an SQLite database"),
        (b"\n<!DOCTYPE HTML><title>502", "this is an HTML page"),
    ],
)
def test_a_file_of_another_kind_is_refused_whatever_is_asked_for(
    archive: Archive, content: bytes, said: str
) -> None:
    assert said in refusal(archive, content)
    with pytest.raises(UnusableSource):
        land_bytes(archive, content)


@pytest.mark.parametrize(
    "content",
    [
        b"hello\nworld\n",
        b"one, two\nthree\n",
        b"a,b\n",
        b'{"a": 1,\n"b": 2,\n',
        b"1,2\n3,4\n",
        b"a,b\n{},1\n",
        b"a,,c\n1,2,3\n",
    ],
)
def test_what_only_looks_a_little_like_a_table_is_judged_line_by_line(
    archive: Archive, content: bytes
) -> None:
    assert land_bytes(archive, content).counts.rejected == content.count(b"\n")
