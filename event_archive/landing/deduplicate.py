"""Deduplication: events that are there already, in the input or the archive, and those that only seem to be.

Belongs here: finding records whose (source, id) is taken, and telling a duplicate (the same content) from a
conflict (other content). Not here: validating a record by itself (`validation`).

The search is by hash of (source, id), which is cheap and may only find too many; what it finds is compared
exactly. The event that landed first is kept; within an input, the first.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import duckdb

from event_archive.engine import Relations
from event_archive.envelope import CORRECTIONS
from event_archive.landing.segment_file import event_columns
from event_archive.registry.contract import Contract
from event_archive.registry.exact_values import from_column, moment_text, with_unnamed
from event_archive.registry.originals import comparable, utc_text
from event_archive.sql_text import literal, sql_list
from event_archive.store.key_index import KEY, KeyIndex

ArchivedFiles = Sequence[tuple[str, str]]
"""Location and event type of the segments to compare with."""

# No row, but the columns that a file without corrections does not have.
NO_CORRECTIONS = f"SELECT {', '.join(f'CAST(NULL AS VARCHAR) AS {name}' for name in CORRECTIONS)} WHERE FALSE"


@dataclass
class Repeated:
    """Rows of a chunk that are not new.

    `duplicates`: by table; `conflicts`: table, row, and a description of the event that is there already.
    """

    duplicates: dict[str, list[int]] = field(default_factory=dict)
    conflicts: list[tuple[str, int, str]] = field(default_factory=list)

    def rows(self, table: str) -> list[int]:
        """All rows of one table that are not new."""
        return self.duplicates.get(table, []) + [row for name, row, _ in self.conflicts if name == table]


def find_repeated(
    connection: duckdb.DuckDBPyConnection, tables: Mapping[str, Contract], index: KeyIndex
) -> Repeated:
    """Compare the typed tables of a chunk, by their names, with one another and with what landed before."""
    if not tables:
        return Repeated()
    with Relations(connection) as relations:
        keys = relations.create(
            "keys", " UNION ALL ".join(f"SELECT {KEY} AS h FROM {name}" for name in tables)
        )
        matches = index.find(keys, relations)
        suspects = relations.create(
            "suspects",
            f"SELECT h FROM {matches.table} UNION SELECT h FROM {keys} GROUP BY h HAVING count(*) > 1",
        )
        ((count,),) = connection.execute(f"SELECT count(*) FROM {suspects}").fetchall()
        if not count:
            return Repeated()
        files = [index.files[number] for number in sorted(matches.segments)]
        return _PairComparison(connection, relations, tables, suspects, files).repeated


class _PairComparison:
    """Each suspect row paired with the event that is there already, and each pair compared."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        relations: Relations,
        tables: Mapping[str, Contract],
        suspects: str,
        files: ArchivedFiles,
    ) -> None:
        self._connection = connection
        self._relations = relations
        self._tables = tables
        self._files = files
        self._pairs = self._pair(suspects)
        self.repeated = Repeated()
        for name, contract in tables.items():
            self._resolve(name, contract)

    def _resolve(self, name: str, contract: Contract) -> None:
        """Sort the pairs of one table into duplicates and conflicts."""
        earlier = self._connection.execute(
            f"SELECT DISTINCT earlier_type, earlier_table FROM {self._pairs} WHERE name = ?", [name]
        ).fetchall()
        for earlier_type, earlier_table in earlier:
            if earlier_type == contract.type:
                self._compare(name, contract, earlier_table)
                continue
            rows = self._connection.execute(
                f"SELECT n FROM {self._pairs} WHERE name = ? AND earlier_type = ?", [name, earlier_type]
            ).fetchall()
            self.repeated.conflicts += [(name, row, f"an event of type {earlier_type}") for (row,) in rows]

    def _pair(self, suspects: str) -> str:
        """Make the table of pairs: each row that is not the first of its key, and what is there already.

        `earlier_table` and `earlier_row` are of a row in the chunk, NULL for an event in the files of
        `earlier_type`.
        """
        rows = self._relations.create(
            "rows",
            " UNION ALL ".join(
                f"SELECT {literal(name)} AS name, {literal(contract.type)} AS type, n, source, event_id "
                f"FROM {name} WHERE {KEY} IN (SELECT h FROM {suspects})"
                for name, contract in self._tables.items()
            ),
        )
        archived = self._relations.create(
            "archived",
            "SELECT CAST(NULL AS VARCHAR) AS source, CAST(NULL AS VARCHAR) AS event_id, "
            "CAST(NULL AS VARCHAR) AS type WHERE FALSE",
        )
        for event_type in sorted({segment_type for _, segment_type in self._files}):
            self._connection.execute(
                f"INSERT INTO {archived} SELECT source, event_id, {literal(event_type)} "
                f"FROM read_parquet({self._files_of(event_type)}) SEMI JOIN {rows} USING (source, event_id)"
            )
        return self._relations.create(
            "pairs",
            f"""
            WITH firsts AS (
                SELECT source, event_id, min(n) AS n, arg_min(name, n) AS name, arg_min(type, n) AS type
                FROM {rows} GROUP BY ALL
            )
            SELECT
                rows.name, rows.n,
                coalesce(archived.type, firsts.type) AS earlier_type,
                CASE WHEN archived.type IS NULL THEN firsts.name END AS earlier_table,
                CASE WHEN archived.type IS NULL THEN firsts.n END AS earlier_row
            FROM {rows} AS rows
            JOIN firsts USING (source, event_id)
            LEFT JOIN {archived} AS archived USING (source, event_id)
            WHERE archived.type IS NOT NULL OR rows.n <> firsts.n
            """,
        )

    def _files_of(self, event_type: str) -> str:
        return sql_list(file for file, segment_type in self._files if segment_type == event_type)

    def _compare(self, name: str, contract: Contract, earlier_table: str | None) -> None:
        """Compare one table with events of its own type, in the chunk or (None) in the files."""
        columns = event_columns(contract)
        if earlier_table is None:
            files = f"read_parquet({self._files_of(contract.type)}, union_by_name = true)"
            earlier = f"({NO_CORRECTIONS} UNION ALL BY NAME FROM {files})"
            where = (
                "pairs.earlier_table IS NULL "
                "AND (earlier.source, earlier.event_id) = (mine.source, mine.event_id)"
            )
        else:
            earlier = earlier_table
            where = f"pairs.earlier_table = {literal(earlier_table)} AND earlier.n = pairs.earlier_row"
        cast = ", ".join(
            f"CAST(earlier.data AS {kind}) AS earlier_data"
            if column == "data"
            else f"earlier.{column} AS earlier_{column}"
            for column, kind in columns.items()
        )
        same = " AND ".join(f"{column} IS NOT DISTINCT FROM earlier_{column}" for column in columns)
        pairs = (
            f"SELECT pairs.n AS row, mine.* EXCLUDE (n), {cast} FROM {self._pairs} AS pairs "
            f"JOIN {name} AS mine ON pairs.name = {literal(name)} AND pairs.n = mine.n "
            f"JOIN {earlier} AS earlier ON {where}"
        )
        verdicts = self._connection.execute(f"SELECT row, {same} FROM ({pairs})").fetchall()
        duplicates = self.repeated.duplicates.setdefault(name, [])
        duplicates += [row for row, is_same in verdicts if is_same]
        if all(is_same for _, is_same in verdicts):
            return
        # Equal events may still be stored differently: landed under another revision of the contract, or with
        # JSON text that orders its keys otherwise. What differs in columns is compared as JSON values.
        different = self._connection.sql(f"SELECT * FROM ({pairs}) WHERE NOT ({same})").to_arrow_table()
        for pair in different.to_pylist():
            mine = event_content(contract, {column: pair[column] for column in columns})
            theirs = event_content(contract, {column: pair[f"earlier_{column}"] for column in columns})
            difference = first_difference(_comparable(contract, mine), _comparable(contract, theirs))
            if difference is None:
                duplicates.append(pair["row"])
            else:
                path = ".".join(difference[:2])
                self.repeated.conflicts.append((name, pair["row"], f"an event with another {path}"))


