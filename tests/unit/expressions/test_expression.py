"""The expression language: what it says, and that nothing outside of its allow-list comes through."""

import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from event_archive import UnusableInput
from event_archive.expressions.allow_list import FUNCTIONS
from event_archive.expressions.expression import parse_expression
from support.expressions import TypedRow, plain_value
from support.hunting import examples

RECORD: dict[str, Any] = {
    "a": "Ada/Lantern",
    "b": "12",
    "c": None,
    "order": "first",
    "odd name": "x",
    "list": '["p", "q"]',
    "at": "2015-03-01 08:00:00",
}
OPERATORS = {
    "+",
    "-",
    "*",
    "/",
    "//",
    "%",
    "||",
    "~~",
    "!~~",
    "~~*",
    "!~~*",
    "like_escape",
    "not_like_escape",
}
OPERATORS |= {"ilike_escape", "not_ilike_escape"}
OF_EXACT_CASTS = {"list_transform", "list_value", "array_extract", "regexp_full_match", "to_json", "isfinite"}
"""What an exact cast calls besides functions that an expression may call too."""
OF_OUR_OWN = {"row", "struct_extract", "epoch_us", "make_timestamptz", "list_filter", "len", "json_valid"}
OF_OUR_OWN |= {
    "json",
    "json_type",
    "json_extract",
    "json_extract_string",
    "regexp_extract_all",
    "array_to_string",
}
"""What functions of our own come to, besides."""


@pytest.fixture(name="row", scope="module")
def row_of_texts() -> Iterator[TypedRow]:
    """A row of text columns, in a DuckDB that can reach no file."""
    record = TypedRow({name: ("VARCHAR", value) for name, value in RECORD.items()})
    yield record
    record.close()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a", "Ada/Lantern"),
        ('"odd name"', "x"),
        ("order", "first"),
        ("'user/' || lower(a)", "user/ada/lantern"),
        ("'it''s'", "it's"),
        ("split_part(a, '/', 2)", "Lantern"),
        ("string_split(a, '/')[2]", "Lantern"),
        ("CAST(b AS BIGINT) + 1", 13),
        ("b::BIGINT // 5", 2),
        ("TRY_CAST(a AS BIGINT)", None),
        ("coalesce(c, a, 'none')", "Ada/Lantern"),
        ("nullif(b, '12')", None),
        ("CASE b WHEN '12' THEN 'dozen' ELSE 'other' END", "dozen"),
        ("CASE WHEN c IS NULL AND NOT b = '13' THEN TRUE END", True),
        ("b IN ('11', '12')", True),
        ("b NOT IN ('11', '12')", False),
        ("b BETWEEN '10' AND '13'", True),
        ("a LIKE 'Ada%' OR a ILIKE 'bob%'", True),
        ("a LIKE 'Ada!%' ESCAPE '!'", False),
        ("c IS DISTINCT FROM b", True),
        ("c IS NOT DISTINCT FROM NULL", True),
        ("regexp_extract(a, '([A-Z][a-z]+)/', 1)", "Ada"),
        ("json_array_length(list)", 2),
        ("strftime(strptime(at, '%Y-%m-%d %H:%M:%S') + to_days(1), '%d.%m.%Y')", "02.03.2015"),
        ("-(1 + 2) * 3", -9),
        ("sha256(b) = sha256('12')", True),
    ],
)
def test_an_expression_gives_its_value(row: TypedRow, text: str, expected: Any) -> None:
    assert row.value(text) == expected


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("payload.issue.number", ("payload", "issue", "number")),
        ("a.b.c.d.e.f", ("a", "b", "c", "d", "e", "f")),
        ("payload.pages[1].title", ("payload", "pages", 1, "title")),
        ("payload['x y'][2]", ("payload", "x y", 2)),
        ("payload.order.from.case", ("payload", "order", "from", "case")),
        ("user.login", ("user", "login")),
        ("list[1].array[2]", ("list", 1, "array", 2)),
        ('"List"[1]', ("List", 1)),
        ("a.list", ("a", "list")),
        ('"current_date"', ("current_date",)),
        ("distinct", ("distinct",)),
    ],
)
def test_a_lone_field_is_a_path(text: str, path: tuple[str | int, ...]) -> None:
    assert parse_expression(text).path == path


