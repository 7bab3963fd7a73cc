"""Recovery: given refused records and contracts or repairs that came later, expect events and states.

Belongs here: what is recovered, and what is said of each record. Not here: crashes and several processes
(`test_recovery_interrupted`), and the command line (`test_quarantine_commands`).
"""

import gzip
import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from event_archive import Archive, Limits, Source, UnusableInput, land, recover, verify
from event_archive.landing.quarantine_file import record_at
from event_archive.mapping.mapping import load_mapping
from event_archive.quarantine.queries import Filter, grouped, history
from event_archive.quarantine.recover import Selection
from event_archive.quarantine.recovery_outcomes import RejectedRecords
from event_archive.store.commit import Commit, Counts
from event_archive.store.log_entry import parse_entry
from event_archive.store.remaps import totals
from event_archive.unnamed_files import UnnamedFiles, unnamed_files
from support.events import (
    LOST,
    LOST_DATA,
    WEIGHED_DATA,
    archived,
    contract_file,
    contracts_in,
    land_bytes,
    lines,
    lost,
    new_archive,
    rejected,
    same_json,
    text,
    weighed,
)
from support.hunting import examples

FOUND = "parcel.found.v1"
CLOSED: Mapping[str, Any] = {
    "type": "object",
    "required": ["place"],
    "additionalProperties": False,
    "properties": {"place": {"type": "string", "enum": ["Ulm", "Köln"]}},
}


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return new_archive(tmp_path)


def under(archive: Archive, **data: Mapping[str, Any] | None) -> Archive:
    """The same archive under other contracts: the `data` of weighed, lost or found."""
    folder = archive.root.parent / f"contracts-{len(list(archive.root.parent.iterdir()))}"
    schemas = {"weighed": WEIGHED_DATA, "lost": LOST_DATA} | data
    files = [contract_file(f"parcel.{verb}.v1", schema) for verb, schema in schemas.items() if schema]
    return Archive(archive.root, contracts_in(folder, *files))


def states(archive: Archive) -> list[tuple[Any, ...]]:
    """Every refused record: commit, position, state, latest reason, the recovery that said so."""
    with RejectedRecords(archive) as connection:
        return connection.execute(
            "SELECT sequence, position, state, reason, judged_in FROM records ORDER BY sequence, position"
        ).fetchall()


def found(number: int, place: str = "Ulm", **changes: Any) -> dict[str, Any]:
    event = lost(number, **{"type": FOUND, "id": f"found-{number}"} | changes)
    return event | {"data": {"place": place}}


def test_records_of_a_type_whose_contract_comes_later_are_recovered(archive: Archive) -> None:
    land_bytes(archive, lines([weighed(1), found(1), b"broken", found(2)]))
    later = under(archive, found=LOST_DATA)
    recovery = recover(later)
    assert recovery.commit
    assert (recovery.commit.kind, recovery.commit.sequence) == ("recovery", 2)
    assert recovery.counts == Counts(received=2, accepted=2)
    assert (recovery.judged, recovery.unchanged) == (3, 1)
    assert archived(later).keys() == {("/post", "event-1"), ("/post", "found-1"), ("/post", "found-2")}
    assert states(later) == [
        (1, 2, "recovered", "unknown_type", 2),
        (1, 3, "refused", "invalid_json", None),
        (1, 4, "recovered", "unknown_type", 2),
    ]
    assert verify(later) == []
    assert totals(later.log.commits()) == Counts(received=4, accepted=3, rejected=1)


def test_what_a_corrected_contract_still_refuses_has_its_new_reason(archive: Archive) -> None:
    land_bytes(archive, lines([found(1), found(2, place="Bonn"), found(3, actor="robot/7")]))
    later = under(archive, found=CLOSED)
    assert recover(later).counts == Counts(3, accepted=1, rejected=2)
    assert states(later) == [
        (1, 1, "recovered", "unknown_type", 2),
        (1, 2, "refused", "contract_violation", 2),
        (1, 3, "refused", "bad_envelope", 2),
    ]
    again = under(archive, found=LOST_DATA)
    assert recover(again).counts == Counts(1, accepted=1)
    record, steps = history(again, 1, 2) or pytest.fail("no such record")
    assert (record.state, record.judged_in) == ("recovered", 3)
    assert [(step.sequence, step.state, step.reason) for step in steps] == [
        (1, "refused", "unknown_type"),
        (2, "refused", "contract_violation"),
        (3, "recovered", None),
    ]
    assert archived(again)["/post", "found-2"]["data"] == {"place": "Bonn"}


