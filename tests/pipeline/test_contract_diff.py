"""`factlog contracts diff` on files of every language: verdict, words, JSON, exit code; bad input in a line.

Not here: the verdicts themselves (`tests/unit/test_compatibility_cases.py` and its table).
"""

import json
import time
from pathlib import Path

import pytest

from support.command_typing import PROJECT, Typed

CONTRACTS = PROJECT / "event_archive" / "contracts"
RATED = CONTRACTS / "translation.rated.v1.yaml"
RECORD = '{"type": "record", "name": "Rating", "fields": [{"name": "score", "type": "%s"}]}'
SCHEMA = '{"type": "object", "properties": {"score": {"type": "integer", "maximum": %d}}}'
MESSAGE = 'syntax = "proto3"; message Rating { %s score = 1; }'
PAIRS = {
    "json": (SCHEMA % 9, SCHEMA % 5, "score", "bound_tightened"),
    "avsc": (RECORD % "long", RECORD % "int", "score", "type_not_promotable"),
    "proto": (MESSAGE % "int64", MESSAGE % "int32", "Rating/score", "number_narrowed"),
    "yaml": (
        RATED.read_text(),
        RATED.read_text().replace("maximum: 5", "maximum: 4"),
        "data/score",
        "bound_tightened",
    ),
}
BAD = {
    "broken.json": ('{"type": ', "line 1: this is not JSON"),
    "twice.json": ('{"type": "string", "type": "integer"}', "stands twice in one object"),
    "deep.json": ("[" * 100_000, "nested deeper"),
    "huge.json": (" " * 2_000_000, "more than 1,000,000 bytes"),
    "no-schema.json": ("[]", "neither an object nor a boolean"),
    "pattern.json": ('{"pattern": "("}', "pattern"),
    "elsewhere.avsc": ('{"type": "record", "name": "R", "fields": [{"name": "a", "type": "Gone"}]}', "Gone"),
    "path.proto": ('syntax = "proto3"; import "../../etc/passwd";', "import"),
    "broken.proto": ("message {", "1:"),
    "bomb.yaml": ("a: &a [1]\n" + "".join(f"b{n}: &b{n} [*a, *a]\n" for n in range(9)), "bomb.yaml"),
    "schema.xml": ("<schema/>", "the ending tells the language"),
}


def written(name: str, text: str) -> str:
    """Write a file below here; a contract's must be called like its type, in a folder of its own."""
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return name


def pair(ending: str) -> tuple[str, str]:
    old, new, _, _ = PAIRS[ending]
    name = RATED.name if ending == "yaml" else f"rating.{ending}"
    return written(f"old/{name}", old), written(f"new/{name}", new)


@pytest.mark.parametrize("ending", PAIRS)
def test_a_narrowed_field_is_told_with_place_rule_and_example(factlog: Typed, ending: str) -> None:
    old, new = pair(ending)
    _, _, path, rule = PAIRS[ending]
    code, out, _ = factlog("contracts", "diff", old, new)
    assert code == 1
    backward, problem, example, forward = out.splitlines()
    assert backward.startswith("backward: incompatible")
    assert problem.startswith(f"  {path}: ")
    assert problem.endswith(f"[{rule}]")
    assert example.lstrip().startswith('for example {"')
    assert forward.startswith("forward: compatible")
    assert factlog("contracts", "diff", old, new, "--mode", "forward")[0] == 0
    assert factlog("contracts", "diff", old, old)[0] == 0


@pytest.mark.parametrize("ending", PAIRS)
def test_the_same_as_json(factlog: Typed, ending: str) -> None:
    code, out, _ = factlog("contracts", "diff", *pair(ending), "--json")
    report = json.loads(out)
    assert (code, report["verdict"], report["mode"]) == (1, "incompatible", "full")
    (finding,) = report["directions"]["backward"]["findings"]
    assert (finding["path"], finding["rule"]) == PAIRS[ending][2:]
    assert finding["verdict"] == "incompatible"
    assert finding["sentence"]
    assert "score" in json.dumps(finding["example"])
    assert report["directions"]["forward"] == {"verdict": "compatible", "findings": []}


