"""What a function of our own gets, and what it becomes: SQL over arguments that are computed once.

Belongs here: arguments, and the SQL that fails with a line that says why. Not here: which functions there are
(`own_functions`), and casts (`exact_cast`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlglot import exp

from event_archive.errors import UnusableInput
from event_archive.expressions.sql_tree import call, let, own_sql
from event_archive.sql_text import literal, quoted

JSON = "JSON"


@dataclass(frozen=True)
class Argument:
    """A value that a function of ours gets: its tree, and DuckDB's name of its type."""

    tree: exp.Expr
    type: str


@dataclass(frozen=True)
class OwnSql:
    """SQL over `name(0)`, `name(1)` …: the value, what has to hold for it, and the sentence where it doesn't.

    `steps`: what is computed once, before it: each step is SQL over the arguments and the steps before,
    `name(0, 1)` … the values of the first step. Few steps: the engine plans what is nested deeply for long.
    """

    value: str
    test: str | None = None
    sentence: str = "NULL"
    steps: tuple[Sequence[str], ...] = ()

    def trees(self, arguments: Sequence[Argument], place: str, kind: str) -> tuple[exp.Expr, exp.Expr | None]:
        """Return the tree of the value, which fails where the test does not hold, and that of the reason."""
        if self.test is None:
            return self._over(arguments, self.value), None
        sentence = f"concat({literal(f'{place}: ')}, {self.sentence})"
        can_hold = kind in ("VARCHAR", JSON)  # the sentence; but no number can
        failing = f"CAST(CAST({sentence} AS BIGINT) AS {kind})" if can_hold else f"CAST({sentence} AS {kind})"
        value = f"CASE WHEN {self.test} THEN {self.value} ELSE {failing} END"
        reason = f"CASE WHEN NOT ({self.test}) THEN {self.sentence} END"
        return self._over(arguments, value), self._over(arguments, reason)

    def _over(self, arguments: Sequence[Argument], sql: str) -> exp.Expr:
        body = own_sql(sql)
        trees = [[argument.tree for argument in arguments]]
        trees += [[own_sql(part) for part in step] for step in self.steps]
        for step in reversed(range(len(trees))):
            body = let(_step(step), call("row", *trees[step]), body)
        return body


@dataclass(frozen=True)
class OwnFunction:
    """A function of ours: how many values it takes, the type it gives for theirs, and its SQL.

    `takes_json`: how many of its first values come to it as JSON, where they are, and not as text.
    `gives_json`: its SQL is a JSON value, which is read as text within an expression. `is_engines`: the
    engine has it too, and is asked for other counts of values. `make` raises UnusableInput.
    """

    fewest: int
    most: int
    gives: Callable[[Sequence[str]], str]
    make: Callable[[str, Sequence[Argument]], OwnSql]
    takes_json: int = 0
    gives_json: bool = False
    is_engines: bool = False

    def takes(self, count: int) -> bool:
        """Return whether it takes so many values."""
        return self.fewest <= count <= self.most

    def check_count(self, name: str, count: int) -> None:
        """Raise UnusableInput for a call with too few or too many values."""
        if not self.takes(count) and not self.is_engines:
            wanted = "1 value" if self.most == 1 else f"{self.fewest} to {self.most} values"
            wanted = f"{self.fewest} values" if 1 < self.fewest == self.most else wanted
            raise UnusableInput(f"{name} takes {wanted}, and has {count}")


def name(position: int, step: int = 0) -> str:
    """Return the SQL of an argument, or of a value of a step before it."""
    return f"struct_extract({quoted(_step(step))}, {position + 1})"


def _step(step: int) -> str:
    return f"the arguments {step}"  # a name that no column has


def shown(value: str) -> str:
    """Return SQL for a value as a reason shows it: quoted, printable and not too long."""
    return f"to_json(left(CAST({value} AS VARCHAR), 60))"


def constant_text(argument: Argument) -> str | None:
    """Return the text that an argument is written as; None for what is no constant text."""
    node = argument.tree
    return str(node.this) if isinstance(node, exp.Literal) and node.is_string else None
