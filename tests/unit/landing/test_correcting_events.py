"""Events that correct or void an earlier one, from the wire into the archive's files, log and views.

Not here: which events are in effect then (`test_corrections`), and the envelope's rules one by one
(`test_exact_validator`).
"""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import jsonschema_rs
import pyarrow.parquet as pq
import pytest

from event_archive import Archive, create_views, verify
from event_archive.landing import router as routing
from event_archive.schema_files.writers.json_schema import to_json_schema
from event_archive.schema_files.writers.pydantic import to_pydantic
from event_archive.store.commit import Segment
from event_archive.store.folders import ANCHOR
from event_archive.store.log import Anchor, anchor_content
from event_archive.store.log_entry import parse_entry
from event_archive.validation.exact_validator import Accepted, Rejected, validate
from event_archive.verification import Finding
from event_archive.views.day_facts import day_facts
from support.encoded import as_avro, as_batch, as_delimited, as_json
from support.events import WEIGHED, archived, land_bytes, lines, lost, new_archive, rejected, weighed

PLAIN = [weighed(1), weighed(2), lost(3)]
MENDING = [
    weighed(4, corrects="event-1", data={"label": "parcel 1"}),
    weighed(5, voids="event-2"),
    weighed(6),
]


def segments(archive: Archive) -> list[Segment]:
    return [segment for commit in archive.log.commits() for segment in commit.segments]


def columns(archive: Archive, segment: Segment) -> list[str]:
    names: list[str] = pq.read_schema(archive.storage.location(segment.path)).names
    return names


@pytest.mark.parametrize("encoded", [as_json, as_avro, as_batch, as_delimited])
def test_what_an_event_corrects_or_voids_comes_back_in_every_encoding(
    tmp_path: Path, encoded: Callable[[Any], bytes]
) -> None:
    archive = new_archive(tmp_path)
    assert land_bytes(archive, encoded(MENDING), "mending").counts.accepted == 3
    events = archived(archive)
    assert [
        tuple(events["/post", event["id"]].get(name) for name in ("corrects", "voids")) for event in MENDING
    ] == [("event-1", None), (None, "event-2"), (None, None)]
    assert events["/post", "event-4"]["data"] == MENDING[0]["data"]
    assert land_bytes(archive, as_json(reversed(MENDING))).counts.duplicate == 3, rejected(archive)


def test_thousands_of_corrections_go_the_fast_way_but_for_those_that_name_themselves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    judged: list[bytes] = []

    def noting(record: bytes, *rest: Any) -> Accepted | Rejected:
        judged.append(record)
        return validate(record, *rest)

    monkeypatch.setattr(routing, "validate", noting)
    archive = new_archive(tmp_path)
    events = [lost(number, corrects=f"lost-{number + 5000}") for number in range(3000)]
    events[1500]["corrects"] = "lost-1500"
    counts = land_bytes(archive, lines(events)).counts
    assert (counts.accepted, counts.rejected, len(judged)) == (2999, 1, 2)
    assert "own id" in rejected(archive)[0].detail
    assert archived(archive)["/post", "lost-7"]["corrects"] == "lost-5007"


def test_only_files_with_corrections_have_columns_and_a_count_for_them(tmp_path: Path) -> None:
    archive = new_archive(tmp_path)
    land_bytes(archive, lines(PLAIN))
    land_bytes(archive, lines(MENDING))
    assert [segment.corrections for segment in segments(archive)] == [0, 0, 2]
    assert [{"corrects", "voids"} & {*columns(archive, segment)} for segment in segments(archive)] == [
        set(),
        set(),
        {"corrects", "voids"},
    ]
    plain, mending = archive.log.commits()
    assert b"corrections" not in plain.content
    assert b'"corrections":2' in mending.content
    assert all(parse_entry(commit.content) == commit for commit in (plain, mending))
    assert verify(archive) == []


def test_a_log_that_says_another_number_of_corrections_is_found(tmp_path: Path) -> None:
    archive = new_archive(tmp_path)
    land_bytes(archive, lines(MENDING))
    (commit,) = archive.log.commits()
    forged = replace(commit, segments=(replace(commit.segments[0], corrections=1),))
    archive.storage.replace(commit.name, forged.content)
    archive.storage.replace(ANCHOR, anchor_content(Anchor(1, forged.digest)))
    path = commit.segments[0].path
    assert verify(Archive(archive.root, archive.contracts)) == [
        Finding(path, "does not hold the corrections that the log says")
    ]


