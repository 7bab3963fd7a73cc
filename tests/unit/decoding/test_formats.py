"""An input format is an entry in a list: a made-up one lands through it, compressed or not."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from event_archive.decoding import formats
from event_archive.decoding.byte_window import Blocks, ByteWindow, InputStart
from event_archive.decoding.chunk_builder import ChunkBuilder
from event_archive.decoding.formats import FORMATS, Format
from event_archive.decoding.record_chunk import Chunk, ChunkBounds, UnreadableRecord
from support.events import archived, land_bytes, lines, new_archive, rejected, text, weighed

MAGIC = b"CARDS1"
CARD = 1024


def is_deck(start: InputStart) -> bool:
    return start.data.startswith(MAGIC)


def card_records(blocks: Blocks, bounds: ChunkBounds) -> Iterator[Chunk]:
    builder = ChunkBuilder()
    return builder.chunks(_cards(ByteWindow(blocks), builder), bounds)


def _cards(window: ByteWindow, builder: ChunkBuilder) -> Iterator[UnreadableRecord | None]:
    window.holds(len(MAGIC))
    window.at += len(MAGIC)
    position = 0
    while window.holds(1):
        position, offset = position + 1, window.offset
        if not window.holds(CARD):
            yield from window.pass_over(None, position, "half_a_card", "the input ends within a card")
            return
        card, window.at = window.data[window.at : window.at + CARD], window.at + CARD
        builder.add(card.rstrip(b"\0"), position, offset)
        yield None


def deck(*records: bytes) -> bytes:
    return MAGIC + b"".join(record.ljust(CARD, b"\0") for record in records)


@pytest.fixture(autouse=True)
def with_cards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formats, "FORMATS", (Format("punched cards", is_deck, card_records), *FORMATS))


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_format_is_an_entry(tmp_path: Path, pack: type[bytes]) -> None:
    archive = new_archive(tmp_path)
    landed = land_bytes(archive, pack(deck(text(weighed(1)), b"no event", text(weighed(2)), b"rest")[:-100]))
    assert (landed.counts.received, landed.counts.accepted, landed.counts.rejected) == (4, 2, 2)
    assert [(record.reason, record.position, record.record) for record in rejected(archive)] == [
        ("invalid_json", 2, b"no event"),
        ("half_a_card", 4, b"rest".ljust(CARD - 100, b"\0")),
    ]
    assert sorted(name for _, name in archived(archive)) == ["event-1", "event-2"]


def test_the_other_formats_are_read_as_before(tmp_path: Path) -> None:
    archive = new_archive(tmp_path)
    others = lines([weighed(1)]), json.dumps([weighed(2)]).encode(), json.dumps(weighed(3), indent=1).encode()
    for content in others:
        assert land_bytes(archive, content).counts.accepted == 1


def test_no_two_formats_have_one_name() -> None:
    assert len({entry.name for entry in FORMATS}) == len(FORMATS)
