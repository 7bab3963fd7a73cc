"""Landing records of which a mapping makes several events, or none on purpose: what is counted and kept.

Given files and a mapping, expect counts and rows. Not here: what a mapping makes of a record.
"""

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from event_archive import Archive, Landed
from event_archive.decoding.sources import Source
from event_archive.landing.land import land
from event_archive.landing.preview import preview_landing
from event_archive.landing.quarantine_file import read_rejections, record_at
from event_archive.limits import Limits
from event_archive.mapping.mapping import Mapping
from event_archive.quarantine.landed_again import clear_landed_again
from event_archive.quarantine.queries import Filter, grouped, history
from event_archive.quarantine.recover import recover
from event_archive.store.commit import Counts
from event_archive.store.log_entry import parse_entry
from event_archive.store.remaps import totals
from event_archive.verification import inspect_archive, verify_commits
from support.events import WEIGHED, new_archive
from support.hunting import examples
from support.mapped import written

MAPPING = """
each: Records
event:
  id: id
  source: {$constant: /trail}
  time: at
  actor: {clerk: who}
rules:
  - when: kind = 'ping'
    ignore: a heartbeat
  - when: kind = 'weighed'
    type: %(type)s
    object: {%(object)s: thing}
    data: {grams: grams, label: {$constant: a}, due_at: {$value: due, $missing: null}}
"""


def item(number: int, **changes: Any) -> dict[str, Any]:
    return {
        "id": str(number),
        "at": "2026-01-01T00:00:00Z",
        "who": "u1",
        "kind": "weighed",
        "thing": "p1",
        "grams": number,
    } | changes


RECORDS = [
    {"Records": [item(1), item(2, kind="ping"), item(3, grams="x"), item(4, kind="new"), item(1)]},
    {"Records": []},
    {"other": 1},
    {"Records": [item(5), item(5, grams=6)]},
]
OF_RECORDS = Counts(10, accepted=2, duplicate=1, rejected=5, ignored=2)


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return new_archive(tmp_path)


@pytest.fixture
def mapping(tmp_path: Path) -> Mapping:
    return mapping_with(tmp_path, MAPPING)


def mapping_with(folder: Path, text: str) -> Mapping:
    return written(folder, text % {"type": WEIGHED, "object": WEIGHED.split(".")[0]})


def source_of(folder: Path, records: list[Any], name: str = "in.ndjson") -> Source:
    path = folder / name
    texts = [record if isinstance(record, str) else json.dumps(record) for record in records]
    path.write_text("".join(f"{text}\n" for text in texts))
    return Source(name, path)


def land_records(
    archive: Archive, folder: Path, mapping: Mapping, records: list[Any] | None = None
) -> Landed:
    return land(archive, source_of(folder, records or [*RECORDS, "broken"]), mapping=mapping)


def test_elements_are_counted_and_none_is_lost(archive: Archive, tmp_path: Path, mapping: Mapping) -> None:
    landed = land_records(archive, tmp_path, mapping)
    assert landed.counts == OF_RECORDS
    assert landed.commit
    assert landed.commit.ignored == {"a heartbeat": 1, "nothing in Records": 1}
    assert parse_entry(landed.commit.content) == landed.commit
    assert totals([landed.commit]) == OF_RECORDS
    assert verify_commits(archive) == []
    assert inspect_archive(archive).findings == []


def test_a_refused_element_is_kept_with_its_record_once(
    archive: Archive, tmp_path: Path, mapping: Mapping
) -> None:
    landed = land_records(archive, tmp_path, mapping)
    assert landed.commit
    kept = [(entry.position, entry.element, entry.reason) for entry in read_rejections(archive)]
    assert kept == [
        (1, 3, "contract_violation"),
        (1, 4, "not_mapped"),
        (3, None, "not_mapped"),
        (4, 2, "conflict"),
        (5, None, "invalid_json"),
    ]
    record = json.dumps(RECORDS[0]).encode()
    assert [entry.record for entry in read_rejections(archive)][:2] == [record, record]
    assert record_at(archive, landed.commit, 1) == record
    sample, _ = history(archive, 1, 1, 4) or pytest.fail("no such record")
    assert (sample.element, sample.detail.split(":")[0]) == (4, "no rule")


