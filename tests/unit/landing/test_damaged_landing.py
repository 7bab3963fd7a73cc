"""Landing damaged inputs: what can be decoded lands, the rest is kept, a whole copy adds what is missing."""

import gzip
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings

from event_archive import Archive, verify
from event_archive.decoding.record_chunk import DAMAGE
from event_archive.landing.quarantine_file import record_at
from event_archive.quarantine.recover import recover
from event_archive.store.commit import Counts
from support.damaged import EVENTS, Damaged, damaged, encoded, reference
from support.events import archived, land_bytes, lines, new_archive, rejected, weighed
from support.hunting import examples


def names_in(encoding: str) -> set[tuple[str, str]]:
    events = EVENTS[:1] if encoding == "JSON document" else EVENTS
    return {(event["source"], event["id"]) for event in events}


@given(damaged())
@settings(max_examples=examples(60), deadline=None)
def test_what_can_be_decoded_lands_and_all_else_is_kept(case: Damaged) -> None:
    with tempfile.TemporaryDirectory() as folder:
        archive = new_archive(Path(folder))
        landed = land_bytes(archive, case.content)
        assert landed.counts.conserved
        reasons = {record.reason for record in rejected(archive)}
        assert (landed.damage is not None) is bool(reasons & set(DAMAGE))
        expected = reference(case.content)
        assert ("undecodable" in reasons) is not expected.is_whole
        # Landed as it came, or decoded by others first: the same events.
        decoded = new_archive(Path(folder) / "decoded")
        land_bytes(decoded, expected.decoded)
        assert archived(archive) == archived(decoded)
        # Once more: nothing is added, and the damage is told again.
        again = land_bytes(archive, case.content)
        assert (again.counts, again.commit, again.damage) == (Counts(), None, landed.damage)
        assert verify(archive) == []
        # The whole copy adds what is missing.
        if case.kind != "changed":
            land_bytes(archive, encoded(case.encoding, "plain"))
            assert set(archived(archive)) == names_in(case.encoding)


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return new_archive(tmp_path)


def test_a_wrong_checksum_costs_no_event(archive: Archive) -> None:
    packed = bytearray(gzip.compress(lines([weighed(number) for number in range(1000)])))
    packed[-8] ^= 1
    landed = land_bytes(archive, bytes(packed), "events.ndjson.gz")
    assert landed.counts == Counts(1001, accepted=1000, rejected=1)
    (record,) = rejected(archive)
    assert (record.position, record.reason) == (1001, "undecodable")
    assert packed[record.offset :] == record.record
    assert landed.damage == record.detail
    assert "corrupt gzip at byte" in record.detail
    assert "incorrect data check" in record.detail


def test_undecodable_bytes_can_be_had_and_are_not_judged_again(archive: Archive) -> None:
    first, second = (gzip.compress(lines([weighed(number)]), mtime=0) for number in (1, 2))
    land_bytes(archive, first[:-4] + b"\xff" * 4 + second)
    assert set(archived(archive)) == {("/post", "event-1")}
    (commit,) = archive.log.commits()
    kept = record_at(archive, commit, 0)
    assert kept.endswith(second)
    recovery = recover(archive)
    assert (recovery.judged, recovery.left_out, recovery.commit) == (0, 1, None)
    land_bytes(archive, kept[kept.index(second) :], "the rest")
    assert set(archived(archive)) == {("/post", "event-1"), ("/post", "event-2")}