def test_where_nothing_changes_there_is_no_commit(archive: Archive) -> None:
    assert recover(archive).commit is None
    land_bytes(archive, lines([found(1), b"broken", weighed(1, time="2999-01-01T00:00:00Z")]))
    for _ in range(2):
        recovery = recover(archive)
        assert (recovery.commit, recovery.judged, recovery.unchanged) == (None, 3, 3)
    later = under(archive, found=LOST_DATA)
    assert recover(later).commit
    assert recover(later).commit is None
    assert len(later.log.commits()) == 2
    assert unnamed_files(later) == UnnamedFiles([], [])


def test_what_landed_meanwhile_is_a_duplicate_or_a_conflict(archive: Archive) -> None:
    land_bytes(archive, lines([found(1), found(2), found(3), found(3), found(4), found(4, "Bonn")]), "first")
    later = under(archive, found=LOST_DATA)
    land_bytes(later, lines([found(1), found(2, "Bonn")]), "second")
    assert recover(later).counts == Counts(6, accepted=2, duplicate=2, rejected=2)
    assert [(position, state, reason) for _, position, state, reason, _ in states(later)] == [
        (1, "duplicate", "unknown_type"),
        (2, "refused", "conflict"),
        (3, "recovered", "unknown_type"),
        (4, "duplicate", "unknown_type"),
        (5, "recovered", "unknown_type"),
        (6, "refused", "conflict"),
    ]
    assert recover(later).commit is None
    assert archived(later)["/post", "found-4"]["data"] == {"place": "Ulm"}
    assert land_bytes(later, lines([found(3), found(5)]), "third").counts == Counts(2, 1, 1)


def test_a_dry_run_says_what_would_be_and_leaves_everything_as_it_is(archive: Archive) -> None:
    land_bytes(archive, lines([found(1), found(2, actor="robot/7")]))
    later = under(archive, found=LOST_DATA)
    before = sorted(path for path in archive.root.rglob("*"))
    recovery = recover(later, dry_run=True)
    assert (recovery.commit, recovery.counts) == (None, Counts(2, accepted=1, rejected=1))
    assert recovery.rejected == {("bad_envelope", FOUND): 1}
    assert sorted(path for path in archive.root.rglob("*")) == before


def test_a_selection_leaves_the_others_alone(archive: Archive) -> None:
    land_bytes(archive, lines([found(1), lost(1, specversion="0.3")]), "first")
    land_bytes(archive, lines([found(2), b"broken"]), "second")
    later = under(archive, found=LOST_DATA)
    assert recover(later, Selection(sequence=1, type=LOST)).judged == 1
    assert recover(later, Selection(reason="invalid_json")).judged == 1
    assert recover(later, Selection(sequence=2, type=FOUND)).counts == Counts(1, 1)
    assert [state for _, _, state, _, _ in states(later)] == ["refused", "refused", "recovered", "refused"]
    with pytest.raises(UnusableInput, match="commit 9: there is none; the log has commits 1 to 3"):
        recover(later, Selection(sequence=9))


def test_bytes_that_were_no_record_keep_their_reason_unless_they_are_an_event(archive: Archive) -> None:
    whole = gzip.compress(lines([weighed(1), found(1)]), mtime=0)
    cut_off = gzip.compress(lines([weighed(2)]) + text(found(2)), mtime=0)[:-4]  # the event is all there
    land_bytes(archive, whole[:-20], "cut.gz")
    land_bytes(archive, cut_off, "cut-after-the-event.gz")
    land_bytes(archive, b"[" + text(weighed(3)) + b"] and more", "array.json")
    assert {record.reason for record in rejected(archive)} >= {"truncated", "after_array"}
    later = under(archive, found=LOST_DATA)
    recovery = recover(later)
    assert recovery.counts == Counts(1, accepted=1), recovery
    assert ("/post", "found-2") in archived(later)
    assert {reason for reason, _ in recovery.rejected} == {"truncated", "after_array"}