def test_refused_elements_are_judged_again_alone(archive: Archive, tmp_path: Path, mapping: Mapping) -> None:
    land_records(archive, tmp_path, mapping)
    wider = mapping_with(tmp_path, MAPPING.replace("kind = 'weighed'", "kind IN ('weighed', 'new')"))
    recovery = recover(archive, mapping=wider)
    assert recovery.counts == Counts(1, accepted=1)
    assert (recovery.judged, recovery.unchanged) == (5, 4)
    assert totals(archive.log.commits()) == Counts(10, accepted=3, duplicate=1, rejected=4, ignored=2)
    assert recover(archive, mapping=wider).commit is None
    assert inspect_archive(archive).findings == []


def test_what_a_mapping_ignores_by_now_is_no_longer_refused(
    archive: Archive, tmp_path: Path, mapping: Mapping
) -> None:
    land_records(archive, tmp_path, mapping)
    ignoring = mapping_with(tmp_path, f"{MAPPING}otherwise: {{ignore: not about parcels}}\n")
    assert recover(archive, mapping=ignoring).counts == Counts(1, ignored=1)
    assert totals(archive.log.commits()).conserved
    assert inspect_archive(archive).findings == []


def test_a_record_that_was_refused_whole_may_give_several_events(archive: Archive, tmp_path: Path) -> None:
    plain = mapping_with(tmp_path, MAPPING.replace("each: Records\n", ""))
    record = {"Records": [item(1), item(2), item(3, kind="ping")]}
    land_records(archive, tmp_path, plain, [item(9), record])
    recovery = recover(archive, mapping=mapping_with(tmp_path, MAPPING))
    assert recovery.counts == Counts(1, accepted=1)
    assert recovery.commit
    assert [segment.rows for segment in recovery.commit.segments] == [2]
    assert inspect_archive(archive).findings == []


def test_landing_again_by_a_mapping_with_another_rule_clears_what_was_refused(
    archive: Archive, tmp_path: Path, mapping: Mapping
) -> None:
    land_records(archive, tmp_path, mapping)
    wider = mapping_with(tmp_path, MAPPING.replace("kind = 'weighed'", "kind IN ('weighed', 'new')"))
    landed = land_records(archive, tmp_path, wider)
    assert landed.counts == Counts(10, accepted=1, duplicate=3, rejected=4, ignored=2)
    clear_landed_again(archive, landed, [wider])
    refused = {sample.sequence for group in grouped(archive, Filter()) for sample in group.samples}
    assert refused == {2}, "each that is still refused is listed once"
    assert totals(archive.log.commits()).conserved
    assert totals(archive.log.commits()).rejected == 4
    assert clear_landed_again(archive, land_records(archive, tmp_path, wider), [wider]) == []
    assert inspect_archive(archive).findings == []


def test_a_preview_counts_as_the_landing_does_and_lands_nothing(
    archive: Archive, tmp_path: Path, mapping: Mapping
) -> None:
    preview = preview_landing(archive, source_of(tmp_path, [*RECORDS, "broken"]), mapping=mapping)
    assert preview.counts == OF_RECORDS
    assert archive.log.commits() == []
    assert inspect_archive(archive).litter == []
    assert {name: group.records for name, group in preview.accepted.items()} == {WEIGHED: 2}
    assert {name: group.records for name, group in preview.rejected.items()} == {
        "contract_violation": 1,
        "not_mapped": 2,
        "conflict": 1,
        "invalid_json": 1,
    }
    assert {name: group.records for name, group in preview.ignored.items()} == {
        "a heartbeat": 1,
        "nothing in Records": 1,
    }
    (sample,) = preview.rejected["contract_violation"].samples
    assert (sample.position, sample.element, sample.shown) == (
        1,
        3,
        'data.grams: "x" is not of type "integer"',
    )
    assert land_records(archive, tmp_path, mapping).counts == preview.counts


