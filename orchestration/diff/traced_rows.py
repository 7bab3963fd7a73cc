"""What names the events of the rows that are shown: the id of an object, or the key of a fact.

Belongs here: from rows to these, also through the rows of a fact that a report is made of. Not here: whose
events they are (`wanted_objects`, `wanted_keys`), and how a mart is traced (`dataset.row_tracing`).
"""

from collections.abc import Callable, Collection, Iterator, Mapping

from event_archive.sql_text import quoted
from orchestration.dataset.key_tracing import KeyTrace
from orchestration.dataset.row_tracing import EventTrace, MartDescription, RowTrace
from orchestration.diff.rows import ADDED, READ_AGAIN, REMOVED, RowDifferences

Differences = Callable[[str], RowDifferences | None]
"""The rows of a table that differ; None where one side has no such table."""
ToEvents = EventTrace | KeyTrace
"""A way of tracing that ends at events."""


def traced_rows(
    table: str, shown: str, marts: Mapping[str, MartDescription], differences: Differences
) -> Iterator[tuple[str, ToEvents]]:
    """The SELECT of `row_id` and what names events, per way of tracing the shown rows of a table."""
    own = differences(table)
    if own is None or table not in marts:
        return
    for trace in marts[table].traced_to:
        if not isinstance(trace, RowTrace):
            yield values_sql(own, trace.columns, shown=shown), trace
            continue
        upstream = differences(trace.table)
        for of_fact in marts[trace.table].traced_to if upstream and trace.table in marts else ():
            if upstream and not isinstance(of_fact, RowTrace):
                yield joined_sql(own, shown, upstream, trace, of_fact), of_fact


def joined_sql(
    own: RowDifferences, shown: str, upstream: RowDifferences, trace: RowTrace, of_fact: ToEvents
) -> str:
    """The SELECT of what names the events of a fact's rows that differ and belong to a report's rows.

    On either side: where a fact's row moved from one row of the report to another, it has changed both.
    """
    keys = {f"key_{place}": column for place, column in enumerate(trace.by)}
    months = {key for key, column in keys.items() if column in trace.months}
    mine = values_sql(own, keys, shown=shown)
    columns = {key: trace.by[column] for key, column in keys.items()}
    theirs = values_sql(upstream, columns | of_fact.columns, months)
    same = " AND ".join(f"mine.{key} IS NOT DISTINCT FROM theirs.{key}" for key in keys)
    named = ", ".join(f"theirs.{column}" for column in of_fact.columns)
    return f"SELECT mine.row_id, {named} FROM ({mine}) AS mine JOIN ({theirs}) AS theirs ON {same}"


def values_sql(
    differences: RowDifferences,
    columns: Mapping[str, str],
    months: Collection[str] = (),
    *,
    shown: str | None = None,
) -> str:
    """The SELECT of columns of the rows that differ, of those shown or of all, where a side has them."""
    chosen = f"AND rowid IN (SELECT row_id FROM {shown})" if shown else ""
    parts = []
    for side, absent in (("a", ADDED), ("b", REMOVED)):
        if not differences.comparison.has(side, columns.values()):
            continue
        values = {alias: f"{side}.{quoted(column)}" for alias, column in columns.items()}
        values |= {alias: f"date_trunc('month', {values[alias]})::DATE" for alias in months}
        listed = ", ".join(f"{value} AS {alias}" for alias, value in values.items())
        parts.append(
            f"SELECT rowid AS row_id, {listed} FROM {differences.temporary_table} "
            f"WHERE kind NOT IN ('{READ_AGAIN}', '{absent}') {chosen}"
        )
    nothing = ", ".join(f"NULL AS {alias}" for alias in ("row_id", *columns))
    parts = parts or [f"SELECT {nothing} WHERE false"]
    return " UNION ".join(parts)
