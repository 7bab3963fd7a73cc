"""Mappings that make several events of a record, choose rules by conditions, and ignore records on purpose.

Given records and a mapping, expect events. Belongs here: `each`, `when`, `otherwise`, `ignore` and the places
that begin with `$`. Not here: single values (`test_mapping`), and what a landing counts.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from event_archive.errors import UnusableInput
from event_archive.mapping.map_records import map_texts
from event_archive.mapping.mapping import load_mapping

ENVELOPE = """
event:
  id: id
  source: {$constant: /trail}
  time: at
  actor: {user: who}
"""
SEEN = """
rules:
  - when: "TRUE"
    type: door.opened.v1
    object: {door: door}
"""
AT = '"at": "2026-01-01T00:00:00Z", "who": "u1", "door": "d1"'

Map = Callable[..., list[dict[str, Any] | str | None]]


@pytest.fixture
def map_all(tmp_path: Path) -> Map:
    """What a mapping makes of records: the event of each element, or why there is none."""

    def run(mapping: str, *records: Any) -> list[dict[str, Any] | str | None]:
        path = tmp_path / "mapping.yaml"
        path.write_text(mapping)
        texts = [record if isinstance(record, str) else json.dumps(record) for record in records]
        with duckdb.connect(config={"threads": 1}) as connection:
            connection.execute("SET TimeZone = 'UTC'")
            made = map_texts(connection, load_mapping(path), texts)
        return [reason if event is None else json.loads(event) for event, reason in made]

    return run


def opened(number: int, **more: Any) -> dict[str, Any]:
    return {"id": str(number), "at": "2026-01-01T00:00:00Z", "who": "u1", "door": "d1", **more}


def test_each_element_of_a_list_becomes_an_event(map_all: Map) -> None:
    record = {"account": 7, "Records": [opened(1), opened(2, note="x")]}
    data = "    data: {account: $record.account, note: note, n: $index, of: $position}\n"
    first, second = map_all("each: Records" + ENVELOPE + SEEN + data, record)
    assert isinstance(first, dict)
    assert isinstance(second, dict)
    assert [first["id"], second["id"]] == ["1", "2"]
    assert first["data"] == {"account": 7, "n": 1, "of": 1}
    assert second["data"] == {"account": 7, "note": "x", "n": 2, "of": 1}


def test_lists_in_lists_are_gone_through_and_their_elements_can_be_read(map_all: Map) -> None:
    record = {
        "resources": [
            {
                "name": "a",
                "scopes": [{"v": 1, "logs": [opened(1), opened(2)]}, {"v": 2, "logs": [opened(3)]}],
            },
            {"name": "b", "scopes": [{"v": 3, "logs": [opened(4)]}]},
        ]
    }
    data = "    data: {name: '$each[1].name', scope: '$each[2].v', own: '$each[3].id', n: $index}\n"
    events = map_all("each: [resources, scopes, logs]" + ENVELOPE + SEEN + data, record, {"resources": []})
    *found, nothing = events
    assert nothing == "nothing in resources … scopes … logs"
    assert [event["data"] for event in found if isinstance(event, dict)] == [
        {"name": "a", "scope": 1, "own": "1", "n": 1},
        {"name": "a", "scope": 1, "own": "2", "n": 2},
        {"name": "a", "scope": 2, "own": "3", "n": 3},
        {"name": "b", "scope": 3, "own": "4", "n": 4},
    ]


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ({"Records": "no"}, "Records is no list, and each takes the elements of one"),
        ({"Records": {"0": 1}}, "Records is no list, and each takes the elements of one"),
        ({"other": 1}, "nothing at Records, of which each takes the elements"),
        ({"Records": None}, "nothing at Records, of which each takes the elements"),
        ({"Records": []}, "nothing in Records"),
    ],
)
def test_a_record_without_elements_has_a_reason(map_all: Map, record: Any, reason: str) -> None:
    assert map_all("each: Records" + ENVELOPE + SEEN, record, {"Records": [opened(1)]})[0] == reason


def test_an_element_that_fails_leaves_the_others(map_all: Map) -> None:
    data = '    data: {n: "CAST(n AS BIGINT)"}\n'
    record = {"Records": [opened(1, n="1"), opened(2, n="x"), opened(3, n="3")]}
    made = map_all("each: Records" + ENVELOPE + SEEN + data, record)
    assert [isinstance(event, dict) for event in made] == [True, False, True]
    assert str(made[1]).startswith("rule 1: data.n: ")


def test_the_first_rule_whose_condition_is_true_takes_a_record(map_all: Map) -> None:
    rules = """
rules:
  - when: kind = 'open' AND side = 'front'
    type: door.opened.v1
    object: {door: door}
  - when: kind = 'open'
    type: gate.opened.v1
    object: {gate: door}
  - when: kind = 'ping'
    ignore: says nothing about a door