def test_one_record_may_have_more_elements_than_fit_in_a_part(
    archive: Archive, tmp_path: Path, mapping: Mapping
) -> None:
    elements = [item(number, kind="ping" if number % 3 else "weighed") for number in range(1, 40_001)]
    elements[20_000]["kind"] = "new"
    landed = land_records(archive, tmp_path, mapping, [{"Records": elements}, {"Records": [item(3)]}])
    pings = sum(entry["kind"] == "ping" for entry in elements)
    weighed = sum(entry["kind"] == "weighed" for entry in elements)
    assert landed.counts == Counts(40_001, accepted=weighed, duplicate=1, rejected=1, ignored=pings)
    (kept,) = read_rejections(archive)
    assert kept.element == 20_001


def test_a_record_that_takes_more_memory_than_there_is_is_refused_alone(
    archive: Archive, tmp_path: Path
) -> None:
    """Each of its elements repeats the whole record."""
    copying = mapping_with(tmp_path, MAPPING.replace("data: {", "data: {whole: $record, "))
    huge = {"Records": [item(number) for number in range(1, 1_501)], "text": "x" * 20_000}
    source = source_of(tmp_path, [huge, {"Records": [item(10_000)]}])
    landed = land(archive, source, mapping=copying, limits=Limits(memory_bytes=64 << 20, threads=1))
    assert landed.counts == Counts(2, accepted=1, rejected=1)
    (kept,) = read_rejections(archive)
    assert kept.detail.startswith("the mapping takes more memory for this record than there is")


KINDS = ("weighed", "ping", "new", "broken")
ELEMENTS = st.tuples(st.integers(1, 5), st.sampled_from(KINDS))
LISTS: st.SearchStrategy[Any] = st.one_of(st.lists(ELEMENTS, max_size=5), st.sampled_from(["text", None, {}]))


def expected(records: list[Any], taken: set[str]) -> tuple[Counts, int]:
    """What becomes of records, told record by record, and how many that are refused have such kinds."""
    known: set[int] = set()
    counts = Counts()
    for elements in records:
        if not isinstance(elements, list):
            counts += Counts(1, rejected=1)
        elif not elements:
            counts += Counts(1, ignored=1)
        for number, kind in elements if isinstance(elements, list) else []:
            is_event = kind in taken
            counts += Counts(
                1,
                accepted=is_event and number not in known,
                duplicate=is_event and number in known,
                rejected=kind in {"new", "broken"} - taken,
                ignored=kind == "ping",
            )
            known |= {number} if is_event else set()
    return counts, len(known)


@settings(max_examples=examples(20), deadline=None)
@given(st.lists(LISTS, min_size=1, max_size=6))
def test_whatever_the_records_hold_is_counted_once(records: list[Any]) -> None:
    texts = [
        {"Records": [made(*element) for element in elements] if isinstance(elements, list) else elements}
        for elements in records
    ]
    with TemporaryDirectory() as name:
        folder = Path(name)
        archive = new_archive(folder)
        landed = land_records(archive, folder, mapping_with(folder, MAPPING), texts)
        counts, events = expected(records, {"weighed"})
        assert landed.counts == counts
        wider = mapping_with(folder, MAPPING.replace("kind = 'weighed'", "kind IN ('weighed', 'new')"))
        recover(archive, mapping=wider)
        after, all_events = expected(records, {"weighed", "new"})
        now = totals(archive.log.commits())
        assert (now.received, now.rejected, now.ignored) == (after.received, after.rejected, after.ignored)
        assert now.accepted == all_events >= events
        assert inspect_archive(archive).findings == []


def made(number: int, kind: str) -> dict[str, Any]:
    """An element; those of one number say the same, so that they are duplicates of one another."""
    return item(number, kind="weighed", grams="x") if kind == "broken" else item(number, kind=kind)