REFUSED = {
    "read_csv('/etc/passwd')": "function read_csv at column 1",
    "lower(read_text('/etc/passwd'))": "function read_text at column 7",
    "getenv('HOME')": "function getenv",
    "current_setting('threads')": "function current_setting",
    "getvariable('x')": "function getvariable",
    "random()": "function random",
    "now()": "function now",
    "nextval('s')": "function nextval",
    "CURRENT_TIMESTAMP": "another value at every run",
    "current_date": "another value at every run",
    "(SELECT 1)": "column",
    "a IN (SELECT b FROM record)": "column",
    "EXISTS(SELECT 1)": "function exists",
    "columns(*)": "function columns",
    "*": "star",
    "a.*": "column",
    "concat(*)": "star",
    "count(DISTINCT a)": "function count",
    "lower(DISTINCT a)": "not a SQL expression",
    "sum(b) OVER ()": "function sum",
    "list_transform(a, lambda x: x)": "function list_transform",
    "x -> x + 1": "`->` at column 3",
    "lambda x: x": "`:` at column 9",
    "?": "`?` at column 1",
    "$1": "`$1` at column 1",
    ":name": "`:` at column 1",
    "a; DROP TABLE record": "`;` at column 2",
    "--": "nothing but a comment",
    "a -- b": "comment",
    "a /* b */": "comment",
    "{'a': 1}": "`{` at column 1",
    "[1, 2]": "array",
    "(a, b)": "tuple",
    "a AS b": "not a SQL expression",
    "a, b": "not a SQL expression",
    "PRAGMA version": "not a SQL expression",
    "main.lower(a)": "dot",
    "a.lower()": "dot",
    '"lower"(a)': "quoted name",
    "call_lower(a)": "function call_lower",
    "CAST(a AS TIMESTAMP)": "type TIMESTAMP",
    "CAST(a AS BIGINT[])": "type",
    "CAST(a AS DECIMAL(39, 2))": "type DECIMAL(39, 2)",
    "CAST(a AS read_csv('x'))": "type",
    "INTERVAL 1 DAY": "not a SQL expression",
    "E'\\n'": "at column 1",
    "$$a$$": "at column 1",
    "a[0]": "positions are 1, 2, 3",
    "a IS b": "is",
    "a IN ()": "in",
    "'open": "quote left open",
    "": "empty",
    "a\x00b": "control character at column 2",
    "NOT " * 900 + "a": "deeper than 32",
    "(" * 900 + "a" + ")" * 900: "deeper than 32",
    "- " * 900 + "a": "deeper than 32",
    "||".join("a" * 500): "deeper than 100",
    "a" * 5000: "too many",
}


@pytest.mark.parametrize(("text", "reason"), REFUSED.items(), ids=[text[:30] for text in REFUSED])
def test_what_is_not_listed_is_refused_in_one_line(text: str, reason: str) -> None:
    with pytest.raises(UnusableInput) as refusal:
        parse_expression(text)
    message = str(refusal.value)
    assert reason in message
    assert len(message.splitlines()) == 1


def functions_and_nodes(connection: duckdb.DuckDBPyConnection, sql: str) -> tuple[set[str], set[str]]:
    """What DuckDB's own parser sees in an expression."""
    [(text,)] = connection.execute("SELECT json_serialize_sql(?)", [f"SELECT {sql}"]).fetchall()
    tree = json.loads(text)
    assert not tree["error"], tree
    [statement] = tree["statements"]
    [expression] = statement["node"]["select_list"]
    assert statement["node"]["from_table"]["type"] == "EMPTY"
    functions: set[str] = set()
    kinds: set[str] = set()
    pending: list[Any] = [expression]
    while pending:
        node = pending.pop()
        if isinstance(node, dict):
            kinds.add(str(node.get("class")))
            if "function_name" in node:
                functions.add(node["function_name"])
                assert not node["schema"] and not node["distinct"] and not node["filter"]
            pending.extend(node.values())
        elif isinstance(node, list):
            pending.extend(node)
    return functions, kinds


