"""What differs between two dataset files: given two small files and an archive, expect the report.

Not here: datasets that dbt built (`tests/pipeline/test_diff.py`).
"""

from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from event_archive import UnusableInput
from event_archive.registry.contract import ALL_EVENTS
from event_archive.views.correction_tables import create_correction_tables
from orchestration.dataset.compare import table_states
from orchestration.dataset.dataset_file import write_dataset
from orchestration.dataset.provenance import DatasetInfo, Provenance
from orchestration.dataset.row_tracing import EventTrace, MartDescription, RowTrace
from orchestration.diff import report as diff_report
from orchestration.diff.compare import diff
from orchestration.diff.comparison import Comparison
from orchestration.settings import Settings
from orchestration.warehouse.build_record import commit_at, record_marts
from support.events import Event, land_bytes, lines, lost, new_archive, weighed

PARCELS = MartDescription(
    "post.parcels",
    ("parcel_id",),
    (EventTrace("parcel_id", ("parcel_lost", "parcel_weighed")),),
    ("last_sequence",),
)
COLUMNS = "parcel_id VARCHAR, grams BIGINT, town VARCHAR, last_sequence BIGINT"
Tables = Sequence[tuple[MartDescription, str, Sequence[Sequence[object]]]]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """An archive of three commits: two parcels; a third one, late; a correction of the first and a loss."""
    archive = new_archive(tmp_path)
    land_bytes(archive, lines([weighed(1), weighed(2)]), "monday.ndjson")
    land_bytes(archive, lines([weighed(3)]), "tuesday.ndjson")
    mended = weighed(1, id="event-9", corrects="event-1", time="2026-02-01T08:00:00Z", data={"grams": 11})
    land_bytes(archive, lines([mended, lost(2)]), "wednesday.ndjson")
    return Settings(home=tmp_path, contracts=tmp_path / "contracts")


def land_more(settings: Settings, *events: Event) -> None:
    """Land one more file."""
    land_bytes(settings.open_archive(), lines(events), "more.ndjson")


def dataset(
    settings: Settings,
    name: str,
    sequence: int,
    tables: Tables,
    *,
    as_of: datetime | None = None,
    code: str = "code-1",
    digest: str | None = None,
) -> str:
    """Write a dataset file, as a refresh or a replay does."""
    commit = commit_at(settings.open_archive(), sequence)
    file = settings.home / name
    with closing(duckdb.connect()) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("ATTACH ':memory:' AS warehouse")
        connection.execute("USE warehouse")
        connection.execute("CREATE SCHEMA post")
        connection.execute("CREATE SCHEMA audit")
        connection.execute("CREATE SCHEMA events")
        create_correction_tables(connection, settings.open_archive(), [], None, "events")
        for note, columns, rows in tables:
            connection.execute(f"CREATE TABLE {note.table} ({columns})")
            for row in rows:
                connection.execute(f"INSERT INTO {note.table} VALUES ({', '.join('?' * len(row))})", row)
        record_marts(connection, [note for note, _, _ in tables])
        log_digest = digest if digest is not None else commit.digest if commit else ""
        info = DatasetInfo(sequence, log_digest, as_of, code, datetime(2026, 3, 1, tzinfo=UTC))
        write_dataset(connection, file, Provenance(info, settings.open_archive()), table_states(connection))
    return str(file)


def parcels(settings: Settings, name: str, sequence: int, *rows: Sequence[object], **more: Any) -> str:
    """Write a dataset of one table."""
    return dataset(settings, name, sequence, [(PARCELS, COLUMNS, rows)], **more)


def report_of(comparison: Comparison) -> list[str]:
    """The lines of a report; when something landed is the test's own time."""
    landed = {
        event.landed_at
        for table in comparison.tables
        for change in table.changes
        for event in change.causes.events
    }
    lines = [line.text for line in diff_report.lines(comparison)]
    for moment in landed:
        lines = [line.replace(diff_report.format_moment(moment), "NOW") for line in lines]
    return lines


