"""Numbers that DuckDB's JSON functions would write otherwise, carried past them as texts.

Belongs here: finding such numbers in a record, and marking and unmarking them. Not here: what is computed
from a record (`mapping`, `quarantine.repair`).

DuckDB keeps integers of any size, but writes a number with a fraction or an exponent anew, as a double:
`1.50` as `1.5`, `1e3` as `1000.0`, and one of more than 15 digits perhaps as another number. In a record that
has such numbers each is made a text that begins with a mark. Where it is copied it becomes the number again,
as it was written; an expression reads its digits; where it is not read, nothing happens to it.
"""

import re
import secrets

import pyarrow as pa
import pyarrow.compute as pc
from sqlglot import exp

from event_archive.expressions.sql_tree import READ_JSON, READ_TEXT, call, string

MARK = f"number {secrets.token_hex(16)} "
"""Begins a marked number. It is drawn anew by each process, so that no record can hold it."""

# Cheap to find: -0, an exponent, a last digit 0 (but for .0), a small number, and what is longer than others.
SUSPECT = re.compile(
    r"[:,\[\s]-?(?:(?<=-)0(?![.0-9])|[0-9]+(?:\.[0-9]+)?[eE]|[0-9]+\.[0-9]*0(?![0-9])(?<!\.0)"
    r"|0\.000|[0-9]+\.[0-9]+(?<=[0-9.]{16}))"
)
SUSPECT_IN_COLUMNS = r"[:,\[\s](-0|-?[0-9]+[.eE])"
"""Found wherever SUSPECT is, in the spelling of another engine, which has no look-around and is faster."""

TOKENS = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"|-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?')
MARKED = f'"{MARK}([^"]*)"'
KEPT = re.compile(r"-?(?:0|[1-9][0-9]*)\.(?:0|[0-9]*[1-9])")
MOST_KEPT = 16  # characters: a fraction of 15 digits is the shortest that its double has


def find_suspects(records: pa.ChunkedArray) -> list[int]:
    """Return the rows of those JSON texts that may have numbers to mark; hardly any has."""
    found = pc.match_substring_regex(records, SUSPECT_IN_COLUMNS)
    rows: list[int] = pc.indices_nonzero(found).to_pylist()
    return rows


def mark_numbers(record: str) -> str | None:
    """Return a record's JSON text with its numbers marked that would change; None where there are none."""
    if not SUSPECT.search(record):
        return None
    marked = TOKENS.sub(lambda token: _marked(token[0]), record)
    return marked if len(marked) > len(record) else None


def unmark_numbers(texts: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    """Return JSON texts with their marked numbers as they were written."""
    return pc.replace_substring_regex(texts, MARKED, r"\1")


def unmark_read_texts(tree: exp.Expr) -> exp.Expr:
    """Return SQL over a marked record that reads the digits of marked numbers, wherever it reads a text."""
    return tree.transform(lambda node: _unmarked(node) if _reads_text(node) else node)


def _reads_text(node: exp.Expr) -> bool:
    return isinstance(node, exp.Anonymous) and node.this in (READ_TEXT, READ_JSON)


def _unmarked(text: exp.Expr) -> exp.Expr:
    inside = call("regexp_replace", text, string(MARKED), string(r"\1"), string("g"))
    return call("replace", inside, string(MARK), string(""))


def _marked(token: str) -> str:
    return f'"{MARK}{token}"' if token[0] != '"' and _would_change(token) else token


def _would_change(number: str) -> bool:
    if not re.search(r"[.eE]", number):
        return number == "-0"
    is_small = number.lstrip("-").startswith("0.0000")
    return is_small or len(number) > MOST_KEPT or not KEPT.fullmatch(number)
