"""No command prints a traceback for what the world can do: full disks, faulty ones, lost files, Ctrl-C.

Belongs here: every command of the command line, driven through every fault that can be made here. Not here:
what a command does where all goes well (`test_commands`), and what a crash leaves
(`test_archive_invariants`).
"""

import errno
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import click
import duckdb
import pyarrow as pa
import pytest

from event_archive import UnusableInput
from orchestration.command_line.main import factlog as entry
from orchestration.command_line.main import run
from orchestration.command_line.world_faults import is_interruption, world_fault
from support.command_typing import in_a_shell
from support.typed_world import COMMANDS, Outcome, TypedWorld
from support.world_faults import DAMAGES, FAULTS, damage, failing_calls

INTERRUPTED = 130
IN_THE_QUERY = 500  # hundredths of a second of CPU: a command that has used so much has started long ago
# How often each command is typed with another of its calls failing; the demo takes seconds.
ATTEMPTS = {"demo": 2, "refresh": 6, "replay": 6}
ATTEMPTS_OF_OTHERS = 12
READING = [
    name for name in COMMANDS if not name.startswith("contracts ") and name not in ("demo", "init", "check")
]
LIMITED = ["land", "quarantine recover", "query", "diff", "refresh", "published serve"]


def leaves(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[str]:
    """Every command below a command, as it is typed."""
    if not isinstance(command, click.Group):
        yield " ".join(path)
        return
    context = click.Context(command)
    for name in command.list_commands(context):
        child = command.get_command(context, name)
        assert child is not None
        yield from leaves(child, (*path, name))


def check(outcome: Outcome, about: object, named: list[str]) -> None:
    """Hold an outcome to what is promised; `named`: of these, one stands in the line."""
    assert not outcome.escaped, f"{about}\n{outcome.escaped}"
    assert "Traceback" not in outcome.error, f"{about}\n{outcome.error}"
    assert outcome.code in (0, 1, 2, INTERRUPTED), about
    lines = [line for line in outcome.error.splitlines() if line.startswith(("factlog: ", "Passed over: "))]
    assert len(lines) == (outcome.code in (2, INTERRUPTED)), f"{about}\n{outcome.error}"
    if outcome.code == 2:
        assert any(name in lines[0] for name in named), f"{about}\n{lines[0]}"


def test_every_command_is_driven() -> None:
    assert set(COMMANDS) == set(leaves(entry)) - {"dev", "shell"}, (
        "until it is stopped: test_wheel, test_oldest_client"
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_a_call_that_fails_is_one_line_that_names_the_file(typed_world: TypedWorld, command: str) -> None:
    typed_world.renew()
    with failing_calls(typed_world.copy) as calls:
        typed_world.type_again(command)
    assert calls.calls
    attempts = min(ATTEMPTS.get(command, ATTEMPTS_OF_OTHERS), calls.calls)
    for attempt in range(attempts):
        last = 1 + attempt * calls.calls // attempts
        fault = FAULTS[attempt % len(FAULTS)]
        typed_world.renew()
        with failing_calls(typed_world.copy, last, fault) as failing:
            outcome = typed_world.type_again(command)
        about = f"{command}: {fault(None)!r} at {failing.failed}"
        check(outcome, about, [str(typed_world.copy), Path(failing.failed or "").name, "dropped.ndjson"])
        if isinstance(fault(None), KeyboardInterrupt) and failing.failed:
            assert outcome.code == INTERRUPTED, about


@pytest.mark.parametrize("command", READING)
def test_a_file_that_is_lost_or_damaged_is_one_line_that_names_it(
    typed_world: TypedWorld, command: str
) -> None:
    home = typed_world.template / "home"
    folders = [home / "archive", home / "published"]
    files = [path for folder in folders for path in sorted(folder.rglob("*")) if path.is_file()]
    for place, file in enumerate([*files, home / "warehouse.duckdb"]):
        kind = DAMAGES[(place + READING.index(command)) % len(DAMAGES)]
        damaged = file.relative_to(typed_world.template)
        typed_world.renew()
        damage(typed_world.copy / damaged, kind)
        check(typed_world.type_again(command), f"{command}: {damaged} {kind}", [str(typed_world.copy)])


@pytest.mark.parametrize("command", LIMITED)
@pytest.mark.parametrize(
    ("limit", "numbers"), [("files", (0, 2, 4, 8)), ("bytes", (1 << 12, 1 << 14, 1 << 16))]
)
def test_a_limit_of_the_operating_system_is_one_line(
    typed_world: TypedWorld, command: str, limit: str, numbers: Sequence[int]
) -> None:
    """Unlike calls of Python that fail, this meets DuckDB and pyarrow as well."""
    for allowed in numbers:
        typed_world.renew()
        outcome = typed_world.type_in_process(command, f"limit({limit!r}, {allowed})")
        assert not outcome.escaped, outcome.escaped
        assert outcome.code in (0, 1, 2), (allowed, outcome.error)
        assert (outcome.code == 2) == bool(re.search(r"^factlog: .", outcome.error, re.MULTILINE))


def test_ctrl_c_in_a_long_query_is_quiet(home: Path, tmp_path: Path) -> None:
    long = "SELECT sum(a.range * b.range) FROM range(10000000) AS a, range(10000000) AS b"
    (tmp_path / "here" / "e.ndjson").write_text("{}\n")
    script = f"""
        factlog land --quarantine-anyway e.ndjson 2> /dev/null
        set +e -m
        factlog query --archive '{long}' &
        used() {{
          read -r child < /proc/$!/task/$!/children; cut -d' ' -f14 "/proc/${{child:-none}}/stat"
        }} 2> /dev/null
        until [ "$(used)" -ge {IN_THE_QUERY} ] 2> /dev/null; do sleep 0.1; done
        kill -INT -$!; wait $!; exit $?
    """
    done = in_a_shell(script, home)
    assert done.returncode == INTERRUPTED, done.stderr
    # The shell tells of its job as well.
    assert [line for line in done.stderr.splitlines() if line and not line.startswith("[")] == [
        "factlog: interrupted; what the log names is complete, run the same command again"
    ]


@pytest.mark.parametrize(
    ("script", "code", "error"),
    [
        ("factlog contracts > /dev/full", 2, r"factlog: standard output: No space left on device; .*\n"),
        ("factlog contracts >&-", 0, ""),
        ("factlog contracts nope 2>&-", 2, ""),
        ("factlog contracts nope 2>/dev/full", 2, ""),
        ("PYTHONIOENCODING=ascii factlog contracts show translation.requested.v2 2>/dev/null", 0, ""),
        ("FACTLOG_HOME=~nobody-of-that-name/x factlog log", 2, r"factlog: FACTLOG_HOME=~nobody.*\n"),
    ],
)
def test_streams_that_are_full_closed_or_poor(home: Path, script: str, code: int, error: str) -> None:
    done = in_a_shell(f"set +e; {script}", home)
    assert done.returncode == code, done.stderr
    assert re.fullmatch(error, done.stderr), done.stderr


def test_no_stream_at_all_is_no_reason_to_fail(home: Path, tmp_path: Path) -> None:
    """A file that is opened while standard error is closed gets its number: notes went into the archive."""
    (tmp_path / "here" / "e.ndjson").write_text("{}\n")
    done = in_a_shell("factlog land --quarantine-anyway e.ndjson <&- >&- 2>&-; factlog verify", home)
    assert done.returncode == 0, done.stderr
    assert "1 commit(s)" in done.stdout


def test_a_home_above_the_current_folder(home: Path, tmp_path: Path) -> None:
    (tmp_path / "here" / "e.ndjson").write_text("{}\n")
    script = """
        export FACTLOG_HOME=../h
        factlog land --quarantine-anyway e.ndjson; factlog log
        factlog verify; factlog inbox; factlog clean; factlog quarantine
        factlog query --archive 'FROM events.all_events'; factlog published
    """
    done = in_a_shell(script, home)
    assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr
    assert (tmp_path / "h" / "archive" / "anchor.json").is_file()


@pytest.mark.parametrize(
    "error",
    [
        TypeError("no"),
        AssertionError("no"),
        ValueError("no"),
        RuntimeError("no"),
        duckdb.BinderException("Binder Error: no such column"),
        pa.ArrowInvalid("no"),
    ],
    ids=repr,
)
def test_a_fault_of_the_product_keeps_its_traceback(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(**_: object) -> None:
        raise error

    monkeypatch.setattr(entry, "main", fail)
    with pytest.raises(type(error)):
        run([])


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (
            OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/a/b"),
            r"/a/b: No space left on device; make room, .*",
        ),
        (OSError(errno.EIO, os.strerror(errno.EIO)), r"Input/output error; check its disk, .*"),
        (OSError("Unexpected end of stream"), r"Unexpected end of stream"),
        (MemoryError(), r"too little memory; .*"),
        (duckdb.OutOfMemoryException("Out of Memory Error: …"), r"too little memory; .*"),
        (duckdb.IOException('IO Error: Cannot open "/x": Permission denied'), r".*/x.*; give this user .*"),
        (duckdb.FatalException("FATAL Error: database has been invalidated"), r".*invalidated"),
        (duckdb.Error("don't know what type: \n\nLINE 1: SELECT"), r"don't know what type:"),
        (pa.ArrowInvalid("Could not open Parquet input source '/x'"), r".*'/x'"),
    ],
    ids=repr,
)
def test_what_the_world_does_is_worded(error: Exception, words: str) -> None:
    assert re.fullmatch(words, world_fault(error) or "")


def test_an_interruption_is_known_in_each_of_its_forms() -> None:
    forms = [
        KeyboardInterrupt(),
        RuntimeError("Query interrupted"),
        duckdb.InterruptException("INTERRUPT Error"),
    ]
    assert all(map(is_interruption, [*forms, click.Abort()]))
    torn = click.Abort()
    torn.__cause__ = EOFError("Compressed file ended")
    assert not any(map(is_interruption, [torn, RuntimeError("no"), UnusableInput("no"), OSError()]))
