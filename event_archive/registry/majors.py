"""The majors of one event type: older events read as the newest through the chain of upcasts.

Belongs here: finding the events that can't take a step of that chain. Not here: the steps (`contract`), their
SQL (`upcast_compiler`) and the view (`views`).
"""

import duckdb

from event_archive.expressions.exact_cast import refusal
from event_archive.registry.column_types import ColumnType, Struct
from event_archive.registry.contract import Contract, Contracts
from event_archive.sql_text import literal, tried

UnreadableRows = list[tuple[int, str]]
"""Row numbers (`n`), each with why, in one line."""


def find_unreadable(
    connection: duckdb.DuckDBPyConnection, events: str, contracts: Contracts, contract: Contract
) -> UnreadableRows:
    """Find the rows of a relation of typed events (`n`, `data`) that do not read as the newest major.

    What can't be read must not land: every refresh from then on would fail on it.
    """
    unreadable: UnreadableRows = []
    for newer in contracts.majors(contract.view_name):
        if newer.major <= contract.major:
            continue
        step = contracts.upcast(newer)
        absent = " OR ".join(["read IS NULL", *_absent(newer.data_type)])
        rows = connection.execute(
            f"SELECT n FROM (SELECT n, {tried(step)} AS read FROM {events}) WHERE {absent} ORDER BY n"
        ).fetchall()
        unreadable += [
            (row, f"does not read as {newer.type}: {_why(connection, events, step, row)}") for (row,) in rows
        ]
        left = f" WHERE n NOT IN ({', '.join(str(int(row)) for (row,) in rows)})" if rows else ""
        events = f"(SELECT n, {step} AS data FROM {events}{left})"
    return unreadable


def _absent(kind: ColumnType) -> list[str]:
    """Return SQL tests for required fields that have no value."""
    fields = kind.fields if isinstance(kind, Struct) else ()
    return [
        f"struct_extract(read, {literal(part.name)}) IS NULL"
        for part in fields
        if part.required and not part.nullable
    ]


def _why(connection: duckdb.DuckDBPyConnection, events: str, step: str, row: int) -> str:
    try:
        connection.execute(f"SELECT {step} FROM {events} WHERE n = {int(row)}").fetchall()
    except duckdb.Error as error:
        return refusal(str(error))
    return "a required field has no value"
