"""A trial of events of older majors: a batch is read as the proposed major, one upcast at a time.

Belongs here: running the upcasts, and which field fails where one does. Not here: events of the proposed
major itself (`trial`), and faults under its schema (`trial_faults`).
"""

from collections.abc import Iterator

import duckdb
import pyarrow as pa

from event_archive.evolution.trial_faults import Fault, contract_fault
from event_archive.evolution.trial_result import EXAMPLES, Row
from event_archive.registry.column_types import Struct
from event_archive.registry.contract import Contract, Contracts
from event_archive.registry.exact_values import from_column
from event_archive.registry.majors import step_sql
from event_archive.registry.upcast_compiler import field_sql


def try_older_major(
    connection: duckdb.DuckDBPyConnection,
    table: pa.Table,
    landed: Contract,
    proposed: Contracts,
    proposal: Contract,
) -> Iterator[tuple[Row, Fault]]:
    """Run the upcasts of a batch, one major at a time; what fails is looked at field by field."""
    rows = table.select(["event_id", "source"]).to_pylist()
    connection.register("landed", table.select(["n", "data"]))
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE events AS SELECT n, CAST(data AS {landed.data_type.sql()}) AS data "
        "FROM landed"
    )
    connection.unregister("landed")
    older = landed
    for newer in proposed.majors(proposal.view_name):
        if not older.major < newer.major <= proposal.major:
            continue
        connection.execute(
            f"CREATE OR REPLACE TEMP TABLE read AS SELECT n, TRY({step_sql(proposed, newer)}) AS data "
            "FROM events"
        )
        for number, fault in _failures(connection, older, newer):
            yield rows[number], fault
        connection.execute("CREATE OR REPLACE TEMP TABLE events AS SELECT * FROM read WHERE data IS NOT NULL")
        older = newer
    for row in connection.sql("SELECT n, data FROM events ORDER BY n").to_arrow_table().to_pylist():
        rejected = contract_fault(proposal, from_column(proposal.data_type, row["data"]))
        if rejected is not None:
            yield rows[row["n"]], rejected


def _failures(
    connection: duckdb.DuckDBPyConnection, older: Contract, newer: Contract
) -> Iterator[tuple[int, Fault]]:
    """The events that failed between the tables `events` and `read`, each by its first field."""
    ((failed,),) = connection.execute("SELECT count(*) FROM read WHERE data IS NULL").fetchall()
    if not failed:
        return
    assert newer.upcast is not None and isinstance(newer.data_type, Struct)
    fields = field_sql(newer.upcast, older.data_type, newer.data_type, "data")
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE failed AS SELECT * FROM events SEMI JOIN "
        "(SELECT n FROM read WHERE data IS NULL) USING (n)"
    )
    # A value may well be NULL; a struct around it is NULL only where the value can't be computed.
    tests = ", ".join(f"TRY(struct_pack(one := {sql})) IS NULL" for sql in fields.values())
    explained: dict[str, int] = {}
    for number, *fails in connection.execute(f"SELECT n, {tests} FROM failed ORDER BY n").fetchall():
        name = next((name for name, does in zip(fields, fails, strict=True) if does), "")
        explained[name] = explained.get(name, 0) + 1
        shown = name and explained[name] <= EXAMPLES
        detail = _why(connection, fields[name], number) if shown else ""
        yield (
            number,
            Fault(f"data.{name}" if name else "data", f"does not read as {newer.type}", None, detail),
        )


def _why(connection: duckdb.DuckDBPyConnection, sql: str, number: int) -> str:
    """What the engine says of the one value that fails."""
    try:
        connection.execute(f"SELECT {sql} FROM failed WHERE n = {int(number)}").fetchall()
    except duckdb.Error as error:
        return str(error).splitlines()[0]
    return ""