def test_rows_are_told_with_the_events_that_changed_them(settings: Settings) -> None:
    a = parcels(settings, "a.duckdb", 1, ("1", 1, None, 1), ("2", 2, "Ulm", 1))
    b = parcels(settings, "b.duckdb", 3, ("1", 11, "Bonn", 3), ("3", 3, None, 2))
    assert report_of(diff(settings, a, b)) == [
        "post.parcels: 1 changed, 1 removed, 1 added",
        "~ parcel_id 1",
        "    grams  1 → 11",
        "    town   null → Bonn",
        "  by parcel.weighed.v1 event-9",
        "     occurred 2026-02-01 08:00:00, landed NOW in commit 3 from wednesday.ndjson",
        "     corrects event-1, of 2026-01-02 09:14:07",
        "- parcel_id 2",
        "  by parcel.lost.v1 lost-2",
        "     occurred 2026-01-03 09:14:07, landed NOW in commit 3 from wednesday.ndjson",
        "+ parcel_id 3",
        "  by parcel.weighed.v1 event-3",
        "     occurred 2026-01-04 09:14:07, landed NOW in commit 2 from tuesday.ndjson",
    ]


def test_the_other_way_round_events_are_missing(settings: Settings) -> None:
    a = parcels(settings, "a.duckdb", 2, ("3", 3, None, 2))
    b = parcels(settings, "b.duckdb", 1)
    assert report_of(diff(settings, a, b)) == [
        "post.parcels: 1 removed",
        "- parcel_id 3",
        "  without parcel.weighed.v1 event-3",
        "          occurred 2026-01-04 09:14:07, landed NOW in commit 2 from tuesday.ndjson",
    ]


def test_between_two_moments_it_is_the_events_that_occurred_between_them(settings: Settings) -> None:
    """All of them landed in commits that both sides know."""
    a = parcels(settings, "a.duckdb", 3, ("1", 1, None, 1), as_of=datetime(2026, 1, 3, tzinfo=UTC))
    b = parcels(settings, "b.duckdb", 3, ("1", 11, None, 3), ("3", 3, None, 2))
    [table] = diff(settings, a, b).tables
    events = {change.key["parcel_id"]: change.causes.events for change in table.changes}
    assert {key: [event.event_id for event in causes] for key, causes in events.items()} == {
        "1": ["event-9"],
        "3": ["event-3"],
    }
    early = parcels(settings, "c.duckdb", 3, as_of=datetime(2026, 1, 4, tzinfo=UTC))
    [table] = diff(settings, early, a).tables
    assert [change.causes.count for change in table.changes] == [0], "event-1 is older than both"


def test_columns_that_say_when_something_landed_change_no_row(settings: Settings) -> None:
    a = parcels(settings, "a.duckdb", 1, ("1", 1, None, 1), ("2", 2, None, 1))
    b = parcels(settings, "b.duckdb", 2, ("1", 1, None, 2), ("2", 2, None, 1))
    comparison = diff(settings, a, b)
    assert not comparison.differs
    assert diff_report.outcome(comparison) == ["No difference: 1 table is the same in A and B."]
    assert report_of(comparison) == [
        "post.parcels: no row differs",
        "1 more row differs only in when something landed (last_sequence)",
    ]


def test_what_no_event_explains_is_other_code(settings: Settings) -> None:
    a = parcels(settings, "a.duckdb", 1, ("1", 1, None, 1))
    b = parcels(settings, "b.duckdb", 1, ("1", 1000, None, 1), code="code-2")
    c = parcels(settings, "c.duckdb", 1, ("1", 7, None, 1))
    assert report_of(diff(settings, a, b))[3:] == [
        "  no event between: other code derived it (code-1 → code-2)",
    ]
    assert report_of(diff(settings, a, c))[3:] == ["  no event between explains it"]


