"""The layout of tables: it fits, breaks no word, and says what it left out."""

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from orchestration.command_line import screen
from orchestration.command_line.tables import TableColumn, TableLayout, lay_out, shorten_word

COMMITS = [
    TableColumn("sequence", ["1", "12"], is_numeric=True),
    TableColumn("kind", ["landing", "landing"]),
    TableColumn("landed at", ["2026-11-30 20:06:05", "2026-11-30 20:06:06"]),
    TableColumn("received", ["63,697", "5"], is_numeric=True),
    TableColumn("origin", ["/home/ada/events/core-2026-01-02.ndjson.gz and 43 other files", "events.ndjson"]),
]
TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Mn", "Me", "Cf"]), max_size=30)
NAME = st.text("abc de", min_size=1, max_size=12).map(str.strip).filter(bool)


def lines_of(width: int, *, may_cut: bool = True, droppable: tuple[str, ...] = ()) -> list[str]:
    layout = lay_out(COMMITS, width, may_cut=may_cut, droppable=droppable)
    assert layout
    return [*layout.header, *layout.body]


def test_what_fits_stands_side_by_side() -> None:
    assert lines_of(120) == [
        "sequence  kind     landed at            received  origin",
        "─" * 111,
        "       1  landing  2026-11-30 20:06:05    63,697  "
        "/home/ada/events/core-2026-01-02.ndjson.gz and 43 other files",
        "      12  landing  2026-11-30 20:06:06         5  events.ndjson",
    ]


def test_what_does_not_wraps_between_words_and_shortens_long_ones() -> None:
    assert lines_of(98) == [
        "sequence  kind     landed at            received  origin",
        "─" * 98,
        "       1  landing  2026-11-30 20:06:05    63,697  /home/ada/events/core-2026-01-02.ndjson.gz and",
        "                                                  43 other files",
        "      12  landing  2026-11-30 20:06:06         5  events.ndjson",
    ]
    assert "/home/ada/e…02.ndjson.gz" in "\n".join(lines_of(66))


def test_what_a_report_can_do_without_is_left_out_and_named() -> None:
    layout = lay_out(COMMITS, 60, may_cut=True, droppable=["kind", "received"])
    assert layout and layout.left_out == ["kind"]
    assert all(cell_len(line) <= 60 for line in layout.header)
    assert "landing" not in "\n".join(layout.body)
    assert lay_out(COMMITS, 30, may_cut=True, droppable=["kind"]) is None


def test_a_pipe_cuts_nothing(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    path = "/a" * 90
    screen.print_table(None, ["path", "again"], [(path, path)], droppable=["path"])
    assert capsys.readouterr().out.splitlines()[-1] == f"{path}  {path}"


def test_a_narrow_screen_gets_records_where_nothing_may_be_cut(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    path = "/a" * 40
    screen.print_table("Paths", ["path", "again"], [(path, "x")], may_cut=False)
    assert capsys.readouterr().out == f"Paths\n-- 1\npath   {path}\nagain  x\n"


def test_a_long_word_keeps_its_begin_and_end() -> None:
    assert shorten_word("core-2026-01-02.ndjson", 11) == "core-…djson"
    assert shorten_word("short", 11) == "short"
    assert cell_len(shorten_word("日本語日本語日本語", 8)) <= 8


@given(
    st.lists(st.tuples(NAME, st.lists(TEXT, min_size=2, max_size=2), st.booleans()), min_size=1, max_size=5),
    st.integers(20, 120),
    st.booleans(),
)
def test_a_table_fits_and_no_word_is_broken(
    drawn: list[tuple[str, list[str], bool]], width: int, may_cut: bool
) -> None:
    columns = [TableColumn(name, cells, is_numeric) for name, cells, is_numeric in drawn]
    layout = lay_out(columns, width, may_cut=may_cut)
    whole = lay_out(columns, sys.maxsize, may_cut=False)
    assert whole
    if layout is None:
        return
    lines = [*layout.header[:-1], *layout.body]
    assert all(cell_len(line) <= width and line == line.rstrip() for line in lines)
    words = {word for column in columns for text in (column.name, *column.cells) for word in text.split()}
    shown = " ".join(lines).split()
    assert all(word in words or "…" in word for word in shown)
    assert may_cut or sorted(shown) == sorted(words_of(whole))


def words_of(layout: TableLayout) -> list[str]:
    return " ".join([*layout.header[:-1], *layout.body]).split()
