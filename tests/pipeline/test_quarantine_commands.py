"""`factlog quarantine list`, `show` and `recover`: reports, JSON and exit codes.

Belongs here: the output. Not here: what is recovered (`test_recover`, `test_repair`).
"""

import json
from pathlib import Path

import pytest

from support.command_typing import RATED, Typed, write

TYPED_AS_TEXT = {"customer_id": "cus_1", "score": "5", "comment": None}
REPAIR = """
rules:
  translation.rated.v1:
    set: {data.score: CAST(data.score AS BIGINT)}
"""


@pytest.fixture
def refusing(factlog: Typed) -> Typed:
    """An installation that has refused two scores that are text, and a line that is no JSON."""
    records = [
        RATED,
        RATED | {"id": "a-2", "data": TYPED_AS_TEXT},
        RATED | {"id": "a-3", "data": TYPED_AS_TEXT},
    ]
    Path("repair.yaml").write_text(REPAIR)
    with Path(write(*records)).open("a") as file:
        file.write("broken\n")
    factlog("land", "events.ndjson")
    return factlog


def test_refused_records_are_recovered_and_listed_no_more(refusing: Typed) -> None:
    code, out, err = refusing("quarantine", "recover")
    assert (code, "contract_violation" in out) == (0, True)
    assert "Nothing has changed, so there is no commit." in err

    code, out, err = refusing("quarantine", "recover", "--repair", "repair.yaml", "--dry-run")
    assert code == 0
    assert "dry run: nothing was committed" in out
    assert "refresh" not in err

    code, out, _ = refusing("quarantine", "recover", "--repair", "repair.yaml", "--json")
    assert code == 0
    assert json.loads(out) == {
        "sequence": 2,
        "dry_run": False,
        "judged": 3,
        "recovered": 2,
        "duplicate": 0,
        "refused": 1,
        "refused_for_another_reason": 0,
        "left_out": 0,
        "foreign": 0,
        "reasons": [{"reason": "invalid_json", "type": None, "records": 1}],
    }
    _, out, _ = refusing("quarantine", "list", "--json")
    assert [(group["reason"], group["records"]) for group in json.loads(out)] == [("invalid_json", 1)]
    _, out, _ = refusing("quarantine", "list", "--all", "--json", "--samples", "5")
    assert [(group["state"], len(group["samples"])) for group in json.loads(out)] == [
        ("recovered", 2),
        ("refused", 1),
    ]
    assert refusing("verify")[0] == 0


def test_a_record_shows_its_state_and_history(refusing: Typed) -> None:
    refusing("quarantine", "recover", "--repair", "repair.yaml")
    _, out, _ = refusing("quarantine", "show", "1", "--position", "3")
    assert "state     recovered" in out
    assert "history   refused in commit 1: contract_violation: data.score" in out
    assert "history   recovered in commit 2" in out
    assert '"score": "5"' in out, "the bytes are those that came"
    _, out, _ = refusing("quarantine", "show", "--json")
    shown = json.loads(out)
    assert [(step["sequence"], step["state"]) for step in shown["history"]] == [
        (1, "refused"),
        (2, "recovered"),
    ]
    code, _, err = refusing("quarantine", "show", "2")
    assert (code, "commit 2 refused nothing" in err) == (2, True)


def test_filters_narrow_the_list_and_the_recovery(refusing: Typed) -> None:
    for filters in (
        ["--source", "/trial"],
        ["--type", "translation.rated.v1"],
        ["--reason", "contract_violation"],
    ):
        _, out, _ = refusing("quarantine", "list", *filters, "--json")
        assert [group["records"] for group in json.loads(out)] == [2], filters
        _, out, _ = refusing("quarantine", "recover", *filters, "--dry-run", "--json")
        assert json.loads(out)["judged"] == 2, filters
    assert "No refusal is like that" in refusing("quarantine", "list", "--day", "2020-01-01")[2]
    _, out, _ = refusing("quarantine", "list", "--limit", "1")
    assert "1 record in 1 more group" in out


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["--repair", "nowhere.yaml"], "nowhere.yaml: can't be read"),
        (["--repair", "events.ndjson"], "events.ndjson, line 2"),
        (["--mapping", "repair.yaml"], "repair.yaml, line 2: a mapping needs choose"),
        (["--repair", "repair.yaml", "--mapping", "repair.yaml"], "name one"),
        (["--sequence", "9"], "commit 9: there is none"),
    ],
)
def test_what_can_not_be_used_is_said_in_one_line(refusing: Typed, arguments: list[str], error: str) -> None:
    code, _, err = refusing("quarantine", "recover", *arguments)
    assert code == 2
    assert error in err
    assert len(err.strip().splitlines()) == 1


def test_a_quarantine_that_was_emptied_says_so(factlog: Typed) -> None:
    Path("repair.yaml").write_text(REPAIR)
    factlog("land", "--quarantine-anyway", write(RATED | {"id": "a-2", "data": TYPED_AS_TEXT}))
    code, _, err = factlog("quarantine", "recover", "--repair", "repair.yaml")
    assert (code, "Commit 2 says so" in err, "factlog refresh" in err) == (0, True, True)
    code, _, err = factlog("quarantine")
    assert (code, "No record is refused any more" in err) == (0, True)
    assert "No record was judged again" in factlog("quarantine", "recover")[2]