WORDS = [*sorted(FUNCTIONS), "read_csv", "getenv", "random", "query", "sum", "list_transform", "columns"]
WORDS += [
    "SELECT",
    "FROM",
    "CASE",
    "WHEN",
    "THEN",
    "ELSE",
    "END",
    "AND",
    "OR",
    "NOT",
    "IN",
    "IS",
    "NULL",
    "AS",
]
WORDS += [
    "CAST",
    "TRY_CAST",
    "LIKE",
    "BETWEEN",
    "DISTINCT",
    "OVER",
    "FILTER",
    "lambda",
    "INTERVAL",
    "COLLATE",
]
WORDS += [
    *"()[]{},.+-*/%;:?$@#^~|<>=!",
    "||",
    "::",
    "->",
    "->>",
    "--",
    "/*",
    "*/",
    "'",
    '"',
    "'x'",
    '"y"',
    "1",
    "2.5",
]
WORDS += [
    "a",
    "b",
    "c",
    "order",
    "BIGINT",
    "DECIMAL(9,2)",
    "VARCHAR",
    "DATE",
    "E'",
    "$$",
    "\\",
    "é",
    "\n",
    "1e5",
]


def atoms() -> st.SearchStrategy[str]:
    return st.sampled_from(
        ["a", "b", "c", "order.x", "1", "2.5", "'it''s'", "''", "NULL", "TRUE", '"odd name"']
    )


def larger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    pair = st.tuples(
        inner, st.sampled_from(["+", "||", "=", "<", "AND", "OR", "LIKE", "IS DISTINCT FROM"]), inner
    )
    called = st.tuples(st.sampled_from(sorted(FUNCTIONS)), st.lists(inner, min_size=1, max_size=3))
    return st.one_of(
        pair.map(lambda parts: f"({' '.join(parts)})"),
        called.map(lambda parts: f"{parts[0]}({', '.join(parts[1])})"),
        inner.map(lambda text: f"(CASE WHEN {text} IS NULL THEN 1 ELSE {text} END)"),
        inner.map(lambda text: f"TRY_CAST({text} AS BIGINT)"),
        inner.map(lambda text: f"({text})::VARCHAR"),
        st.tuples(inner, inner).map(lambda both: f"({both[0]} IN ({both[1]}, 'x'))"),
    )


GRAMMATICAL = st.recursive(atoms(), larger, max_leaves=8)
HOSTILE = st.lists(st.sampled_from(WORDS), min_size=1, max_size=12).map(" ".join)
GLUED = st.lists(st.sampled_from(WORDS), min_size=1, max_size=8).map("".join)


@settings(max_examples=examples(400), deadline=None)
@given(st.one_of(GRAMMATICAL, HOSTILE, GLUED, st.text(max_size=30)))
def test_whatever_is_accepted_holds_only_what_is_listed(row: TypedRow, text: str) -> None:
    try:
        sql = row.compiled(text).value.sql("duckdb")
    except UnusableInput as error:
        assert len(str(error).splitlines()) == 1
        return
    except duckdb.Error:
        return  # types that don't go together: found when the file is read
    functions, kinds = functions_and_nodes(row.engine, sql)
    assert functions <= FUNCTIONS | OPERATORS | OF_EXACT_CASTS | OF_OUR_OWN
    assert not kinds & {"SUBQUERY", "WINDOW", "STAR", "PARAMETER", "COLLATE", "POSITIONAL_REFERENCE"}
    assert "LAMBDA" not in kinds or "list_transform" in functions
    # A value that can't be is the record's fault, not the language's.
    with suppress(duckdb.ConversionException, duckdb.InvalidInputException, duckdb.OutOfRangeException):
        row.one(sql)


@settings(max_examples=examples(200), deadline=None)
@given(GRAMMATICAL)
def test_an_expression_means_what_duckdb_means_by_it(row: TypedRow, text: str) -> None:
    """It gives what the text itself gives over the same row, or it fails, or DuckDB does."""
    try:
        value = row.value(text)
    except (duckdb.Error, UnusableInput):
        return
    plain = plain_value(row, text.replace("order.x", "NULL"))
    if "TRY_CAST" not in text and not isinstance(plain, type):
        assert value == plain