def test_a_report_is_traced_through_the_rows_of_facts_that_changed(settings: Settings) -> None:
    by_month = MartDescription(
        "post.months", ("month",), (RowTrace("post.parcels", {"month": "day"}, frozenset({"month"})),)
    )
    january, february = datetime(2026, 1, 1).date(), datetime(2026, 2, 1).date()
    day = datetime(2026, 1, 20).date()
    columns = "parcel_id VARCHAR, grams BIGINT, day DATE"

    def tables(parcels: list[list[object]], months: list[list[object]]) -> Tables:
        return [(PARCELS, columns, parcels), (by_month, "month DATE, grams BIGINT", months)]

    a = dataset(settings, "a.duckdb", 1, tables([["1", 1, day], ["2", 2, day]], [[january, 3]]))
    moved: list[list[object]] = [["1", 11, february], ["2", 2, day]]
    b = dataset(settings, "b.duckdb", 3, tables(moved, [[january, 2], [february, 11]]))
    comparison = diff(settings, a, b, "post.months")
    assert [table.table for table in comparison.tables] == ["post.months"]
    [table] = comparison.tables
    assert [
        (change.kind, change.key["month"], change.values, [event.event_id for event in change.causes.events])
        for change in table.changes
    ] == [
        ("changed", january, {"grams": (3, 2)}, ["event-9"]),
        ("added", february, {}, ["event-9"]),
    ]


def causes(comparison: Comparison) -> dict[object, list[str]]:
    """The events behind each row of the only table, by the first column of its key."""
    [table] = comparison.tables
    return {
        next(iter(change.key.values())): [event.event_id for event in change.causes.events]
        for change in table.changes
    }


def test_other_types_of_event_change_no_row_unless_they_correct_one_that_does(settings: Settings) -> None:
    weighed_only = MartDescription(
        "post.parcels", ("parcel_id",), (EventTrace("parcel_id", ("parcel_weighed",)),)
    )
    land_more(settings, lost(1, corrects="event-1"), lost(3))
    columns = "parcel_id VARCHAR, grams BIGINT"
    a = dataset(settings, "a.duckdb", 3, [(weighed_only, columns, [["1", 1], ["3", 3]])])
    b = dataset(settings, "b.duckdb", 4, [(weighed_only, columns, [["1", 0], ["3", 0]])])
    assert causes(diff(settings, a, b)) == {"1": ["lost-1"], "3": []}


def test_where_a_row_may_be_about_any_kind_of_object_its_column_says_of_which(settings: Settings) -> None:
    trace = EventTrace("id", (ALL_EVENTS,), object_type="kind")
    any_kind, columns = (
        MartDescription("post.things", ("kind", "id"), (trace,)),
        "kind VARCHAR, id VARCHAR, n INT",
    )
    a = dataset(settings, "a.duckdb", 2, [(any_kind, columns, [["parcel", "2", 1], ["van", "2", 1]])])
    b = dataset(settings, "b.duckdb", 3, [(any_kind, columns, [["parcel", "2", 2], ["van", "2", 2]])])
    assert causes(diff(settings, a, b)) == {"parcel": ["lost-2"], "van": []}


def test_rows_without_a_key_are_told_apart_by_all_columns_and_counted(settings: Settings) -> None:
    note, columns = MartDescription("post.parcels"), "n INT, town VARCHAR"
    a = dataset(settings, "a.duckdb", 1, [(note, columns, [[1, None], [1, None], [2, "Ulm"]])])
    b = dataset(settings, "b.duckdb", 1, [(note, columns, [[1, None], [2, "Bonn"]])])
    assert report_of(diff(settings, a, b))[:6] == [
        "post.parcels: 2 removed, 1 added",
        "- n 1, town null",
        "  how its rows are traced to events is not said (meta: traced_to)",
        "- n 2, town Ulm",
        "  how its rows are traced to events is not said (meta: traced_to)",
        "+ n 2, town Bonn",
    ]


def test_a_key_that_is_there_twice_after_all_pairs_each_row_once(settings: Settings) -> None:
    """A replay into a file runs no tests, so nobody has proved its keys."""
    a = parcels(settings, "a.duckdb", 1, ("1", 1, None, 1), ("1", 2, None, 1))
    b = parcels(settings, "b.duckdb", 1, ("1", 1, None, 1), ("1", 3, None, 1), ("1", 4, None, 1))
    [table] = diff(settings, a, b).tables
    assert (table.differences.changed, table.differences.removed, table.differences.added) == (1, 0, 1)


