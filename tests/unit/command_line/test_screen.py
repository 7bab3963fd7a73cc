"""The screen: what reaches a terminal, and what does not."""

import sys

import pytest

from event_archive.wording import agree, format_count
from orchestration.command_line import screen


@pytest.fixture(name="terminal")
def terminal_of_colours(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    return monkeypatch


def test_a_terminal_sees_styles(terminal: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    screen.print_table("Title", ["name"], [("value",)])
    assert "\x1b[1mname" in capsys.readouterr().out


def test_no_color_means_no_control_sequence_at_all(
    terminal: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    terminal.setenv("NO_COLOR", "1")
    screen.print_table("Title", ["name"], [("value",)])
    screen.console().print("loud", style="bold red")
    with screen.show_progress("Working", 1.0) as show:
        show(0.5, "half")
    shown = capsys.readouterr()
    assert "Title" in shown.out and "loud" in shown.out
    assert "\x1b" not in shown.out + shown.err


def test_one_thing_is_one() -> None:
    assert [format_count(number, "contract") for number in (0, 1, 2, 12_000)] == [
        *("0 contracts", "1 contract"),
        *("2 contracts", "12,000 contracts"),
    ]
    assert [agree(number, "holds", "hold") for number in (0, 1, 2)] == ["hold", "holds", "hold"]
