"""The examples' own tests, as whoever begins with one runs them: in a project that `factlog init` has made.

Belongs here: running them. Not here: what they hold the examples to (`examples/*/tests`), and the example
company's models (`test_models`).
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from orchestration.settings import PROJECT
from support.command_typing import Typed

OWN = sorted(path.parent.name for path in PROJECT.glob("examples/*/tests"))


def test_an_example_brings_tests() -> None:
    assert OWN == ["github", "shop"]


@pytest.mark.parametrize("example", OWN)
def test_the_tests_of_an_example_pass_in_a_project_made_from_it(factlog: Typed, example: str) -> None:
    assert factlog("init", "mine", "--example", example)[0] == 0
    paths = os.pathsep.join(map(str, (PROJECT / "tests", PROJECT)))
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "support.forked_dbt", "-p", "no:cacheprovider", "tests"],
        cwd=Path("mine"),
        env=os.environ | {"FACTLOG_PROJECT": "", "FACTLOG_HOME": "", "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout
    assert not Path("mine", "var").exists(), "tests leave the project's own events alone"
