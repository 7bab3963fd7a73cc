"""SQL as text: names and values quoted.

Belongs here: quoting. Not here: what runs SQL (`engine`), queries, and SQL that a user wrote (`expressions`).
"""

from collections.abc import Iterable
from datetime import UTC, datetime


def quoted(name: str) -> str:
    """Return a name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Return a text as an SQL string literal."""
    return "'" + text.replace("'", "''") + "'"


def sql_list(texts: Iterable[str]) -> str:
    """Return texts as an SQL list of string literals."""
    return "[" + ", ".join(map(literal, texts)) + "]"


def tried(sql: str) -> str:
    """Return SQL that gives what `sql` gives, and NULL on the rows on which that fails.

    What stands twice in a query is computed once, and moved out of a bare TRY to where it stops the query on
    the first row that fails. Nothing is moved out of a lambda.
    """
    return f'list_extract(list_transform([0], lambda "tried": TRY({sql})), 1)'


def moment(time: datetime) -> str:
    """Return a moment, which has a time zone, as an SQL TIMESTAMPTZ."""
    return f"TIMESTAMPTZ {literal(time.astimezone(UTC).isoformat())}"
