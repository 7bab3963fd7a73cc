"""`factlog` alone, and `factlog status`: one screen in a project, the help where there is none."""

import json
import os
from pathlib import Path

import pytest

from support.command_typing import RATED, Typed, write


def test_factlog_alone_shows_where_things_stand(factlog: Typed) -> None:
    factlog("land", write(RATED))
    code, out, _ = factlog()
    assert code == 0
    assert "archive   1 commit, 1 event; the last landed" in out
    assert out == factlog("status")[1]
    assert out.splitlines()[-1] == "next      factlog refresh"


def test_status_as_one_document(factlog: Typed) -> None:
    factlog("land", write(RATED, {"nonsense": 1}))
    code, out, _ = factlog("status", "--json")
    told = json.loads(out)
    assert (code, told["well"], told["waiting"]["refused_records"]) == (0, True, 1)
    assert told["refresh"]["new_events"] == {"translation.rated.v1": 1}
    assert told["next_command"] == "factlog refresh"


def test_outside_a_project_factlog_alone_says_so_and_shows_the_help(
    factlog: Typed, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in os.environ if name.startswith("FACTLOG_")]:
        monkeypatch.delenv(name)
    code, out, _ = factlog()
    assert code == 0
    assert out.startswith("There is no project here")
    assert "factlog init DIR" in out


@pytest.mark.parametrize("columns", [40, 60, 100])
def test_no_line_of_status_is_wider_than_the_screen_and_no_word_is_broken(
    factlog: Typed, monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    factlog("land", write(RATED))
    monkeypatch.setenv("COLUMNS", "1000")
    words = factlog("status")[1].split()
    monkeypatch.setenv("COLUMNS", str(columns))
    out = factlog("status")[1]
    assert out.split() == words
    assert all(len(line) <= columns or len(line.split()) <= 2 for line in out.splitlines())
    assert all(line == line.rstrip() for line in out.splitlines())


def test_a_project_that_was_just_made(factlog: Typed, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("FACTLOG_")]:
        monkeypatch.delenv(name)
    factlog("init", "shop")
    monkeypatch.chdir("shop")
    code, out, _ = factlog()
    assert code == 1
    assert "nothing has landed yet. To do: factlog land events" in out
    assert not Path("var").exists()