def test_a_record_that_was_too_long_is_recovered_once_it_is_not(archive: Archive) -> None:
    small = Limits(memory_bytes=64 << 20, max_record_bytes=3 << 20)
    long = weighed(1, data={"remarks": "x" * (5 << 20)})
    (archive.root.parent / "long").write_bytes(lines([weighed(2), long, b"y" * (4 << 20)]))
    assert land(archive, Source("long", archive.root.parent / "long"), limits=small).counts.rejected == 2
    assert recover(archive, limits=small).left_out == 2
    recovery = recover(archive, limits=Limits(memory_bytes=1 << 30))
    assert recovery.counts == Counts(2, accepted=1, rejected=1)
    assert same_json(archived(archive)["/post", "event-1"]) == same_json(long)
    assert states(archive) == [(1, 2, "recovered", "too_long", 2), (1, 3, "refused", "invalid_json", 2)]
    assert record_at(archive, archive.log.commits()[0], 0).startswith(b'{"specversion"')


def test_many_records_are_judged_in_chunks(archive: Archive) -> None:
    events = [found(number) for number in range(9_000)]
    land_bytes(archive, lines(events), memory_bytes=64 << 20)
    later = under(archive, found=LOST_DATA)
    recovery = recover(later, limits=Limits(memory_bytes=16 << 20))
    assert recovery.counts == Counts(9_000, accepted=9_000)
    assert recovery.commit
    assert len(recovery.commit.segments) > 1
    assert len(archived(later)) == 9_000
    assert verify(later) == []


MAPPING = """
choose: kind
event:
  id: no
  source: {$constant: "urn:shop"}
  time: at
  actor: {clerk: who}
rules:
  loss: {type: parcel.lost.v1, object: {parcel: no}, data: {place: PLACE}}
"""


def test_foreign_records_wait_for_a_mapping(archive: Archive, tmp_path: Path) -> None:
    record = {"kind": "loss", "no": "7", "at": "2026-01-03T09:00:00Z", "who": "ada", "where": "Ulm"}
    (tmp_path / "shop.ndjson").write_bytes(lines([record]))
    (tmp_path / "wrong.yaml").write_text(MAPPING.replace("PLACE", "place"))
    (tmp_path / "right.yaml").write_text(MAPPING.replace("PLACE", '"where"'))
    source = Source("shop.ndjson", tmp_path / "shop.ndjson")
    land(archive, source, mapping=load_mapping(tmp_path / "wrong.yaml"))
    land_bytes(archive, lines([found(1)]))

    recovery = recover(archive)
    assert (recovery.judged, recovery.foreign, recovery.commit) == (1, 1, None)
    record_, _ = history(archive, 1) or pytest.fail("no such record")
    assert record_.is_foreign
    recovery = recover(archive, mapping=load_mapping(tmp_path / "right.yaml"))
    assert (recovery.judged, recovery.counts) == (1, Counts(1, accepted=1))
    assert recovery.commit
    assert recovery.commit.mapping
    assert archived(archive)["urn:shop", "7"]["data"] == {"place": "Ulm"}
    assert recover(archive, mapping=load_mapping(tmp_path / "right.yaml")).commit is None


def test_the_log_names_the_mapping_that_was_read_though_its_file_is_another_one_now(
    archive: Archive, tmp_path: Path
) -> None:
    record = {"kind": "loss", "no": "7", "at": "2026-01-03T09:00:00Z", "who": "ada", "where": "Ulm"}
    (tmp_path / "shop.ndjson").write_bytes(lines([record]))
    file = tmp_path / "mapping.yaml"
    for place in ("place", '"where"'):
        content = MAPPING.replace("PLACE", place).encode()
        file.write_bytes(content)
        mapping = load_mapping(file)
        file.write_bytes(b"another one")
        if place == "place":
            commit = land(archive, Source("shop", tmp_path / "shop.ndjson"), mapping=mapping).commit
        else:
            commit = recover(archive, mapping=mapping).commit
        assert commit
        assert commit.mapping == hashlib.sha256(content).hexdigest()


def test_lists_are_grouped_and_count_what_is_still_refused(archive: Archive) -> None:
    land_bytes(archive, lines([found(1), found(2), found(3, source="/depot"), b"broken"]))
    assert [
        (group.reason, group.type, group.source, group.records) for group in grouped(archive, Filter())
    ] == [
        ("unknown_type", FOUND, "/post", 2),
        ("invalid_json", None, None, 1),
        ("unknown_type", FOUND, "/depot", 1),
    ]
    later = under(archive, found=LOST_DATA)
    recover(later, Selection(type=FOUND))
    (left,) = grouped(later, Filter())
    assert (left.reason, left.day, left.samples[0].position) == ("invalid_json", datetime.now(UTC).date(), 4)
    assert sum(group.records for group in grouped(later, Filter(state=None))) == 4
    (depot,) = grouped(later, Filter(state="recovered", source="/depot"), samples=3)
    assert [record.event_id for record in depot.samples] == ["found-3"]
    assert grouped(later, Filter(reason="unknown_type")) == []


