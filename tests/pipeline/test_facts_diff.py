"""What `factlog diff` says of facts whose keys are no object's id: given a shop's events, expect the events.

Not here: what a report of a diff looks like (`unit/diff`), and diffs of the example company (`test_diff`).
"""

import json
from contextlib import closing
from pathlib import Path

import duckdb
import pytest

from orchestration.dataset.code_version import code_version
from orchestration.dataset.compare import table_states
from orchestration.dataset.dataset_file import write_dataset
from orchestration.dataset.provenance import DatasetInfo, Provenance
from orchestration.diff.compare import diff
from orchestration.diff.comparison import Comparison
from orchestration.settings import Settings
from orchestration.warehouse.engine import open_as_warehouse
from support.retail import Line, build, installation, land_lines


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return installation(tmp_path)


def dataset(settings: Settings, *lines: Line) -> str:
    """Land these events, build, and write what is built to a dataset file."""
    land_lines(settings, lines)
    build(settings)
    archive = settings.open_archive()
    commit = archive.log.commits()[-1]
    file = settings.home / f"after-{commit.sequence}.duckdb"
    info = DatasetInfo(commit.sequence, commit.digest, None, code_version(settings), commit.landed_at)
    with open_as_warehouse(settings, settings.warehouse) as connection:
        write_dataset(connection, file, Provenance(info, archive), table_states(connection))
    return str(file)


def explained(comparison: Comparison, table: str) -> dict[tuple[object, ...], set[str]]:
    """The events behind each row of a table that differs, by the first columns of the row: its key."""
    found = {changed.table: changed.changes for changed in comparison.tables}
    width = 2 if table in ("customer_products", "invoice_days") else 1
    behind: dict[tuple[object, ...], set[str]] = {}
    for change in found[f"sales.{table}"]:
        key = tuple(change.key.values())[:width]
        behind.setdefault(key, set()).update(event.event_id for event in change.causes.events)
    return behind


def test_a_void_of_a_line_explains_its_invoice_and_its_customer(settings: Settings) -> None:
    """What the void itself says of invoice and customer counts for nothing."""
    a = dataset(settings, Line("1", "a", "i1", 100, "c1"), Line("2", "b", "i1", 5, "c2"))
    b = dataset(settings, Line("3", "a", "i4", 1, "c4", voids="1"), Line("4", "c", "i4", 7, "c4"))
    found = diff(settings, a, b)
    assert explained(found, "invoices") == {("i1",): {"3"}, ("i4",): {"4"}}
    assert explained(found, "customers") == {("c1",): {"3"}, ("c4",): {"4"}}
    assert explained(found, "large_invoices") == {("i1",): {"3"}}


def test_a_correction_that_moves_a_line_explains_both_invoices(settings: Settings) -> None:
    a = dataset(settings, Line("1", "a", "i1", 100, day=2), Line("2", "b", "i2", 5, day=3))
    b = dataset(settings, Line("3", "a", "i2", 100, day=9, corrects="1"))
    found = diff(settings, a, b)
    assert explained(found, "invoices") == {("i1",): {"3"}, ("i2",): {"3"}}
    days = explained(found, "invoice_days")
    assert {(invoice, str(day)): events for (invoice, day), events in days.items()} == {
        ("i1", "2026-01-02"): {"3"},
        ("i2", "2026-01-02"): {"3"},  # a correction counts on the day of what it corrects
    }
    back = diff(settings, b, dataset(settings, Line("4", "a", "i9", 1, day=10, voids="3")))
    assert explained(back, "invoices") == {("i1",): {"4"}, ("i2",): {"4"}}


def test_what_lands_after_its_correction_explains_the_key_of_the_correction(settings: Settings) -> None:
    a = dataset(settings, Line("0", "z", "i2", 1), Line("2", "a", "i2", 90, day=5, corrects="1"))
    found = diff(settings, a, dataset(settings, Line("1", "a", "i1", 100)))
    assert explained(found, "invoices") == {("i2",): {"1"}}


def test_null_is_a_key_and_a_key_has_several_columns_and_relations(settings: Settings) -> None:
    a = dataset(settings, Line("1", "a", "i1", 100, None), Line("2", "b", "i1", 5, "c1"))
    returned = Line("3", "a", "i1", 100, None, "p1", day=4, verb="returned")
    b = dataset(settings, returned, Line("4", "c", "i2", 7, None, "p2"))
    found = diff(settings, a, b)
    assert explained(found, "customers") == {(None,): {"3", "4"}}
    assert explained(found, "customer_products") == {(None, "p1"): {"3"}, (None, "p2"): {"4"}}


@pytest.mark.parametrize(
    ("is_made", "reason"),
    [
        (
            'CREATE VIEW staging.stg_line__sold AS SELECT "data".invoice_id, event_id FROM events.line_sold;',
            "its events come through staging.stg_line__sold, which has no column source to name them by: "
            "select factlog.event_columns() there",
        ),
        (
            "CREATE VIEW staging.stg_line__sold AS SELECT * FROM events.line_sold, seeds.products;",
            "its events come through staging.stg_line__sold: Catalog Error: "
            'Table with name "seeds.products" does not exist because schema "seeds" does not exist.',
        ),
        (
            "CREATE VIEW staging.x AS SELECT 1; DROP TABLE events.segments;",
            "staging.stg_line__sold: what is noted of it is not the statement that makes a view",
        ),
    ],
    ids=["no names", "a seed", "another statement"],
)
def test_a_line_says_why_the_events_of_a_fact_cannot_be_found(
    settings: Settings, is_made: str, reason: str
) -> None:
    a, b = dataset(settings, Line("1", "a", "i1", 100)), dataset(settings, Line("2", "b", "i1", 5))
    with closing(duckdb.connect(b)) as connection:
        traces = connection.execute(
            "SELECT traced_to FROM meta.tables WHERE table_name = 'sales.invoices'"
        ).fetchall()[0][0]
        (trace,) = json.loads(traces)
        trace["views"] = [[name, is_made] for name, _ in trace["views"]]
        connection.execute(
            "UPDATE meta.tables SET traced_to = ? WHERE table_name = 'sales.invoices'",
            [json.dumps([trace])],
        )
    (table,) = [table for table in diff(settings, a, b).tables if table.table == "sales.invoices"]
    assert {change.causes.count for change in table.changes} == {0}
    assert table.without_events == reason
