"""A trial of events of older majors: a batch is read as the proposed major, one upcast at a time.

Belongs here: running the upcasts, and which field fails where one does. Not here: events of the proposed
major itself (`trial`), and faults under its schema (`trial_faults`).
"""

from collections.abc import Iterator

import duckdb
import pyarrow as pa

from event_archive.engine import Relations
from event_archive.evolution.trial_faults import Fault, contract_fault
from event_archive.evolution.trial_result import EXAMPLES, Row
from event_archive.expressions.exact_cast import refusal
from event_archive.registry.column_types import Struct
from event_archive.registry.contract import Contract, Contracts
from event_archive.registry.exact_values import from_column
from event_archive.registry.upcast_compiler import field_sql
from event_archive.sql_text import tried


def try_older_major(
    connection: duckdb.DuckDBPyConnection,
    table: pa.Table,
    landed: Contract,
    proposed: Contracts,
    proposal: Contract,
) -> Iterator[tuple[Row, Fault]]:
    """Run the upcasts of a batch, one major at a time; what fails is looked at field by field."""
    rows = table.select(["event_id", "source"]).to_pylist()
    with Relations(connection) as relations:
        events = _typed(relations, table, landed)
        older = landed
        for newer in proposed.majors(proposal.view_name):
            if not older.major < newer.major <= proposal.major:
                continue
            step = f"SELECT n, {tried(proposed.upcast(newer))} AS data FROM {events}"
            upcast = relations.create("upcast", step)
            for number, fault in _failures(connection, older, newer, events, upcast):
                yield rows[number], fault
            events = relations.create("events", f"SELECT * FROM {upcast} WHERE data IS NOT NULL")
            older = newer
        query = f"SELECT n, data FROM {events} ORDER BY n"
        for row in connection.sql(query).to_arrow_table().to_pylist():
            rejected = contract_fault(proposal, from_column(proposal.data_type, row["data"]))
            if rejected is not None:
                yield rows[row["n"]], rejected


def _typed(relations: Relations, table: pa.Table, landed: Contract) -> str:
    """Make a table of the events' `n` and `data`, typed as their contract has it; returns its name."""
    batch = relations.register("batch", table.select(["n", "data"]))
    data = f"CAST(data AS {landed.data_type.sql()})"
    return relations.create("events", f"SELECT n, {data} AS data FROM {batch}")


def _failures(
    connection: duckdb.DuckDBPyConnection, older: Contract, newer: Contract, events: str, upcast: str
) -> Iterator[tuple[int, Fault]]:
    """Yield the events that have no data in the table `upcast`, each with the first field that fails."""
    unreadable = f"SELECT n FROM {upcast} WHERE data IS NULL"
    if connection.execute(f"{unreadable} LIMIT 1").fetchone() is None:
        return
    with Relations(connection) as relations:
        failed = relations.create("failed", f"SELECT * FROM {events} SEMI JOIN ({unreadable}) USING (n)")
        yield from _explain(connection, older, newer, failed)


def _explain(
    connection: duckdb.DuckDBPyConnection, older: Contract, newer: Contract, failed: str
) -> Iterator[tuple[int, Fault]]:
    """Yield the events of the table `failed`, each with the first field that does not read as `newer`."""
    assert newer.upcast is not None and isinstance(newer.data_type, Struct)
    fields = field_sql(newer.upcast, older.data_type, newer.data_type, "data")
    # A value may well be NULL; a struct around it is NULL only where the value can't be computed.
    tests = ", ".join(f"{tried(f'struct_pack(field := {sql})')} IS NULL" for sql in fields.values())
    explained: dict[str, int] = {}
    for number, *fails in connection.execute(f"SELECT n, {tests} FROM {failed} ORDER BY n").fetchall():
        name = next((name for name, does in zip(fields, fails, strict=True) if does), "")
        explained[name] = explained.get(name, 0) + 1
        shown = name and explained[name] <= EXAMPLES
        detail = _why(connection, fields[name], failed, number) if shown else ""
        yield (
            number,
            Fault(f"data.{name}" if name else "data", f"does not read as {newer.type}", None, detail),
        )


def _why(connection: duckdb.DuckDBPyConnection, sql: str, failed: str, number: int) -> str:
    """Return the engine's error for the one value that fails."""
    try:
        connection.execute(f"SELECT {sql} FROM {failed} WHERE n = {int(number)}").fetchall()
    except duckdb.Error as error:
        return refusal(str(error))
    return ""
