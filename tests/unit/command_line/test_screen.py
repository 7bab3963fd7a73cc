"""The screen: what reaches a terminal, and what does not."""

import re
import sys
import time

import pytest

from event_archive.wording import agree, format_count
from orchestration.command_line import screen
from orchestration.command_line.progress import BYTES, format_left, format_rate, show_progress


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
    with show_progress("Working", 2, "files") as show:
        show(1, "half")
    shown = capsys.readouterr()
    assert "Title" in shown.out and "loud" in shown.out
    assert "\x1b" not in shown.out + shown.err


def test_one_thing_is_one() -> None:
    assert [format_count(number, "contract") for number in (0, 1, 2, 12_000)] == [
        *("0 contracts", "1 contract"),
        *("2 contracts", "12,000 contracts"),
    ]
    assert [agree(number, "holds", "hold") for number in (0, 1, 2)] == ["hold", "holds", "hold"]


def test_a_terminal_sees_how_far_it_is_how_fast_and_what_is_at_work(
    capsys: pytest.CaptureFixture[str], terminal: pytest.MonkeyPatch
) -> None:
    terminal.setenv("COLUMNS", "100")
    terminal.setattr(sys.stderr, "isatty", lambda: True)
    with show_progress("Checking", None, "files") as show:
        for number in range(1, 4):
            show(number, f"file \x07{number}", total=10)
            time.sleep(0.15)  # it is drawn ten times a second
    shown = capsys.readouterr()
    assert shown.out == ""
    assert re.search(r"Checking.* files/s \d+ s left .*file \\x073", shown.err), shown.err


def test_rates_and_times_left_are_told_in_words() -> None:
    assert [format_rate(speed, "files") for speed in (None, 0, 0.25, 9.4, 12_345.6)] == [
        *("", "", "0.2 files/s", "9.4 files/s"),
        "12,346 files/s",
    ]
    assert format_rate(12_345_678.0, BYTES) == "12.3 MB/s"
    assert [format_left(seconds) for seconds in (None, 0, 99, 100, 5999, 9000)] == [
        *("", "0 s left", "99 s left"),
        *("2 min left", "100 min left", "2.5 h left"),
    ]
