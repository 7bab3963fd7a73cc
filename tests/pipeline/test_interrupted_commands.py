"""Ctrl-C at any moment of a command, in a real process: one line, exit code 130, and nothing half-done."""

import os
import signal
import subprocess
import sys
import time

import pytest

from orchestration.command_line.interruption import LINE
from support.command_typing import PROJECT
from support.typed_world import COMMANDS, TypedWorld

# Counts the calls of Python's functions; at a certain one somebody presses Ctrl-C.
TYPED = """
import os, signal, sys
import orchestration.dbt.process
import orchestration.command_line
orchestration.dbt.process.dbt_executable = lambda: sys.argv[1]
counted, pressed_at = 0, int(sys.argv[2])
def count(frame, event, argument):
    global counted
    counted += 1
    if counted == pressed_at:
        sys.setprofile(None)
        os.kill(os.getpid(), signal.SIGINT)
sys.setprofile(count)
try:
    orchestration.command_line.main(sys.argv[3:])
finally:
    sys.setprofile(None)
    if not pressed_at:
        print(counted)
"""
WHILE_IT_STARTS = """
import os, signal, sys
class Pressing:
    def find_spec(self, name, path=None, target=None):
        if name == sys.argv[1]:
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Pressing())
import orchestration.command_line
orchestration.command_line.main(["log"])
"""
ENDLESS = "SELECT sum(hash(a.range + b.range)) FROM range(10000000) AS a, range(10000000) AS b"
ENVIRONMENT = {"PYTHONPATH": f"{PROJECT}"}


def press(world: TypedWorld, command: str, call: int) -> subprocess.CompletedProcess[str]:
    """Type a command in a new copy; Ctrl-C is pressed at the so-manieth call, at none where that is 0."""
    world.renew()
    words = [word.replace("~", " ") for word in COMMANDS[command].split()]
    return subprocess.run(
        [sys.executable, "-c", TYPED, str(world.template.parent / "dbt"), str(call), *words],
        env=os.environ | ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("command", ["land", "refresh", "verify"])
def test_ctrl_c_is_one_line_at_any_moment(typed_world: TypedWorld, command: str) -> None:
    whole = press(typed_world, command, 0)
    calls = int(whole.stdout.splitlines()[-1])
    for share in (0.02, 0.4, 0.9):
        done = press(typed_world, command, max(1, int(calls * share)))
        assert (done.returncode, done.stderr) == (130, f"{LINE}\n"), share
    # The same command again completes it.
    assert typed_world.type_again(command).code == 0


@pytest.mark.parametrize("asked", [[], ["--archive"]])
def test_ctrl_c_ends_a_query_that_would_last_for_ever(typed_world: TypedWorld, asked: list[str]) -> None:
    typed_world.renew()
    process = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "from orchestration.command_line import main; main()",
            "query",
            *asked,
            ENDLESS,
        ],
        env=os.environ | ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        time.sleep(2)  # wherever it is by then
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert (process.returncode, out, err) == (130, "", f"{LINE}\n")


@pytest.mark.parametrize("importing", ["click", "orchestration.command_line.archive", "rich.table"])
def test_ctrl_c_while_a_command_starts(importing: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", WHILE_IT_STARTS, importing],
        env=os.environ | ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", f"{LINE}\n")
