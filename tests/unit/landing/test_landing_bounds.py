"""The bounds of a landing: of an input, of a record in every encoding, and of the memory that they take."""

import gzip
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fastavro
import pytest
import zstandard

from event_archive import Archive, Source, UnusableInput, land, verify
from event_archive.decoding.avro_safe_schema import CLOUD_EVENT
from event_archive.landing.quarantine_file import record_at
from event_archive.limits import Limits
from event_archive.mapping.mapping import load_mapping
from event_archive.quarantine.recover import recover
from support.encoded import as_avro, as_batch, as_delimited, delimited, message
from support.events import Event, archived, land_bytes, lines, new_archive, rejected, text, weighed

ROOT = Path(__file__).parents[3]
MANY = lines([weighed(number) for number in range(20_000)])


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return new_archive(tmp_path)


@pytest.mark.parametrize(
    "content",
    [
        MANY,
        gzip.compress(MANY),
        zstandard.compress(MANY),
        gzip.compress(b"[" + b" " * len(MANY) + b"]"),
        as_avro(
            [weighed(1, data={"remarks": "x" * 50_000, "grams": number}) for number in range(100)], "deflate"
        ),
    ],
    ids=["plain", "gzip", "zstd", "nothing but blanks", "packed blocks"],
)
def test_an_input_that_decodes_to_too_much_is_refused_as_a_whole(archive: Archive, content: bytes) -> None:
    with pytest.raises(
        UnusableInput, match="decodes to more than 3000000 bytes, and nothing of it was taken"
    ) as error:
        land_bytes(archive, content, max_input_bytes=3_000_000)
    assert str(error.value).startswith("events.ndjson: ")
    assert "FACTLOG_MAX_INPUT" in str(error.value)
    assert (archive.log.commits(), verify(archive)) == ([], [])
    landed = land_bytes(archive, content)
    assert landed.counts.conserved
    assert landed.damage is None


LONG = weighed(1, data={"remarks": "x" * (2 << 20)})
ENCODINGS: dict[str, Callable[[list[Event]], bytes]] = {
    "NDJSON": lines,
    "JSON array": lambda events: json.dumps(events).encode(),
    "Avro": lambda events: as_avro(events, sync_interval=1),
    "packed Avro": lambda events: as_avro(events, "deflate", sync_interval=1),
    "Protobuf batch": as_batch,
    "Protobuf with lengths": as_delimited,
}


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_record_beyond_the_bound_is_kept_and_says_how_to_raise_it(archive: Archive, encoding: str) -> None:
    content = ENCODINGS[encoding]([weighed(0), LONG, weighed(2)])
    landed = land_bytes(archive, content, max_record_bytes=1 << 20)
    assert (landed.counts.accepted, landed.counts.rejected, landed.damage) == (2, 1, None)
    assert set(archived(archive)) == {("/post", "event-0"), ("/post", "event-2")}
    (record,) = rejected(archive)
    assert (record.reason, record.position) == ("too_long", 2)
    assert "longer than 1048576 bytes, the bound of one record" in record.detail
    assert "FACTLOG_MAX_RECORD" in record.detail
    (commit,) = archive.log.commits()
    kept = record_at(archive, commit, 0)
    if "Avro" in encoding:
        assert kept in content
    elif "Protobuf" in encoding:  # an event with its length is a file of its own
        assert land_bytes(archive, kept, "kept").counts.accepted == 1
    else:
        assert json.loads(kept) == LONG
        assert recover(archive, limits=Limits(max_record_bytes=1 << 20)).left_out == 1
        assert recover(archive).counts.accepted == 1


MEASURED = """
import resource, sys
from pathlib import Path
from support.events import land_bytes, lines, new_archive, weighed
from event_archive import Limits, Source, land
from event_archive.mapping.mapping import load_mapping
archive = new_archive(Path(sys.argv[1]))
land_bytes(archive, lines([weighed(-number) for number in range(1, 5000)]))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
limits = Limits(memory_bytes=128 << 20)
mapping = load_mapping(Path(sys.argv[3]), limits) if len(sys.argv) > 3 else None
counts = land(archive, Source("hostile", Path(sys.argv[2])), limits=limits, mapping=mapping).counts
print(counts.accepted, counts.rejected, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) >> 10)
"""
MOST_MEBIBYTES = 128 + 50  # the memory setting, and what the engines take for themselves