def event_content(contract: Contract, row: Mapping[str, Any]) -> dict[str, Any]:
    """An archived row as the values that came in: envelope columns, attributes and data.

    Times are texts; what a column holds less of is as it came. What an event corrects or voids may be among
    its attributes: there it was kept before it had columns.
    """
    extra = json.loads(row["extra"], parse_float=Decimal) if row["extra"] else {}
    original = extra.get("original", {})
    content = {name: value for name, value in row.items() if name not in ("data", "extra")}
    if "occurred_at" in content:
        content["occurred_at"] = original.get("time") or moment_text(content["occurred_at"])
    data = with_unnamed(from_column(contract.data_type, row["data"]), extra.get("data"))
    data = with_unnamed(data, original.get("data"))
    attributes = extra.get("attributes", {})
    for name in CORRECTIONS:
        content[name] = attributes.pop(name, content.get(name))
    return content | {"attributes": attributes, "data": data}


def _comparable(contract: Contract, content: dict[str, Any]) -> dict[str, Any]:
    """The content with one spelling for each value."""
    data = comparable(contract.data_type, content["data"])
    return content | {"occurred_at": utc_text(content["occurred_at"]), "data": data}


def first_difference(mine: object, theirs: object) -> list[str] | None:
    """Return the names that lead to where two JSON values first differ, or None where they are equal.

    Equal is told by JSON type: `true` is not 1 (to Python it is), null is not absent, and numbers are their
    values, so that 1 is 1.0. The list is empty where the two values themselves differ.
    """
    if isinstance(mine, Mapping) and isinstance(theirs, Mapping):
        for name in dict.fromkeys([*mine, *theirs]):
            if (name in mine) != (name in theirs):
                return [name]
            if (below := first_difference(mine[name], theirs[name])) is not None:
                return [name, *below]
        return None
    if isinstance(mine, list) and isinstance(theirs, list):
        equal = len(mine) == len(theirs) and all(
            first_difference(*pair) is None for pair in zip(mine, theirs, strict=True)
        )
        return None if equal else []
    return None if isinstance(mine, bool) == isinstance(theirs, bool) and mine == theirs else []
