"""Functions that the expression language has and the engine has not: each becomes plain SQL.

Belongs here: the list of them, the SQL of `hash_of`, and what a call of one is before it is SQL. Not here:
times (`own_times`), and the engine's functions that an expression may call (`allow_list`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlglot import exp

from event_archive.errors import UnusableInput
from event_archive.expressions.binder import Types
from event_archive.expressions.exact_cast import INTEGERS, TIMESTAMPTZ, kind_of
from event_archive.expressions.own_arguments import JSON, Argument, OwnFunction, OwnSql, name
from event_archive.expressions.own_json import PARSE, PART, lookup, parse_json, part_of
from event_archive.expressions.own_times import UNITS, engine_time, is_time, local_time, since_1970
from event_archive.expressions.sql_tree import decimal_text, own_sql

UTC_FORMAT = "%Y-%m-%dT%H:%M:%S.%fZ"
HASHED = INTEGERS | {"VARCHAR", "BOOLEAN", "DATE", "UUID", "DECIMAL", JSON, TIMESTAMPTZ, '"NULL"'}


def hash_of(function: str, arguments: Sequence[Argument]) -> OwnSql:
    """Return the SHA-256 of `[a,b,…]`: each value as JSON, nothing where it is absent; NULL where all are.

    No two lists of values have the same text, for a comma outside of a value is always one of these.
    """
    for argument in arguments:
        if kind_of(argument.type) not in HASHED:
            what = f"{argument.type}, which is not written the same for ever"
            raise UnusableInput(f"{function} can't use {what}; CAST it")
    parts = [_written(name(position), argument.type) for position, argument in enumerate(arguments)]
    is_there = " OR ".join(f"coalesce({part}, 'null') <> 'null'" for part in parts)
    joined = " || ',' || ".join(f"coalesce({part}, '')" for part in parts)
    return OwnSql(f"CASE WHEN {is_there} THEN sha256('[' || {joined} || ']') END")


def _written(value: str, kind: str) -> str:
    """Return SQL for the JSON text of a value, as the data of an event would have it."""
    if kind == TIMESTAMPTZ:
        value = f"strftime(timezone('UTC', {value}), '{UTC_FORMAT}')"
    if kind_of(kind) == "DECIMAL":
        return decimal_text(own_sql(value)).sql("duckdb")
    return f"CAST({value if kind == JSON else f'to_json({value})'} AS VARCHAR)"


def _always(kind: str) -> Callable[[Sequence[str]], str]:
    return lambda kinds: kind


OWN = {
    "hash_of": OwnFunction(1, 50, _always("VARCHAR"), hash_of, takes_json=50),
    **{unit: OwnFunction(1, 1, _always(TIMESTAMPTZ), since_1970) for unit in UNITS},
    "lookup": OwnFunction(2, 4, _always("VARCHAR"), lookup, takes_json=1, gives_json=True),
    PARSE: OwnFunction(1, 1, _always("VARCHAR"), parse_json, gives_json=True),
    PART: OwnFunction(2, 2, _always("VARCHAR"), part_of, takes_json=1, gives_json=True),
    "timezone": OwnFunction(
        2, 3, lambda kinds: "TIMESTAMP" if kinds[1] == TIMESTAMPTZ else TIMESTAMPTZ, local_time
    ),
    "to_timestamp": OwnFunction(1, 1, _always(TIMESTAMPTZ), engine_time),
    "make_timestamp": OwnFunction(1, 1, _always("TIMESTAMP"), engine_time, is_engines=True),
    "epoch_ms": OwnFunction(1, 1, lambda kinds: "BIGINT" if is_time(kinds[0]) else "TIMESTAMP", engine_time),
}
"""The functions by name. The engine has the last four, too, but takes an hour that exists twice as it likes,
and makes times that it can't write, which ends all of its work."""


def own_function(node: exp.Expr) -> OwnFunction | None:
    """Return the function of ours that a node calls; None where it calls none."""
    function = OWN.get(str(node.this)) if isinstance(node, exp.Anonymous) else None
    return function if function and function.takes(len(node.expressions)) else None


@dataclass(frozen=True)
class OwnTypes:
    """The types of expressions in which functions of ours are called, which the engine does not know."""

    types: Types

    def type_of(self, tree: exp.Expr) -> str:
        """Return DuckDB's name of the type of an expression; raises duckdb.Error where it has none."""
        return self.types.type_of(self._known(tree))

    def failure(self, tree: exp.Expr) -> str | None:
        """Return why an expression without columns fails; None where it gives a value."""
        return self.types.failure(self._known(tree))

    def _known(self, tree: exp.Expr) -> exp.Expr:
        return tree.transform(self._typed)

    def _typed(self, node: exp.Expr) -> exp.Expr:
        function = own_function(node)
        if function is None:
            return node
        gives = function.gives([self.type_of(child) for child in node.expressions])
        return own_sql(f"CAST(NULL AS {gives})")
