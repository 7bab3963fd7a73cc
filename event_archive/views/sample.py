"""The views of the archive, narrowed to a sample: all events of the objects with events on some days.

Belongs here: which objects those are, and what stands in the place of the views. Not here: the views
themselves (`event_views`), and what a sample is taken for.

What is derived from the events of one object alone comes out of the sample as it does of all events, so that
a part of it can be derived from nothing at a part of the cost.
"""

from collections.abc import Sequence
from datetime import date

import duckdb

from event_archive.archive import Archive
from event_archive.registry.contract import ALL_EVENTS, with_all
from event_archive.sql_text import literal, quoted
from event_archive.views.events_in_effect import in_effect_sql
from event_archive.views.segment_sql import SCHEMA

SAMPLED = "sampled_objects"


def keep_sampled_objects(
    connection: duckdb.DuckDBPyConnection, archive: Archive, days: Sequence[date]
) -> None:
    """Replace the views just made by tables of events, of the objects that have one on one of these days.

    Tables, because each is read by several models, and to find a sample in the files takes as long as to read
    them. Objects are identified by their ids alone, as in datasets: of two objects with the same id, of two
    types, both are in the sample. The ids are in the table `events.sampled_objects`. What is in effect is
    a view of all events, as many as in the sample; it knows of nothing that became known since.
    """
    listed = ", ".join(f"DATE {literal(day.isoformat())}" for day in sorted(set(days)))
    connection.execute(
        f"CREATE OR REPLACE TABLE {SCHEMA}.{SAMPLED} AS "
        f"SELECT DISTINCT object_id FROM {SCHEMA}.{ALL_EVENTS} WHERE event_date IN ({listed})"
    )
    for contract in archive.contracts.newest():
        every, whole = quoted(with_all(contract.view_name)), quoted(f"whole {contract.view_name}")
        connection.execute(f"ALTER VIEW {SCHEMA}.{every} RENAME TO {whole}")
        connection.execute(
            f"CREATE TABLE {SCHEMA}.{every} AS SELECT * FROM {SCHEMA}.{whole} "
            f"WHERE object_id IN (SELECT object_id FROM {SCHEMA}.{SAMPLED})"
        )
        in_effect = in_effect_sql(f"SELECT * FROM {SCHEMA}.{every}")
        view = quoted(contract.view_name)
        connection.execute(f"CREATE OR REPLACE VIEW {SCHEMA}.{view} AS {in_effect}")