def test_columns_and_tables_of_one_side_are_said(settings: Settings) -> None:
    other = MartDescription("post.towns", ("town",))
    old, new = (f"parcel_id VARCHAR, grams {rest}" for rest in ("BIGINT, old BIGINT", "VARCHAR, new BIGINT"))
    a = dataset(settings, "a.duckdb", 1, [(PARCELS, old, [["1", 5, 1]])])
    b = dataset(settings, "b.duckdb", 1, [(PARCELS, new, [["1", "5", 1]]), (other, "town VARCHAR", [])])
    comparison = diff(settings, a, b)
    assert comparison.differs
    assert diff_report.outcome(comparison) == ["Only in B: post.towns"]
    assert report_of(comparison) == [
        "post.parcels: no row differs",
        "columns only in A, not compared: old",
        "columns only in B, not compared: new",
        "columns of another type in B, compared as text: grams",
    ]


def test_tables_that_share_no_column_are_no_error(settings: Settings) -> None:
    a = dataset(settings, "a.duckdb", 1, [(PARCELS, "old BIGINT", [[1]])])
    b = dataset(settings, "b.duckdb", 1, [(PARCELS, "new BIGINT", [[1], [2]])])
    assert report_of(diff(settings, a, b))[1:3] == [
        "columns only in A, not compared: old",
        "columns only in B, not compared: new",
    ]


def test_a_limit_keeps_the_first_rows_and_events_and_says_how_many_more(settings: Settings) -> None:
    for number in range(7):
        land_more(settings, weighed(1, id=f"again-{number}"))
    a = parcels(settings, "a.duckdb", 3, ("1", 1, None, 1))
    b = parcels(settings, "b.duckdb", 10, ("1", 2, None, 10), *((f"9{n}", n, None, 8) for n in range(4)))
    comparison = diff(settings, a, b, limit=2)
    [table] = comparison.tables
    assert [(change.kind, change.causes.count) for change in table.changes] == [("changed", 7), ("added", 0)]
    assert len(table.changes[0].causes.events) == 5
    report = report_of(comparison)
    assert report[-1] == "… and 3 more rows"
    assert "  … and 4 more events" in report


def test_the_same_file_is_nothing_to_compare(settings: Settings) -> None:
    a = parcels(settings, "a.duckdb", 1)
    comparison = diff(settings, a, str(settings.home / "." / "a.duckdb"))
    assert (comparison.is_same_file, comparison.differs) == (True, False)


def test_what_cannot_be_compared_is_said_in_one_line(settings: Settings) -> None:
    good = parcels(settings, "good.duckdb", 1)
    (settings.home / "text.duckdb").write_text("no database")
    with duckdb.connect(settings.home / "plain.duckdb") as plain:
        plain.execute("CREATE TABLE t (n INT)")
    other = parcels(settings, "other.duckdb", 1, digest="0" * 64)
    later = parcels(settings, "later.duckdb", 9, digest="0" * 64)
    for asked, table, reason in [
        ("7", None, "version 7: not published; published versions: none"),
        ("current", None, "nothing is published yet"),
        (
            "nowhere.duckdb",
            None,
            "nowhere.duckdb: no such file, and neither a version's number nor `current`",
        ),
        (str(settings.home), None, "no such file"),
        (str(settings.home / "text.duckdb"), None, "text.duckdb: not a DuckDB file"),
        (str(settings.home / "plain.duckdb"), None, "plain.duckdb: does not say what it holds"),
        (other, None, "derived from another archive than .*, whose commit 1 is another one"),
        (later, None, "derived from another archive than .*, whose commit 9 is not there"),
        (good, "parcels", "parcels: no such table on either side; did you mean post.parcels?"),
        (good, "post.parcel", "did you mean post.parcels?"),
        (good, "x", "x: no such table on either side; there are: post.parcels"),
    ]:
        with pytest.raises(UnusableInput, match=reason) as error:
            diff(settings, asked, good, table)
        assert "\n" not in str(error.value)
