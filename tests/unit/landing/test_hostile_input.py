"""Hostile input through the front door: each bad record is quarantined with its bytes, place and reason.

Each case is landed between good events, which have to land whatever stands beside them.
"""

import gzip
import hashlib
import json
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import zstandard

from event_archive import Archive, Landed, verify
from event_archive.store.commit import Counts
from support.events import WEIGHED, archived, land_bytes, lines, lost, new_archive, rejected, text, weighed

ROOT = Path(__file__).parents[3]
MARK = b"\xef\xbb\xbf"


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return new_archive(tmp_path)


def counted(landed: Landed, accepted: int, duplicate: int, rejected: int) -> bool:
    return landed.counts == Counts(accepted + duplicate + rejected, accepted, duplicate, rejected)


def with_data(name: str, spelling: bytes) -> bytes:
    return text(weighed(7, data={name: "X"})).replace(b'"X"', spelling)


def with_attribute(name: str, spelling: bytes) -> bytes:
    return text(weighed(7) | {name: "X"}).replace(b'"X"', spelling)


def event(**changes: Any) -> bytes:
    return text(weighed(7, **changes))


SOON = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
BAD = {
    "invalid JSON": (b"{'id': 1}", "invalid_json"),
    "a truncated record": (event()[:-9], "invalid_json"),
    "a trailing comma": (event()[:-1] + b",}", "invalid_json"),
    "two records on a line": (event() + event(), "invalid_json"),
    "no object": (b"[1, 2]", "not_an_object"),
    "invalid UTF-8": (event().replace(b"ada", b"\xff\xfe"), "invalid_utf8"),
    "half a character": (event().replace(b"ada", b"\xf0\x9f\x98"), "invalid_utf8"),
    "deep nesting": (with_data("remarks", b"[" * 10_000 + b"]" * 10_000), "too_deep"),
    "deep nesting that never ends": (b'{"type":' * 10_000, "too_deep"),
    "deep nesting of a text": (with_attribute("id", b'{"a":' * 10_000 + b"1" + b"}" * 10_000), "too_deep"),
    "a key twice": (event()[:-1] + b',"id":"other"}', "duplicate_key"),
    "a key twice in data": (with_data("remarks", b'{"a":1,"a":1}'), "duplicate_key"),
    "NaN": (with_data("ratio", b"NaN"), "invalid_json"),
    "nan": (with_data("ratio", b"nan"), "invalid_json"),
    "Infinity": (with_data("ratio", b"-Infinity"), "invalid_json"),
    "1e400": (with_data("ratio", b"1e400"), "inexact"),
    "1e999999999": (with_data("remarks", b"1e999999999"), "number_out_of_range"),
    "beyond 64 bits": (with_data("grams", b"9223372036854775808"), "inexact"),
    "far beyond 64 bits": (with_data("grams", b"1" + b"0" * 400), "inexact"),
    "very far beyond 64 bits": (with_data("grams", b"1" * 10_000), "number_out_of_range"),
    "beyond a double": (with_data("ratio", b"1" + b"0" * 400), "inexact"),
    "a decimal beyond its column": (with_data("price", b'"0.00000000001"'), "inexact"),
    "a decimal of 39 digits": (with_data("price", b'"1234567890123456789012345678.12345678901"'), "inexact"),
    "an amount beyond its column": (with_data("fee", b"12345678901234567.5"), "inexact"),
    "a lone surrogate": (with_data("label", b'"\\ud800"'), "lone_surrogate"),
    "a lone surrogate in a name": (with_attribute("id", b'"\\udc00"'), "lone_surrogate"),
    "a NUL as it is": (with_data("label", b'"\x00"'), "invalid_json"),
    "a NUL in an attribute's name": (event(**{"a\0": "b"}), "bad_envelope"),
    "a time without offset": (event(time="2026-01-01T00:00:00"), "bad_envelope"),
    "a time that never was": (event(time="2026-02-30T00:00:00Z"), "bad_envelope"),
    "year 0": (event(time="0000-01-01T00:00:00Z"), "bad_envelope"),
    "year 9999": (event(time="9999-12-31T23:59:59Z"), "future"),
    "beyond year 9999": (event(time="9999-12-31T23:59:59-01:00"), "bad_envelope"),
    "a leap second": (event(time="2016-12-31T23:59:60Z"), "bad_envelope"),
    "hour 24": (event(time="2026-01-01T24:00:00Z"), "bad_envelope"),
    "from the future": (event(time=SOON), "future"),
    "a type with a path": (event(type="../../../etc/passwd"), "unknown_type"),
    "a type with quotes": (event(type="x'); DROP TABLE events; --\"`"), "unknown_type"),
    "a type of 300 characters": (event(type="parcel." + "w" * 300 + ".v1"), "unknown_type"),
    "a type with a NUL": (event(type=f"{WEIGHED}\0"), "unknown_type"),
    "a type that is an object": (event(type={"a": WEIGHED}), "bad_envelope"),
    "another major": (event(type="parcel.weighed.v2"), "unknown_type"),
    **{
        f"no {name}": (text(weighed(7, without=[name])), "bad_envelope")
        for name in ("id", "source", "type", "time")
    },
    **{
        f"null {name}": (event(**{name: None}), "bad_envelope")
        for name in ("specversion", "actor", "object", "id")
    },
    "no data": (text({**weighed(7), "data": None}), "bad_envelope"),
    "data that is a text": (text({**weighed(7), "data": "{}"}), "bad_envelope"),
    "a wrong actor type": (event(actor="robot/r2"), "bad_envelope"),
    "an actor without id": (event(actor="clerk/"), "bad_envelope"),
    "a wrong object type": (event(object="letter/7"), "bad_envelope"),
    "a verb that disagrees": (event(verb="lost"), "bad_envelope"),
    "a text for a number": (with_data("grams", b'"7"'), "contract_violation"),
    "another event of the same name": (text(weighed(1, data={"grams": 8})), "conflict"),
    "a lost parcel of the same name": (text(lost(1, id="event-1")), "conflict"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_record_is_quarantined_and_the_rest_lands(archive: Archive, case: str) -> None:
    record, reason = BAD[case]
    before = lines([weighed(1), weighed(2)])
    content = before + record + b"\n" + lines([weighed(3)])
    assert counted(land_bytes(archive, content), accepted=3, duplicate=0, rejected=1)
    (refusal,) = rejected(archive)
    assert (refusal.reason, refusal.position, refusal.offset) == (reason, 3, len(before))
    assert refusal.record == record
    assert refusal.detail
    assert "\n" not in refusal.detail
    assert len(refusal.detail) < 500
    assert {name for _, name in archived(archive)} == {"event-1", "event-2", "event-3"}
    assert verify(archive) == []


def test_all_bad_records_at_once_many_times_over(archive: Archive) -> None:
    """Many enough that shapes are learned, and that the fast test sees every bad record, too."""
    good = [weighed(number, without=["remarks"]) for number in range(300)]
    bad = [record for record, reason in BAD.values() if reason != "conflict"]
    content = lines([*good[:150], *bad, *good[150:], *bad])
    landed = land_bytes(archive, content, memory_bytes=16 << 20)
    assert counted(landed, accepted=300, duplicate=0, rejected=2 * len(bad))
    assert [record.record for record in rejected(archive)] == bad * 2
    assert all(content[record.offset :].startswith(record.record + b"\n") for record in rejected(archive))
    assert len(archived(archive)) == 300
    assert verify(archive) == []


def test_what_is_odd_but_right_lands(archive: Archive) -> None:
    odd = [
        with_attribute("id", b'"\\u0000"'),
        with_attribute("id", b'"\\ud83d\\ude00"'),
        with_attribute("id", '"\u2028\x7f\ufeff\U0010ffff"'.encode()),
        with_attribute("id", b'"../../x"'),
        with_attribute("id", b'"\'; DROP TABLE x; --"'),
        with_attribute("id", b'"' + b"x" * 100_000 + b'"'),
        with_attribute("source", b'"%s{}\\\\"'),
        event(time="0001-01-01T00:00:00Z"),
        event(id="a", time="2026-01-01t00:00:00.123456000-23:59"),
        event(id="b", data={"new": {"deep": [[[None]]]}, "ratio": -0.0, "price": "9" * 28 + "." + "9" * 10}),
    ]
    assert counted(land_bytes(archive, lines(odd)), accepted=len(odd), duplicate=0, rejected=0)
    assert sorted(archived(archive)) == sorted(
        (event["source"], event["id"]) for event in map(json.loads, odd)
    )
    assert verify(archive) == []


def test_an_event_from_the_near_future_is_a_matter_of_the_skew(archive: Archive) -> None:
    content = event(time=SOON)
    assert counted(land_bytes(archive, content), accepted=0, duplicate=0, rejected=1)
    landed = land_bytes(archive, content + b"\n", clock_skew=timedelta(hours=2))
    assert counted(landed, accepted=1, duplicate=0, rejected=0)


GOOD = [weighed(1), weighed(2), lost(1)]
SHAPES = {
    "lines": lines(GOOD),
    "no line feed at the end": lines(GOOD)[:-1],
    "a byte order mark": MARK + lines(GOOD),
    "carriage returns": lines(GOOD).replace(b"\n", b"\r\n"),
    "empty lines": b"\n\n" + lines(GOOD).replace(b"\n", b"\n \n\r\n"),
    "an array": text(GOOD),
    "a spread out array": json.dumps(GOOD, indent=2).encode(),
    "an array after a byte order mark": MARK + text(GOOD),
    "spaces after colons": b"\n".join(json.dumps(event).encode() for event in GOOD),
    "other orders of keys": lines(dict(reversed(event.items())) for event in GOOD),
    "escapes": lines(GOOD).replace(b"parcel", b"p\\u0061rcel"),
}
SHAPES |= {f"{shape}, gzip": gzip.compress(content) for shape, content in SHAPES.items()} | {
    f"{shape}, zstd": zstandard.compress(content) for shape, content in SHAPES.items()
}


@pytest.mark.parametrize("shape", SHAPES)
def test_the_same_events_in_any_shape_are_duplicates(archive: Archive, shape: str) -> None:
    assert counted(land_bytes(archive, SHAPES[shape], "first"), accepted=3, duplicate=0, rejected=0)
    held = archived(archive)
    assert counted(
        land_bytes(archive, lines(GOOD) + b"\n" * 9, "second"), accepted=0, duplicate=3, rejected=0
    )
    assert archived(archive) == held


@pytest.mark.parametrize(
    "content", [b"", b"\n", b" \r\n\t\n", MARK, b"[]", b" [ ] \n", gzip.compress(b"", mtime=0)]
)
def test_input_without_a_record_is_no_commit(archive: Archive, content: bytes) -> None:
    landed = land_bytes(archive, content)
    assert (landed.commit, landed.counts) == (None, Counts())
    assert archive.log.commits() == []
    assert verify(archive) == []


def test_one_document_on_several_lines(archive: Archive) -> None:
    content = MARK + json.dumps(weighed(1), indent=2).encode()
    assert counted(land_bytes(archive, content), accepted=1, duplicate=0, rejected=0)


def changed(packed: bytes, place: int = -100) -> bytes:
    at = len(packed) + place
    return packed[:at] + bytes([packed[at] ^ 1]) + packed[at + 1 :]


NOISE = [weighed(number, data={"label": hashlib.sha512(b"%d" % number).hexdigest()}) for number in range(600)]
MANY = [weighed(number) for number in range(600, 1600)]
BREAKS = {
    "truncated gzip": (gzip.compress(lines(MANY))[:-100], "truncated"),
    "gzip without its trailer": (gzip.compress(lines(MANY))[:-8], "undecodable"),
    "gzip with a wrong checksum": (changed(gzip.compress(lines(MANY)), -8), "undecodable"),
    "gzip with a wrong length": (changed(gzip.compress(lines(MANY)), -1), "undecodable"),
    "an array in truncated gzip": (gzip.compress(text(MANY))[:-100], "truncated"),
    "truncated zstd": (zstandard.compress(lines(MANY))[:-100], "truncated"),
    "gzip followed by junk": (gzip.compress(lines(MANY)) + b"junk", "undecodable"),
    "zstd followed by junk": (zstandard.compress(lines(MANY)) + b"junk", "undecodable"),
    "a changed byte in gzip": (changed(gzip.compress(lines(NOISE + MANY))), "undecodable"),
    "an array that never closes": (text(MANY)[:-1], "truncated"),
    "an array that stops in a record": (text(MANY)[:-30], "truncated"),
    "lines after an array": (text(MANY) + b"\n" + lines([lost(1)]), "after_array"),
    "an array after an array": (text(MANY) + text([lost(1)]), "after_array"),
    "an array after lines": (lines(MANY) + text([lost(1)]), "not_an_object"),
    "a truncated file": (lines(MANY)[:-30], "invalid_json"),
    "UTF-16": (lines(MANY) + lines([lost(1)]).decode().encode("utf-16"), "invalid_utf8"),
}


@pytest.mark.parametrize("case", BREAKS)
def test_input_that_breaks_off_keeps_what_came_before(archive: Archive, case: str) -> None:
    content, reason = BREAKS[case]
    counts = land_bytes(archive, content).counts
    assert counts.conserved
    assert counts.accepted >= 500
    records = rejected(archive)
    assert records[0].reason == reason
    assert counts.rejected == len(records) <= 2
    assert records[0].position == counts.accepted + 1
    assert len(archived(archive)) == counts.accepted
    assert verify(archive) == []


def test_a_conflict_says_what_differs_and_the_first_landed_stands(archive: Archive) -> None:
    land_bytes(archive, lines([weighed(1), weighed(1, data={"grams": 2}), weighed(1)]), "first")
    land_bytes(
        archive, lines([weighed(1, actor="clerk/bob"), weighed(1), weighed(1, source="/other")]), "second"
    )
    counts = [commit.counts for commit in archive.log.commits()]
    assert counts == [Counts(3, 1, 1, 1), Counts(3, 1, 1, 1)]
    assert [(record.reason, record.position, record.detail) for record in rejected(archive)] == [
        ("conflict", 2, "source and id are taken by an event with another data.grams"),
        ("conflict", 1, "source and id are taken by an event with another actor_id"),
    ]
    assert archived(archive)["/post", "event-1"] == weighed(1)


def test_a_record_that_the_engine_has_no_memory_for_is_judged_all_the_same(archive: Archive) -> None:
    records = [with_data("remarks", b"[" + b"1," * 490_000 + b"%d]" % number) for number in range(3)]
    content = lines(record.replace(b"event-7", b"event-%d" % number) for number, record in enumerate(records))
    landed = land_bytes(archive, content, memory_bytes=1 << 20)
    assert counted(landed, accepted=3, duplicate=0, rejected=0)


def test_many_unknown_types_take_no_longer_than_one(archive: Archive) -> None:
    started = time.process_time()
    content = b"".join(b'{"type":"%d"}\n' % number for number in range(50_000))
    assert counted(land_bytes(archive, content), accepted=0, duplicate=0, rejected=50_000)
    assert time.process_time() - started < 10


HUGE = """
import resource, sys
from pathlib import Path
from support.events import land_bytes, lines, new_archive, rejected, weighed
from event_archive import land, Limits
from event_archive import Source
archive = new_archive(Path(sys.argv[1]))
land_bytes(archive, lines([weighed(0)]))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
counts = land(archive, Source("huge", Path(sys.argv[2])), limits=Limits(memory_bytes=256 << 20)).counts
print(counts.accepted, counts.rejected, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) >> 10)
"""


BOMBS: dict[str, Callable[[bytes], bytes]] = {"gzip": gzip.compress, "zstd": zstandard.compress}


@pytest.mark.parametrize("case", ["a line of 100 MB", "a text of 100 MB in an array", "gzip", "zstd"])
def test_a_huge_record_is_refused_within_the_memory_bound(tmp_path: Path, case: str) -> None:
    path = tmp_path / "huge"
    good = lines([weighed(1)])
    if case == "a line of 100 MB":
        path.write_bytes(
            good + with_data("label", b'"' + b"x" * 100_000_000 + b'"') + b"\n" + lines([weighed(2)])
        )
    elif case == "a text of 100 MB in an array":
        path.write_bytes(
            b"[" + good[:-1] + b"," + with_data("label", b'"' + b"x" * 100_000_000 + b'"') + b"]"
        )
    else:
        path.write_bytes(BOMBS[case](bytes(64 << 20)) * 16)  # a gigabyte of zeros
    command = [sys.executable, "-c", HUGE, str(tmp_path / "archive"), str(path)]
    done = subprocess.run(
        command, cwd=ROOT, env={"PYTHONPATH": ".:tests"}, capture_output=True, text=True, check=True
    )
    accepted, rejected, megabytes = map(int, done.stdout.split())
    assert (accepted, rejected) == (
        {"a line of 100 MB": 2, "a text of 100 MB in an array": 1}.get(case, 0),
        1,
    )
    assert megabytes < 400