@pytest.mark.parametrize("together", [True, False], ids=["in one batch", "in two landings"])
@pytest.mark.parametrize(
    ("first", "second", "differs"),
    [
        ({"corrects": "a"}, {"corrects": "a"}, None),
        ({"corrects": "a"}, {"corrects": "b"}, "corrects"),
        ({}, {"corrects": "a"}, "corrects"),
        ({"voids": "a"}, {}, "voids"),
        ({"corrects": "a"}, {"voids": "a"}, "corrects"),
    ],
)
def test_an_event_that_corrects_something_else_is_another_event(
    tmp_path: Path, first: dict[str, Any], second: dict[str, Any], differs: str | None, together: bool
) -> None:
    archive = new_archive(tmp_path)
    records = [lines([weighed(1, **first)]), lines([b"", weighed(1, **second)])]
    landed = [land_bytes(archive, content) for content in ([b"".join(records)] if together else records)]
    counts = landed[-1].counts
    if differs is None:
        assert counts.duplicate == 1
    else:
        assert counts.rejected == 1
        assert rejected(archive)[0].detail.endswith(f"an event with another {differs}")


def test_what_landed_before_there_were_columns_for_it_is_a_duplicate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def earlier(record: bytes, *rest: Any) -> Accepted | Rejected:
        verdict = validate(record, *rest)
        assert isinstance(verdict, Accepted)
        named = {name: verdict.row[name] for name in ("corrects", "voids") if verdict.row[name]}
        extra = json.dumps({"attributes": named}) if named else None
        verdict.row.update(corrects=None, voids=None, extra=extra)
        return verdict

    archive = new_archive(tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr(routing, "validate", earlier)
        land_bytes(archive, lines(MENDING))
    assert [segment.corrections for segment in segments(archive)] == [0]
    assert land_bytes(archive, lines([*MENDING, *PLAIN])).counts.duplicate == 3, rejected(archive)
    assert land_bytes(archive, lines([weighed(5, voids="event-9")])).counts.rejected == 1


def test_views_show_files_with_and_without_corrections_side_by_side(tmp_path: Path) -> None:
    archive = new_archive(tmp_path)
    for events in (PLAIN, MENDING, [weighed(7)], [lost(8, corrects="lost-3")]):
        land_bytes(archive, lines(events))
    with duckdb.connect() as connection:
        create_views(connection, archive)
        query = "SELECT event_id, corrects, voids, sequence FROM events.{} ORDER BY sequence, event_id"
        assert connection.execute(query.format("parcel_weighed__all")).fetchall() == [
            ("event-1", None, None, 1),
            ("event-2", None, None, 1),
            ("event-4", "event-1", None, 2),
            ("event-5", None, "event-2", 2),
            ("event-6", None, None, 2),
            ("event-7", None, None, 3),
        ]
        assert connection.execute(
            "SELECT event_type, event_id, corrects, voids FROM events.all_events "
            "WHERE coalesce(corrects, voids) IS NOT NULL ORDER BY event_id"
        ).fetchall() == [
            (WEIGHED, "event-4", "event-1", None),
            (WEIGHED, "event-5", None, "event-2"),
            ("parcel.lost.v1", "lost-8", "lost-3", None),
        ]


def test_a_day_with_a_correction_has_a_digest_of_its_own(tmp_path: Path) -> None:
    digests: set[str] = set()
    for event in (weighed(1), weighed(1, corrects="a"), weighed(1, voids="a")):
        archive = new_archive(tmp_path / str(len(digests)))
        land_bytes(archive, lines([event]))
        digests |= {facts.digest for facts in day_facts(archive, WEIGHED).values()}
    assert len(digests) == 3


def test_producers_models_refuse_an_event_that_does_both(tmp_path: Path) -> None:
    contract = new_archive(tmp_path).contracts[WEIGHED]
    schema = jsonschema_rs.validator_for(json.loads(to_json_schema(contract)), validate_formats=True)
    module: dict[str, Any] = {"__name__": "models"}
    exec(compile(to_pydantic(contract), "models.py", "exec"), module)
    event = weighed(1, without=["data"]) | {
        "data": {"label": "a", "grams": 1, "due_at": "2026-01-01T00:00:00Z"}
    }
    for right in ({"corrects": "a"}, {"voids": "a"}, {}):
        assert schema.is_valid(event | right)
        read = module["Event"].model_validate_json(json.dumps(event | right))
        assert {**json.loads(read.model_dump_json()), **right} == json.loads(read.model_dump_json())
    for wrong in ({"corrects": "a", "voids": "b"}, {"corrects": ""}, {"voids": 1}):
        assert not schema.is_valid(event | wrong)
        with pytest.raises(ValueError, match=r"corrects|voids"):
            module["Event"].model_validate_json(json.dumps(event | wrong))
    with pytest.raises(ValueError, match="own id"):
        module["Event"].model_validate_json(json.dumps(event | {"voids": "event-1"}))
