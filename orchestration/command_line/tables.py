"""The layout of a table: columns side by side, in the width that there is.

Belongs here: which column gets how much, and what gives way where it is too narrow: first lines, which wrap
between words, then long words, which are shortened in the middle, then columns that a report can do without.
No word is ever broken. Not here: printing (`screen`), and how values become texts.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from rich.cells import cell_len, set_cell_size

GAP = 2
LONG_WORDS = (24, 16, 10)
"""To how many characters words are shortened: no more than has to be."""


@dataclass(frozen=True)
class TableColumn:
    """One column: its name and its cells as texts; numbers stand to the right."""

    name: str
    cells: Sequence[str]
    is_numeric: bool = False

    @property
    def natural(self) -> int:
        """The width in which nothing wraps."""
        return max(cell_len(line) for text in (self.name, *self.cells) for line in text.split("\n"))

    @property
    def least(self) -> int:
        """The width of the longest word."""
        return max((cell_len(word) for text in (self.name, *self.cells) for word in text.split()), default=0)

    def shortened(self, most: int) -> "TableColumn":
        """The same with long words shortened, which numbers have none of."""
        if self.is_numeric:
            return self
        return replace(self, cells=[shorten_words(cell, most) for cell in self.cells])


@dataclass(frozen=True)
class TableLayout:
    """A table as lines: a header that ends with a rule, a body, and the columns that it leaves out."""

    header: Sequence[str]
    body: Sequence[str]
    left_out: Sequence[str] = ()


def lay_out(
    columns: Sequence[TableColumn], width: int, *, may_cut: bool, droppable: Sequence[str] = ()
) -> TableLayout | None:
    """Lay a table out; None where it does not fit. `may_cut`: words may be shortened.

    `droppable`: what may be left out, the first first.
    """
    for most in (None, *(LONG_WORDS[:1] if may_cut else ())):
        if fitting := fit(columns, width, most):
            return render(*fitting)
    for left_out in range(1, len(droppable) + 1) if may_cut else ():
        gone = droppable[:left_out]
        if fitting := fit(without(columns, gone), width, LONG_WORDS[0]):
            return replace(render(*fitting), left_out=gone)
    for most in LONG_WORDS[1:] if may_cut else ():
        if fitting := fit(without(columns, droppable), width, most):
            return replace(render(*fitting), left_out=droppable)
    return None


def without(columns: Sequence[TableColumn], gone: Collection[str]) -> list[TableColumn]:
    """The columns but those of these names."""
    return [column for column in columns if column.name not in gone]


def fit(
    columns: Sequence[TableColumn], width: int, most: int | None
) -> tuple[Sequence[TableColumn], Sequence[int]] | None:
    """The columns, words of so many characters at most, and their widths; None where they are too wide."""
    fitting = [column.shortened(most) for column in columns] if most else columns
    spare = width - GAP * (len(fitting) - 1) - sum(column.least for column in fitting)
    return None if spare < 0 else (fitting, widths(fitting, spare))


def widths(columns: Sequence[TableColumn], spare: int) -> list[int]:
    """The longest word of each column, and what is spare, for who wants least of it first."""
    given = {place: column.least for place, column in enumerate(columns)}
    wanting = sorted(given, key=lambda place: columns[place].natural - columns[place].least)
    for number, place in enumerate(wanting):
        wants = columns[place].natural - given[place]
        # A part of what it wants would leave it as many lines: who can't have all leaves it to the last.
        share = min(wants, spare) if wants <= spare or number == len(wanting) - 1 else 0
        given[place] += share
        spare -= share
    return list(given.values())


def render(columns: Sequence[TableColumn], room: Sequence[int]) -> TableLayout:
    """The lines of a table whose columns are this wide."""
    names = [wrap(column.name, width) for column, width in zip(columns, room, strict=True)]
    height = max(map(len, names), default=0)
    header = [[""] * (height - len(lines)) + lines for lines in names]
    rule = "─" * (sum(room) + GAP * (len(room) - 1))
    body: list[str] = []
    for row in zip(*(column.cells for column in columns), strict=True):
        body += side_by_side(
            [wrap(cell, width) for cell, width in zip(row, room, strict=True)], columns, room
        )
    return TableLayout([*side_by_side(header, columns, room), rule], body)


def side_by_side(
    cells: Sequence[Sequence[str]], columns: Sequence[TableColumn], room: Sequence[int]
) -> list[str]:
    """The lines of one row, without blanks at their ends."""
    lines = []
    for number in range(max(map(len, cells), default=0)):
        parts = []
        for lines_of_cell, column, width in zip(cells, columns, room, strict=True):
            text = lines_of_cell[number] if number < len(lines_of_cell) else ""
            blanks = " " * (width - cell_len(text))
            parts.append(blanks + text if column.is_numeric else text + blanks)
        lines.append((" " * GAP).join(parts).rstrip())
    return lines


def wrap(text: str, width: int) -> list[str]:
    """The lines of a text, wrapped between words; what fits stays as it is."""
    wrapped: list[str] = []
    for line in text.expandtabs().split("\n"):
        if cell_len(line) <= width:
            wrapped.append(line)
            continue
        current = ""
        for word in line.split():
            if current and cell_len(current) + 1 + cell_len(word) > width:
                wrapped.append(current)
                current = word
            else:
                current = f"{current} {word}".strip()
        wrapped.append(current)
    return wrapped


def shorten_words(text: str, most: int) -> str:
    """A text whose long words lack their middle: how a name begins and ends tells most of it."""
    return "\n".join(
        line
        if all(cell_len(word) <= most for word in line.split())
        else " ".join(shorten_word(word, most) for word in line.split())
        for line in text.split("\n")
    )


def shorten_word(word: str, most: int) -> str:
    """A word without its middle."""
    if cell_len(word) <= most:
        return word
    begin = (most - 1) // 2
    end = most - 1 - begin
    tail = word[-end:]
    while cell_len(tail) > end:
        tail = tail[1:]
    return f"{set_cell_size(word, begin).rstrip()}…{tail}"
