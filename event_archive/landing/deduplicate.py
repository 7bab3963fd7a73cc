"""Duplicates: events that are there already, in the batch or the archive, and those that only seem to be.

Belongs here: finding records whose (source, id) is taken, and telling a repetition (the same content) from a
conflict (other content). Not here: judging a record by itself (`judge`).

The search is by hash of (source, id), which is cheap and may only find too many; what it finds is compared
exactly. The first landed stands; within a batch, the first in the input.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import duckdb

from event_archive.envelope import CORRECTIONS
from event_archive.landing.segment_file import event_columns
from event_archive.registry.contract import Contract
from event_archive.registry.exact_values import from_column, with_unnamed
from event_archive.sql_text import literal, sql_list
from event_archive.store.key_index import KEY, KeyIndex

Landed = Sequence[tuple[str, str]]  # (file, event type) of segments to compare with
# No row, but the columns that a file without corrections does not have.
NO_CORRECTIONS = f"SELECT {', '.join(f'CAST(NULL AS VARCHAR) AS {name}' for name in CORRECTIONS)} WHERE FALSE"


@dataclass
class Repeated:
    """Rows of a chunk that are not new: `duplicates` by table, `conflicts` as (table, row, what it met)."""

    duplicates: dict[str, list[int]] = field(default_factory=dict)
    conflicts: list[tuple[str, int, str]] = field(default_factory=list)

    def rows(self, table: str) -> list[int]:
        """All rows of one table that are not new."""
        return self.duplicates.get(table, []) + [row for name, row, _ in self.conflicts if name == table]


def find_repeated(
    connection: duckdb.DuckDBPyConnection, tables: Mapping[str, Contract], index: KeyIndex
) -> Repeated:
    """Compare the typed tables of a chunk with one another and with what landed before."""
    if not tables:
        return Repeated()
    keys = " UNION ALL ".join(f"SELECT {KEY} AS h FROM {name}" for name in tables)
    connection.execute(f"CREATE OR REPLACE TEMP TABLE keys AS {keys}")
    found = index.find("keys")
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE suspects AS SELECT h FROM found_keys "
        "UNION SELECT h FROM keys GROUP BY h HAVING count(*) > 1"
    )
    ((suspects,),) = connection.execute("SELECT count(*) FROM suspects").fetchall()
    if not suspects:
        return Repeated()
    return _resolve(connection, tables, [index.files[number] for number in sorted(found)])


def _resolve(
    connection: duckdb.DuckDBPyConnection, tables: Mapping[str, Contract], landed: Landed
) -> Repeated:
    """Pair each suspect row with the event that stands in its place, then compare each pair."""
    _pair(connection, tables, landed)
    repeated = Repeated()
    for name, contract in tables.items():
        met = connection.execute(
            "SELECT DISTINCT met_type, met_table FROM pairs WHERE name = ?", [name]
        ).fetchall()
        for met_type, met_table in met:
            if met_type != contract.type:
                rows = connection.execute(
                    "SELECT n FROM pairs WHERE name = ? AND met_type = ?", [name, met_type]
                ).fetchall()
                repeated.conflicts += [(name, row, f"an event of type {met_type}") for (row,) in rows]
            else:
                _compare(connection, name, contract, met_table, landed, repeated)
    return repeated


def _pair(connection: duckdb.DuckDBPyConnection, tables: Mapping[str, Contract], landed: Landed) -> None:
    """Make the table `pairs`: each row of a chunk that is not the first of its key, and what stands there.

    `met_table` and `met_row` are of an earlier row in the chunk, NULL for an event in the files of
    `met_type`.
    """
    suspects = " UNION ALL ".join(
        f"SELECT {literal(name)} AS name, {literal(contract.type)} AS type, n, source, event_id "
        f"FROM {name} WHERE {KEY} IN (SELECT h FROM suspects)"
        for name, contract in tables.items()
    )
    connection.execute(f"CREATE OR REPLACE TEMP TABLE rows AS {suspects}")
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE standing (source VARCHAR, event_id VARCHAR, type VARCHAR)"
    )
    for event_type in sorted({segment_type for _, segment_type in landed}):
        files = sql_list(file for file, segment_type in landed if segment_type == event_type)
        connection.execute(
            f"INSERT INTO standing SELECT source, event_id, {literal(event_type)} "
            f"FROM read_parquet({files}) SEMI JOIN rows USING (source, event_id)"
        )
    connection.execute(
        """
        CREATE OR REPLACE TEMP TABLE pairs AS
        WITH firsts AS (
            SELECT source, event_id, min(n) AS n, arg_min(name, n) AS name, arg_min(type, n) AS type
            FROM rows GROUP BY ALL
        )
        SELECT
            rows.name, rows.n,
            coalesce(standing.type, firsts.type) AS met_type,
            CASE WHEN standing.type IS NULL THEN firsts.name END AS met_table,
            CASE WHEN standing.type IS NULL THEN firsts.n END AS met_row
        FROM rows
        JOIN firsts USING (source, event_id)
        LEFT JOIN standing USING (source, event_id)
        WHERE standing.type IS NOT NULL OR rows.n <> firsts.n
        """
    )


def _compare(
    connection: duckdb.DuckDBPyConnection,
    name: str,
    contract: Contract,
    met_table: str | None,
    landed: Landed,
    repeated: Repeated,
) -> None:
    """Compare the pairs of one table with events of its own type, in the chunk or (None) in the files."""
    columns = event_columns(contract)
    if met_table is None:
        files = sql_list(file for file, segment_type in landed if segment_type == contract.type)
        met = f"({NO_CORRECTIONS} UNION ALL BY NAME FROM read_parquet({files}, union_by_name = true))"
        where = "pairs.met_table IS NULL AND (met.source, met.event_id) = (mine.source, mine.event_id)"
    else:
        met, where = met_table, f"pairs.met_table = {literal(met_table)} AND met.n = pairs.met_row"
    cast = ", ".join(
        f"CAST(met.data AS {kind}) AS met_data" if column == "data" else f"met.{column} AS met_{column}"
        for column, kind in columns.items()
    )
    same = " AND ".join(f"{column} IS NOT DISTINCT FROM met_{column}" for column in columns)
    pairs = (
        f"SELECT pairs.n AS row, mine.* EXCLUDE (n), {cast} FROM pairs "
        f"JOIN {name} AS mine ON pairs.name = {literal(name)} AND pairs.n = mine.n "
        f"JOIN {met} AS met ON {where}"
    )
    verdicts = connection.execute(f"SELECT row, {same} FROM ({pairs})").fetchall()
    repeated.duplicates.setdefault(name, []).extend(row for row, is_same in verdicts if is_same)
    if all(is_same for _, is_same in verdicts):
        return
    # Equal events may still be stored differently: landed under another revision of the contract, or with
    # JSON text that orders its keys otherwise. What differs in columns is compared as JSON values.
    for pair in connection.sql(f"SELECT * FROM ({pairs}) WHERE NOT ({same})").to_arrow_table().to_pylist():
        mine = event_content(contract, {column: pair[column] for column in columns})
        theirs = event_content(contract, {column: pair[f"met_{column}"] for column in columns})
        if mine == theirs:
            repeated.duplicates[name].append(pair["row"])
        else:
            repeated.conflicts.append((name, pair["row"], _met(mine, theirs)))


def event_content(contract: Contract, row: Mapping[str, Any]) -> dict[str, Any]:
    """An archived row as values that compare as JSON does: envelope columns, attributes and data.

    What an event corrects or voids may be among its attributes: there it was kept before it had columns.
    """
    extra = json.loads(row["extra"], parse_float=Decimal) if row["extra"] else {}
    content = {name: value for name, value in row.items() if name not in ("data", "extra")}
    data = with_unnamed(from_column(contract.data_type, row["data"]), extra.get("data"))
    attributes = extra.get("attributes", {})
    for name in CORRECTIONS:
        content[name] = attributes.pop(name, content.get(name))
    return content | {"attributes": attributes, "data": data}


def _met(mine: Mapping[str, Any], theirs: Mapping[str, Any]) -> str:
    """The event that stands, by the first thing in which it differs."""
    name = next(name for name in mine if mine[name] != theirs[name])
    if name == "data":
        fields = sorted({*mine["data"], *theirs["data"]})
        name = "data." + next(one for one in fields if mine["data"].get(one) != theirs["data"].get(one))
    return f"an event with another {name}"