otherwise:
  type: sign.seen.v1
  object: {sign: door}
"""
    records = [
        opened(1, kind="open", side="front"),
        opened(2, kind="open"),
        opened(3, kind="ping"),
        opened(4, kind="new"),
        opened(5),
    ]
    made = map_all(ENVELOPE + rules, *records)
    types = [event["type"] if isinstance(event, dict) else event for event in made]
    assert types == [
        "door.opened.v1",
        "gate.opened.v1",
        "says nothing about a door",
        "sign.seen.v1",
        "sign.seen.v1",
    ]


def test_a_mapping_by_value_has_ignoring_rules_and_another_for_the_rest(map_all: Map) -> None:
    rules = """
choose: kind
rules:
  open: {type: door.opened.v1, object: {door: door}}
  ping: {ignore: a heartbeat}
"""
    records = [opened(1, kind="open"), opened(2, kind="ping"), opened(3, kind="new"), opened(4)]
    made = map_all(ENVELOPE + rules, *records)
    assert made[1:] == ["a heartbeat", 'no rule for kind "new"', "nothing at kind, by which a rule is chosen"]
    made = map_all(ENVELOPE + rules + "otherwise: {ignore: not about doors}", *records)
    assert made[1:] == ["a heartbeat", "not about doors", "not about doors"]


def test_no_condition_is_true(map_all: Map) -> None:
    rules = "\nrules: [{when: kind = 'open', type: door.opened.v1, object: {door: door}}]"
    (reason,) = map_all(ENVELOPE + rules, opened(1, kind="x"))
    assert reason == "no rule: `when` is true of none, and the mapping has no `otherwise`"


def test_a_condition_that_fails_refuses_the_record(map_all: Map) -> None:
    rules = """
rules:
  - {when: CAST(n AS BIGINT) > 2, type: door.opened.v1, object: {door: door}}
otherwise: {ignore: few}
"""
    made = map_all(ENVELOPE + rules, opened(1, n="3"), opened(2, n="1"), opened(3, n="x"))
    assert isinstance(made[0], dict)
    assert made[1] == "few"
    assert str(made[2]).startswith("rule 1: when: ")


def test_a_field_that_is_called_like_a_place_is_quoted(map_all: Map) -> None:
    data = """    data: {whole: '$record.n', own: '"$record"', text: "'n' || $index || $position"}\n"""
    (event,) = map_all(ENVELOPE + SEEN + data, opened(1, n=5, **{"$record": "mine"}))
    assert isinstance(event, dict)
    assert event["data"] == {"whole": 5, "own": "mine", "text": "n11"}


def test_the_whole_record_is_a_value(map_all: Map) -> None:
    record = opened(1, n=[1, {"b": None}])
    (event,) = map_all(ENVELOPE + SEEN + "    data: {whole: $record}\n", record)
    assert isinstance(event, dict)
    assert event["data"]["whole"] == record


@pytest.mark.parametrize(
    ("mapping", "reason"),
    [
        ("each: []" + ENVELOPE + SEEN, "line 1: each names 1 to 8 lists, the outermost first"),
        ("each: lower(a)" + ENVELOPE + SEEN, "line 1: each takes a field that is a list"),
        ("each: $record.a" + ENVELOPE + SEEN, "each takes a field of the record"),
        (ENVELOPE + SEEN + "    data: {a: '$each[1].b'}", "there is no such list: there is no each"),
        (ENVELOPE + SEEN + "    data: {a: $file.b}", "$file is a number or a text, and has no fields"),
        (ENVELOPE + SEEN + "    data: {a: $nothing}", "`$nothing` at column 1 is no name of those"),
        (ENVELOPE + "choose: kind" + SEEN, "a list of rules goes by when, and not by choose"),
        (ENVELOPE + "\nrules: {a: {type: door.opened.v1, object: {door: door}}}", "a mapping needs choose"),
        (ENVELOPE + "\nrules: [{type: door.opened.v1, object: {door: door}}]", "a rule of a list needs when"),
        (ENVELOPE + "\nrules: [{when: n, type: door.opened.v1, object: {door: door}}]", "when gives VARCHAR"),
        (ENVELOPE + "\nrules: [{when: 'TRUE', ignore: ''}]", "ignore says why these records are no events"),
        (
            ENVELOPE + "choose: kind\nrules: {a: {when: 'TRUE', type: door.opened.v1, object: {door: door}}}",
            "when stands in a list of rules; here, choose picks the rule",
        ),
    ],
)
def test_what_a_file_can_not_say_is_one_line(map_all: Map, mapping: str, reason: str) -> None:
    with pytest.raises(UnusableInput) as raised:
        map_all(mapping)
    assert reason in str(raised.value)
    assert "\n" not in str(raised.value)
