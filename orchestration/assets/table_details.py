"""What a person wants to see of a table that was derived: its rows, a few of them, where columns come from.

Belongs here: reading that from the warehouse once dbt has ended, and as metadata. Not here: building
(`refreshed_models`), and lineage itself (`contract_tools.event_lineage`).

A column that comes from a personal field, or of which nobody knows what it comes from, is not shown.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import dagster as dg
import duckdb

from event_archive.registry.contract import Contracts
from event_archive.sql_text import quoted
from event_archive.views.documented_columns import field_columns
from orchestration.assets.event_partitions import event_key
from orchestration.assets.keys import UNIQUE_ID
from orchestration.assets.markdown import code
from orchestration.contract_tools.event_lineage import ColumnOrigins, Lineage
from orchestration.dataset.tables import Column, relation
from orchestration.dataset.tables import columns as columns_of
from orchestration.dbt.graph import Manifest, day_columns, table_of
from orchestration.dbt.kinds import is_view
from orchestration.settings import Settings
from orchestration.warehouse.engine import open_warehouse

ORIGINS = ("| column | comes from |", "|---|---|")
ROWS_SHOWN, LONGEST_VALUE, ROW_COUNT, COLUMNS = 5, 80, "dagster/row_count", "dagster/column_schema"


@dataclass(frozen=True)
class TableDetails:
    """What a table holds: its columns, its rows, those of each day, and the first of them as texts.

    `rows` is None for a view, which has no rows of its own.
    """

    columns: tuple[Column, ...] = ()
    rows: int | None = None
    by_day: Mapping[str, int] = field(default_factory=dict)
    preview: tuple[Mapping[str, str], ...] = ()


class ShownTables:
    """What is shown of tables: their content, and the lineage of their columns."""

    def __init__(
        self, settings: Settings, manifest: Manifest, contracts: Contracts, lineage: Lineage
    ) -> None:
        self._settings = settings
        self._nodes = manifest["nodes"]
        self._days = day_columns(manifest)
        self._events = {contract.view_name: event_key(contract) for contract in contracts.newest()}
        self._personal = {
            (contract.view_name, f"data.{name}")
            for contract in contracts.newest()
            for name, column in field_columns(contract).items()
            if column.personal
        }
        self._lineage = lineage

    def read(self, specs: Collection[dg.AssetSpec]) -> dict[dg.AssetKey, TableDetails]:
        """Read what these tables and views hold."""
        tables = {spec.key: self._nodes[spec.metadata[UNIQUE_ID]] for spec in specs}
        with open_warehouse(self._settings, read_only=True) as connection:
            return {key: self._details(connection, node) for key, node in tables.items()}

    def metadata(self, spec: dg.AssetSpec, details: TableDetails, rows_before: int | None) -> dict[str, Any]:
        """What is shown of a table: the size of the change is that since it was reported last."""
        shown: dict[str, Any] = {}
        if details.columns:
            shown[COLUMNS] = self._column_schema(spec, details.columns)
        if details.rows is not None:
            shown[ROW_COUNT] = dg.MetadataValue.int(details.rows)
            if rows_before is not None:
                shown["rows more than before"] = dg.MetadataValue.int(details.rows - rows_before)
        if details.preview:
            records = [dg.TableRecord(dict(row)) for row in details.preview]
            schema = dg.TableSchema([dg.TableColumn(name) for name in details.preview[0]])
            shown["preview"] = dg.MetadataValue.table(records, schema)
        return shown | self._column_origins(spec)

    def _column_origins(self, spec: dg.AssetSpec) -> dict[str, Any]:
        """From which fields of events the columns of a model come, in Dagster's own form."""
        origins = self._lineage.get(spec.metadata[UNIQUE_ID], {})
        deps = {column: list(self._deps(leaves)) for column, leaves in origins.items()}
        if not any(deps.values()):
            return {}
        rows = [
            f"| {code(column)} | {', '.join(map(origin, of_column)) or 'the model itself'} |"
            for column, of_column in deps.items()
        ]
        return {
            "dagster/column_lineage": dg.TableColumnLineage(deps_by_column=deps),
            # Dagster's page of an asset shows that in JSON.
            "columns come from": dg.MetadataValue.md("\n".join([*ORIGINS, *rows])),
        }

    def _deps(self, leaves: list[list[str]]) -> Iterator[dg.TableColumnDep]:
        """What a column is made of: fields of events; or columns that every event has, where there are none.

        By those the events of an object are put in order, so nearly every column of a fact reads them too.
        """
        fields = [(view, column) for view, column in leaves if column.partition(".")[0] == "data"]
        for view, column in fields or leaves:
            if view in self._events:
                yield dg.TableColumnDep(asset_key=self._events[view], column_name=column)

    def _column_schema(self, spec: dg.AssetSpec, columns: Collection[Column]) -> dg.TableSchema:
        """The columns and their types as they are: a project need not declare any."""
        said = self._nodes[spec.metadata[UNIQUE_ID]].get("columns", {})
        meanings = {name.lower(): column.get("description") for name, column in said.items()}
        return dg.TableSchema(
            [
                dg.TableColumn(
                    column.name,
                    shortened(column.type),
                    description=meanings.get(column.name.lower()) or None,
                    constraints=dg.TableColumnConstraints(nullable=column.is_nullable),
                )
                for column in columns
            ]
        )

    def _details(self, connection: duckdb.DuckDBPyConnection, node: Mapping[str, Any]) -> TableDetails:
        table, origins = table_of(node), self._lineage.get(node["unique_id"], {})
        (database,) = connection.execute("SELECT current_database()").fetchall()[0]
        columns = tuple(columns_of(connection, table, database=database))
        if is_view(node) or not columns:
            return TableDetails(columns)
        return self._content(connection, table, columns, origins)

    def _content(
        self,
        connection: duckdb.DuckDBPyConnection,
        table: str,
        columns: tuple[Column, ...],
        origins: ColumnOrigins,
    ) -> TableDetails:
        listed = [column.name for column in columns]
        ((rows,),) = connection.execute(f"SELECT count(*) FROM {relation(table)}").fetchall()
        by_day, newest_first = {}, ""
        if (day := self._days.get(table)) in listed:
            counted = f"SELECT {quoted(day)}, count(*) FROM {relation(table)} GROUP BY ALL"
            by_day = {str(of_day): number for of_day, number in connection.execute(counted).fetchall()}
            newest_first = f" ORDER BY {quoted(day)} DESC NULLS LAST"
        harmless = [name for name in listed if self._is_harmless(origins.get(name))]
        if not harmless:
            return TableDetails(columns, rows, by_day)
        texts = ", ".join(f"CAST({quoted(name)} AS VARCHAR)" for name in harmless)
        first = connection.execute(f"SELECT {texts} FROM {relation(table)}{newest_first} LIMIT {ROWS_SHOWN}")
        preview = tuple(
            {name: shortened(value) for name, value in zip(harmless, row, strict=True)}
            for row in first.fetchall()
        )
        return TableDetails(columns, rows, by_day, preview)

    def _is_harmless(self, leaves: list[list[str]] | None) -> bool:
        """Whether a column can be shown: nothing that it comes from is personal."""
        if leaves is None:
            return False
        return not any(
            view == of_view and (column in ("data", name) or column.startswith((f"{name}.", f"{name}[")))
            for view, column in leaves
            for of_view, name in self._personal
        )


def origin(dep: dg.TableColumnDep) -> str:
    """A column of an event type, as people name it."""
    return code(
        f"{'.'.join(dep.asset_key.path[1:])}: {dep.column_name.removeprefix('data.')}".replace("|", " ")
    )


def shortened(value: str | None) -> str:
    """A value in the width of a table."""
    if value is None:
        return ""
    return value if len(value) <= LONGEST_VALUE else f"{value[: LONGEST_VALUE - 1]}…"