def test_entries_that_were_written_before_there_were_recoveries_are_still_what_they_were() -> None:
    written = (
        b'{"batch":"00","batch_bytes":7,"counts":{"accepted":0,"duplicate":0,"received":1,"rejected":1},'
        b'"kind":"landing","landed_at":"2026-01-03T09:14:07.250000+00:00","mapping":null,"origin":"old.ndjson",'
        b'"previous":"00","quarantine":{"bytes":9,"path":"quarantine/0.parquet","rows":1,"sha256":"0"},'
        b'"segments":[],"sequence":1}\n'
    )
    assert parse_entry(written).content == written
    named = written.replace(b',"previous"', b',"outcomes":null,"previous"')
    assert parse_entry(named).content != named, "one meaning, one spelling"


# Any number of runs, in any order, with anything landing in between

RECORDS = st.one_of(
    st.builds(found, st.integers(1, 6), st.sampled_from(["Ulm", "Bonn"])).map(text),
    st.builds(lambda number: text(weighed(number)), st.integers(1, 6)),
    st.builds(lambda number: text(lost(number, actor="robot/7")), st.integers(1, 6)),
    st.sampled_from([b"broken", b"\xff", b"{}", b'"', b"[" * 100, b""]),
)
CONTRACTS = st.sampled_from([None, CLOSED, LOST_DATA])
STEPS = st.lists(st.one_of(st.lists(RECORDS, min_size=1, max_size=8), CONTRACTS), min_size=2, max_size=8)


def final_states(archive: Archive, commits: list[Commit]) -> Counts:
    """Received, accepted, duplicate and refused, counted record by record."""
    landings = [commit.counts for commit in commits if commit.kind == "landing"]
    first = sum(landings, Counts())
    by_state = {"refused": 0, "recovered": 0, "duplicate": 0}
    for _, _, state, _, _ in states(archive):
        by_state[state] += 1
    assert sum(by_state.values()) == first.rejected, "each refused record is in one state"
    accepted = first.accepted + by_state["recovered"]
    return Counts(first.received, accepted, first.duplicate + by_state["duplicate"], by_state["refused"])


@settings(
    max_examples=examples(12), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=STEPS)
def test_every_record_is_in_exactly_one_state_whatever_happens(
    tmp_path_factory: pytest.TempPathFactory, steps: list[Any]
) -> None:
    archive = new_archive(tmp_path_factory.mktemp("any"))
    for number, step in enumerate(steps):
        if isinstance(step, list):
            land_bytes(archive, b"\n".join(step) + b"\n", f"batch-{number}")
        else:
            archive = under(archive, found=step)
            recover(archive)
            head = archive.log.commits()[-1:]
            assert recover(archive).commit is None
            assert archive.log.commits()[-1:] == head
        commits = archive.log.commits()
        whole = totals(commits)
        assert whole.conserved
        assert all(commit.counts.conserved for commit in commits)
        assert whole == final_states(archive, commits)
    everything = under(archive, found=LOST_DATA)  # can tell what was recovered, and counts each event once
    assert len(archived(everything)) == totals(everything.log.commits()).accepted
    assert verify(everything) == []
    with RejectedRecords(everything) as connection:
        places = 'SELECT count(*), count(DISTINCT (sequence, position, "offset")) FROM records'
        ((rows, different),) = connection.execute(places).fetchall()
    assert rows == different, "a place names one record"


def test_a_forged_recovery_is_found(archive: Archive) -> None:
    land_bytes(archive, lines([found(1), found(2)]))
    later = under(archive, found=LOST_DATA)
    recover(later)
    path = archive.root / later.log.commits()[1].name
    entry = json.loads(path.read_text())
    path.write_bytes(parse_entry(path.read_bytes()).content.replace(b'"received":2', b'"received":3'))
    assert path.name in str(verify(Archive(archive.root, later.contracts)))
    path.write_bytes((json.dumps(entry, sort_keys=True, separators=(",", ":")) + "\n").encode())
    assert verify(Archive(archive.root, later.contracts)) == []
    # The same outcomes once more: a record that is in the archive can't be recovered again.
    first = parse_entry(path.read_bytes())
    forged = first.content.replace(b'"sequence":2', b'"sequence":3')
    forged = forged.replace(first.previous.encode(), first.digest.encode())
    assert later.log.append(parse_entry(forged))
    assert "it judges a record that was not refused" in str(verify(later))
