"""What commands report: one JSON document with keys in snake_case, and lines without blanks at their ends."""

import json
import re
from collections.abc import Iterator

import click
import pytest

from orchestration.command_line.main import factlog, run
from support.typed_world import COMMANDS, TypedWorld

SNAKE = re.compile(r"[a-z][a-z0-9_]*")
OF_A_NAME = re.compile(r"[0-9-]+|.*[./ ].*")
"""Keys that are a day, the number of a commit, or the name of an event type, a table, a column or a place."""

WITHOUT = {"demo", "dev", "shell", "contracts export"}
"""Those whose output is what was asked for."""


def commands(group: click.Group = factlog, *path: str) -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from commands(command, *path, name)
        else:
            yield " ".join([*path, name]), command


REPORTING = [
    name for name, command in commands() if any("--json" in option.opts for option in command.params)
]


def wrong_keys(value: object) -> list[str]:
    """Keys that are not in snake_case, but for those that name something of the project."""
    if isinstance(value, list):
        return [key for each in value for key in wrong_keys(each)]
    if not isinstance(value, dict):
        return []
    own = [key for key in value if not SNAKE.fullmatch(key) and not OF_A_NAME.fullmatch(key)]
    return own + [key for each in value.values() for key in wrong_keys(each)]


def test_every_command_that_reports_does_so_for_programs() -> None:
    assert {name for name, _ in commands()} - {*REPORTING} == WITHOUT


def test_reports_are_one_document_for_programs_and_lines_without_blanks_for_people(
    typed_world: TypedWorld, capfd: pytest.CaptureFixture[str]
) -> None:
    typed_world.renew()
    for name in REPORTING:
        words = [word.replace("~", " ") for word in COMMANDS[name].split()]
        capfd.readouterr()
        code = run(words)
        lines = capfd.readouterr().out.splitlines()
        assert [line for line in lines if line != line.rstrip()] == [], name
        code = run([*words, "--json"])
        printed = capfd.readouterr()
        if code != 2:  # what was made already is not made again
            assert wrong_keys(json.loads(printed.out)) == [], name
