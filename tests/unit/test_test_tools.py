"""The tests' own tools: how tests are handed out to processes, and the profile of `make hunt`.

Belongs here: that what they name exists. Not here: the tools (`support`).
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import settings

from support.handing_out import SINGLY, part_of
from support.hunting import HUNT, examples, is_hunting

PROJECT = Path(__file__).parents[2]


def test_what_is_handed_out_singly_exists() -> None:
    for test in SINGLY:
        file, _, name = test.partition("::")
        assert f"def {name}(" in (PROJECT / file).read_text()
        assert part_of(f"{test}[3]") == f"{test}[3]"
        assert part_of(f"{file}::test_another") == file


@pytest.mark.parametrize("ci", [{}, {"CI": "true"}], ids=["by a person", "in CI"])
def test_the_profiles_are_the_same_in_ci_as_by_a_person(ci: dict[str, str]) -> None:
    ask = "import conftest; from hypothesis import settings; "
    ask += "print(*(settings.get_profile(name).derandomize for name in ('same', 'explore', 'hunt')))"
    environment = {name: value for name, value in os.environ.items() if name != "CI"} | ci
    asked = subprocess.run(
        [sys.executable, "-c", ask],
        cwd=PROJECT / "tests",
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert asked.stdout.split() == ["True", "False", "False"]


def test_a_hunt_tries_new_cases_and_many_more() -> None:
    assert not settings.get_profile(HUNT).derandomize
    assert examples(5) == (5000 if is_hunting() else 5)
    assert f"--hypothesis-profile={HUNT} " in (PROJECT / "Makefile").read_text()
