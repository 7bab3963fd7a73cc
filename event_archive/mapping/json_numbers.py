"""Numbers that DuckDB's JSON functions would change, carried past them as texts.

Belongs here: finding such numbers in a record, and marking and unmarking them. Not here: what is computed
from a record (`mapping`, `quarantine.repair`).

DuckDB keeps integers of any size, but writes a number with a fraction or an exponent anew, as a double: one
of more than 15 digits, or of an extreme size, may come back as another number. In a record that has such
numbers each is made a text that begins with a mark. Where it is copied it becomes the number again, as it was
written; an expression reads its digits; where it is not read, nothing happens to it.
"""

import re
import secrets
from decimal import Decimal, DecimalException

from sqlglot import exp

from event_archive.expressions.sql_tree import call, string

MARK = f"number {secrets.token_hex(16)} "
"""Begins a marked number. It is drawn anew by each process, so that no record can hold it."""

READ_TEXT = "json_extract_string"
"""The function by which expressions read a field."""

SUSPECT = re.compile(r"[0-9.]{16}|[0-9][eE][+-]?[0-9]{3,}")  # cheap to find, and rare
TOKENS = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"|-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?')
MARKED = re.compile(f'"{MARK}([^"]*)"')
LONG = 40  # a number so long is marked without a look at its value


def mark_numbers(record: str) -> str | None:
    """Return a record's JSON text with its numbers marked that would change; None where there are none."""
    if not SUSPECT.search(record):
        return None
    marked = TOKENS.sub(lambda token: _marked(token[0]), record)
    return marked if len(marked) > len(record) else None


def unmark_numbers(text: str) -> str:
    """Return a JSON text with its marked numbers as they were written."""
    return MARKED.sub(r"\1", text)


def unmark_read_texts(tree: exp.Expr) -> exp.Expr:
    """Return SQL over a marked record that reads the digits of marked numbers, wherever it reads a text."""
    return tree.transform(lambda node: _unmarked(node) if _reads_text(node) else node)


def _reads_text(node: exp.Expr) -> bool:
    return isinstance(node, exp.Anonymous) and node.this == READ_TEXT


def _unmarked(text: exp.Expr) -> exp.Expr:
    inside = call("regexp_replace", text, string(MARKED.pattern), string(r"\1"), string("g"))
    return call("replace", inside, string(MARK), string(""))


def _marked(token: str) -> str:
    return f'"{MARK}{token}"' if token[0] != '"' and _would_change(token) else token


def _would_change(number: str) -> bool:
    if not re.search(r"[.eE]", number):
        return False
    try:
        return len(number) > LONG or Decimal(number) != Decimal(repr(float(number)))
    except DecimalException:
        return True