def test_a_contract_and_a_json_schema_are_compared_by_their_data(factlog: Typed) -> None:
    data = written("rated.json", json.dumps({"type": "object", "required": ["customer_id"]}))
    assert factlog("contracts", "diff", str(RATED), data, "--mode", "backward")[0] == 0
    code, out, _ = factlog("contracts", "diff", str(RATED), data, "--mode", "forward")
    assert code == 1
    assert "score" in out


def test_an_additive_revision_is_free_for_producers_who_send_named_fields(factlog: Typed) -> None:
    wider = RATED.read_text().replace(
        "    score:\n", "    mood: {type: string, description: How.}\n    score:\n"
    )
    old, new = str(RATED), written(f"new/{RATED.name}", wider)
    code, out, _ = factlog("contracts", "diff", old, new)
    assert code == 1
    assert "data/mood" in out
    assert factlog("contracts", "diff", old, new, "--named-fields")[0] == 0


def test_files_of_two_languages_are_not_compared(factlog: Typed) -> None:
    code, out, err = factlog("contracts", "diff", pair("avsc")[0], pair("proto")[0])
    assert (code, out) == (2, "")
    assert "can't be compared; name two files of one language" in err


@pytest.mark.parametrize("name", BAD)
def test_a_file_that_is_no_schema_is_one_line_in_bounded_time(factlog: Typed, name: str) -> None:
    text, expected = BAD[name]
    started = time.monotonic()
    code, out, err = factlog("contracts", "diff", written(name, text), name)
    assert time.monotonic() - started < 30
    assert (code, out) == (2, "")
    assert err.startswith("factlog: ")
    assert err.count("\n") == 1
    assert name in err
    assert expected in err


TUPLE = '{"items": [{"type": "string"}%s]}'
NAMED = '{"type": "record", "name": "Rating", "fields": [{"name": "%s", "type": "string", "default": ""}]}'


def test_an_assumed_draft_is_a_caution_until_it_is_named(factlog: Typed) -> None:
    files = written("old.json", TUPLE % ', {"type": "string"}'), written("new.json", TUPLE % "")
    code, out, _ = factlog("contracts", "diff", *files, "--mode", "backward")
    why = "there is no $schema, and a list of `items` is older syntax; it is read as draft 7"
    assert (code, out.splitlines()) == (
        0,
        [
            "backward: compatible (data written under OLD is accepted under NEW)",
            f"CAUTION .: the old schema: {why} (--draft names another) [draft_assumed]",
            f"CAUTION .: the new schema: {why} (--draft names another) [draft_assumed]",
        ],
    )
    report = json.loads(factlog("contracts", "diff", *files, "--json")[1])
    assert report["cautions"][0] == {
        "path": ".",
        "direction": None,
        "rule": "draft_assumed",
        "sentence": f"the old schema: {why} (--draft names another)",
    }
    code, out, _ = factlog("contracts", "diff", *files, "--mode", "backward", "--draft", "2019-09")
    assert (code, out.count("\n"), "CAUTION" in out) == (0, 1, False)
    code, _, errors = factlog("contracts", "diff", *files, "--draft", "2020-12")
    assert (code, errors.count("\n"), "items" in errors) == (2, 1, True)


def test_a_draft_is_for_json_schema(factlog: Typed) -> None:
    code, _, errors = factlog("contracts", "diff", *pair("avsc"), "--draft", "7")
    assert (code, errors) == (
        2,
        "factlog: old/rating.avsc, new/rating.avsc: --draft is for JSON Schema; leave it out\n",
    )


def test_a_renamed_avro_field_is_compatible_with_a_caution(factlog: Typed) -> None:
    files = written("old.avsc", NAMED % "name"), written("new.avsc", NAMED % "full_name")
    code, out, _ = factlog("contracts", "diff", *files, "--mode", "backward")
    sentence = (
        "the new schema reads full_name as its default, and does not read name: "
        "where that is the same field, name it as an alias"
    )
    assert (code, out.splitlines()) == (
        0,
        [
            "backward: compatible (data written under OLD is accepted under NEW)",
            f"CAUTION full_name (backward): {sentence} [field_defaulted]",
        ],
    )
    report = json.loads(factlog("contracts", "diff", *files, "--json")[1])
    assert report["verdict"] == "compatible"
    assert report["cautions"][0] == {
        "path": "full_name",
        "direction": "backward",
        "rule": "field_defaulted",
        "sentence": sentence,
    }
    assert [caution["direction"] for caution in report["cautions"]] == ["backward", "forward"]
