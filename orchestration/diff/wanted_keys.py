"""The keys that rows of facts which differ have: the events of these keys are looked for.

Belongs here: events that are known by a fact's key, through the views that its events come through. Not here:
events that are known by their object (`wanted_objects`), from rows to keys (`traced_rows`), and the views of
the archive (`event_archive.views.differing_views`).
"""

import duckdb

from event_archive import Archive, UnusableInput
from event_archive.registry.contract import ALL_EVENTS
from event_archive.sql_text import literal, quoted
from event_archive.views.between_cuts import Cut
from event_archive.views.differing_views import PLACES, create_differing_views
from orchestration.dataset.key_tracing import (
    NAMES_OF_EVENT,
    KeyTrace,
    columns_of_relation,
    create_relations,
)
from orchestration.dataset.tables import relation


class WantedKeys:
    """The events that are looked for by keys, per row that is shown: a temporary table of a connection.

    An event is named by the one whose place it takes, or whose place is taken: what happened to a place has
    changed the rows of every key that an event in it ever had.
    """

    temporary_table = "temp.wanted_places"

    def __init__(self, connection: duckdb.DuckDBPyConnection, archive: Archive) -> None:
        self._connection = connection
        self._archive = archive
        self._wanted: list[tuple[str, str, KeyTrace]] = []
        connection.execute(
            f"CREATE OR REPLACE TEMP TABLE {self.temporary_table} "
            "(mart VARCHAR, row_id BIGINT, source VARCHAR, place_event_id VARCHAR)"
        )

    def add(self, table: str, rows: str, trace: KeyTrace) -> None:
        """Add the keys that rows of a table have; `rows`: the SELECT of these."""
        keys = f"temp.{quoted(f'wanted keys {len(self._wanted)}')}"
        self._connection.execute(f"CREATE OR REPLACE TEMP TABLE {keys} AS {rows}")
        self._wanted.append((table, keys, trace))

    def views(self) -> set[str]:
        """The views whose events are looked for."""
        views = {view for _, _, trace in self._wanted for view in trace.views}
        if ALL_EVENTS in views:
            views |= {contract.view_name for contract in self._archive.contracts.newest()}
        return views

    def find(self, cuts: tuple[Cut, Cut]) -> dict[str, str]:
        """Find the events between two cuts of all keys; returns, by table, why some can't be found."""
        if not self._wanted:
            return {}
        create_differing_views(self._connection, self._archive, *cuts, self.views())
        problems: dict[str, str] = {}
        for table, keys, trace in self._wanted:
            try:
                create_relations(self._connection, trace)
                for name in trace.relations:
                    self._find_in(name, table, keys, trace)
            except UnusableInput as error:
                problems[table] = str(error)
            except duckdb.Error as error:
                line = str(error).splitlines()[0]
                problems[table] = f"its events come through {', '.join(trace.relations)}: {line}"
        return problems

    def _find_in(self, name: str, table: str, keys: str, trace: KeyTrace) -> None:
        lacking = [
            column for column in NAMES_OF_EVENT if column not in columns_of_relation(self._connection, name)
        ]
        if lacking:
            raise UnusableInput(
                f"its events come through {name}, which has no column {' and no '.join(lacking)} to name "
                "them by: select factlog.event_columns() there"
            )
        same = " AND ".join(
            f"events.{quoted(column)} IS NOT DISTINCT FROM keys.{alias}"
            for alias, column in trace.columns.items()
        )
        self._connection.execute(
            f"INSERT INTO {self.temporary_table} "
            f"SELECT DISTINCT {literal(table)}, row_id, source, coalesce(place_event_id, event_id) "
            f"FROM {relation(name)} AS events LEFT JOIN {PLACES} AS places USING (source, event_id) "
            f"JOIN {keys} AS keys ON {same} WHERE says_something IS NOT FALSE"
        )

    def events_sql(self, events: str) -> str:
        """The SELECT of `mart`, `row_id` and the event, of those of a SELECT's events that are wanted."""
        return (
            f"SELECT mart, row_id, events.* FROM ({events}) AS events "
            f"LEFT JOIN {PLACES} AS places USING (source, event_id) "
            f"JOIN {self.temporary_table} AS wanted ON wanted.source = events.source "
            "AND wanted.place_event_id = coalesce(places.place_event_id, events.event_id)"
        )