def landed_within_memory(folder: Path, content: bytes, *more: str) -> tuple[int, int]:
    """Land some bytes in a process of their own: what was accepted and rejected, within the memory bound."""
    (folder / "input").write_bytes(content)
    command = [sys.executable, "-c", MEASURED, str(folder), str(folder / "input"), *more]
    environment = os.environ | {"PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    accepted, refused, mebibytes = map(int, done.stdout.split())
    assert mebibytes < MOST_MEBIBYTES
    return accepted, refused


def hostile(size: int, number: int = 1) -> bytes:
    """An event of so many bytes whose values take as much memory as they can: lists in lists."""
    nested = b"[" * 22 + b"]" * 22
    room = size - 300
    remarks = b"[" + b",".join([nested] * (room // (len(nested) + 1))) + b"]"
    return text(weighed(number, data={"remarks": "!"})).replace(b'"!"', remarks)


LARGEST = 2 << 20  # a 64th of the memory


def parts(event: bytes) -> tuple[dict[str, Any], bytes]:
    """The attributes of an event, and its data as JSON text."""
    attributes, data = event[:-1].split(b',"data":')
    return json.loads(attributes + b"}"), data


def as_avro_text(event: bytes) -> bytes:
    attributes, data = parts(event)
    file = io.BytesIO()
    fastavro.writer(file, CLOUD_EVENT, [{"attribute": attributes, "data": data}], codec="deflate")
    return file.getvalue()


def as_protobuf_text(event: bytes) -> bytes:
    attributes, data = parts(event)
    made = message(attributes | {"data": {}})
    made.text_data = data.decode()
    return delimited(made.SerializeToString())


HOSTILE: dict[str, Callable[[bytes], bytes]] = {
    "a line": lambda event: event,
    "a document": lambda event: event.replace(b',"', b',\n"'),
    "an array": lambda event: b"[" + event + b"]",
    "an Avro block": as_avro_text,
    "a Protobuf event": as_protobuf_text,
}


@pytest.mark.parametrize("encoding", HOSTILE)
def test_the_largest_record_stays_within_the_memory_bound(tmp_path: Path, encoding: str) -> None:
    content = HOSTILE[encoding](hostile(LARGEST))
    assert landed_within_memory(tmp_path, content) == (1, 0)


def test_many_large_records_stay_within_the_memory_bound(tmp_path: Path) -> None:
    content = b"\n".join(hostile(LARGEST // 4, number) for number in range(16))
    assert landed_within_memory(tmp_path, content) == (16, 0)


def test_a_mapping_of_deep_records_stays_within_the_memory_bound(tmp_path: Path) -> None:
    mapping = tmp_path / "mapping.yaml"
    mapping.write_text(MAPPING, encoding="utf-8")
    content = b"\n".join(hostile(LARGEST // 16, number) for number in range(40))
    assert landed_within_memory(tmp_path, content, str(mapping)) == (40, 0)


def test_a_record_that_a_mapping_has_no_memory_for_is_refused_alone(archive: Archive) -> None:
    mapping, path = archive.root.parent / "mapping.yaml", archive.root.parent / "records"
    mapping.write_text(MAPPING, encoding="utf-8")
    path.write_bytes(b"\n".join([text(weighed(1)), hostile(LARGEST, 2), text(weighed(3))]))
    limits = Limits(memory_bytes=128 << 20)
    landed = land(archive, Source("records", path), mapping=load_mapping(mapping, limits), limits=limits)
    assert (landed.counts.accepted, landed.counts.rejected) == (2, 1)
    (record,) = rejected(archive)
    assert (record.reason, record.position) == ("not_mapped", 2)
    assert "half of FACTLOG_MEMORY" in record.detail


@pytest.mark.parametrize("pack", [bytes, gzip.compress, zstandard.compress], ids=["plain", "gzip", "zstd"])
def test_a_record_of_any_size_costs_little_memory(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    content = pack(b'{"id":"' + b"x" * (200 << 20) + b'"}\n' + lines([weighed(1)]))
    assert landed_within_memory(tmp_path, content) == (1, 1)


MAPPING = """
choose: type
event:
  id: id
  source: source
  time: time
  actor: {clerk: "'ada'"}
rules:
  parcel.weighed.v1:
    type: parcel.weighed.v1
    object: {parcel: id}
    data: {label: data.label, grams: data.grams, due_at: {$constant: null}, remarks: data.remarks}
"""
