"""The company's events in the three encodings of CloudEvents: they land once: what comes again in
another encoding has the same content, or it would be a conflict.

Not here: single events and hostile bytes (`tests/unit/test_encodings.py`).
"""

import gzip
import io
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import zstandard

from event_archive import Archive
from event_archive.decoding.formats import read_chunks
from event_archive.decoding.record_chunk import ChunkBounds
from event_archive.decoding.sources import HashingReader
from event_archive.registry.contract import load_contracts
from event_archive.validation.exact_validator import Accepted, validate
from examples.company.simulation import emit
from orchestration.settings import Settings
from support.command_typing import PROJECT, Typed
from support.encoded import as_avro, as_batch, as_delimited, as_json
from support.events import archived

CONTRACTS = load_contracts(PROJECT / "event_archive" / "contracts")
Encode = Callable[[Any], bytes]
ENCODINGS: dict[str, Encode] = {
    "json": as_json,
    "avro": as_avro,
    "protobuf-batch": as_batch,
    "protobuf-lengths": as_delimited,
}
PACKED: dict[str, Callable[[bytes], bytes]] = {"gz": gzip.compress, "zst": zstandard.compress}


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """Every event of some days of the company that is one, each once."""
    events_by_id: dict[tuple[str, str], dict[str, Any]] = {}
    for file in emit(tmp_path_factory.mktemp("files"), days=12, scale=0.1).files:
        for piece in read_chunks(HashingReader(io.BytesIO(file.read_bytes())), ChunkBounds(1 << 20, 1 << 20)):
            for row in range(len(piece.positions)):
                if isinstance(
                    validate(piece.record(row), CONTRACTS, datetime.max.replace(tzinfo=UTC)), Accepted
                ):
                    event = json.loads(piece.record(row))
                    events_by_id.setdefault((event["source"], event["id"]), event)
    assert {event["type"] for event in events_by_id.values()} >= {
        "translation.requested.v1",
        "translation.requested.v2",
    }
    return list(events_by_id.values())


@pytest.fixture(scope="module")
def encoded(company: list[dict[str, Any]]) -> dict[str, bytes]:
    """All of them in each encoding."""
    return {name: encode(company) for name, encode in ENCODINGS.items()}


def landed(factlog: Typed, name: str, content: bytes) -> tuple[int, int, int]:
    """Land a file by the command: how many events were received, accepted and duplicates."""
    Path(name).write_bytes(content)
    code, out, err = factlog("land", name, "--json")
    assert code == 0, err
    (report,) = json.loads(out)
    return report["received"], report["accepted"], report["duplicate"]


def in_archive() -> dict[tuple[str, str], Any]:
    archive: Archive = Settings.from_environment().open_archive()
    return archived(archive)


@pytest.mark.parametrize("first", ENCODINGS)
def test_the_company_lands_once_whatever_it_speaks(
    factlog: Typed, company: list[dict[str, Any]], encoded: dict[str, bytes], first: str
) -> None:
    events = len(company)
    assert landed(factlog, first, encoded[first]) == (events, events, 0)
    archive = in_archive()
    assert archive.keys() == {(event["source"], event["id"]) for event in company}
    for name, content in encoded.items():
        if name != first:
            assert landed(factlog, name, content) == (events, 0, events), name
    assert in_archive() == archive


def test_what_is_packed_is_the_same(
    factlog: Typed, company: list[dict[str, Any]], encoded: dict[str, bytes]
) -> None:
    events = len(company)
    assert landed(factlog, "plain", encoded["json"]) == (events, events, 0)
    archive = in_archive()
    for ending, pack in PACKED.items():
        for name, content in encoded.items():
            assert landed(factlog, f"{name}.{ending}", pack(content)) == (events, 0, events), name
    assert in_archive() == archive
