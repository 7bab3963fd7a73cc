"""Facts of a shop, whose keys are not the id of what its events are about: given events, expect rows.

Belongs here: that a fact is right for every key, however it is built. Not here: what a fact may read
(`unit/dbt/test_fact_rules`), and the example company's facts (`test_models`, `test_confluence`).
"""

import random
from contextlib import closing
from datetime import date
from pathlib import Path

import duckdb
import pytest

from orchestration.dbt.process import run_dbt
from orchestration.refresh import refresh
from orchestration.settings import Settings
from orchestration.warehouse.requests import Days, request_replay
from support.installation import put
from support.retail import (
    Line,
    as_text,
    build,
    dealt,
    expected,
    facts,
    from_nothing,
    installation,
    land_lines,
    rows,
)

NEW_YEAR = date(2026, 1, 2)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return installation(tmp_path)


def played(settings: Settings, *landings: list[Line]) -> None:
    """Land each of these and build after it."""
    for lines in landings:
        land_lines(settings, lines)
        build(settings)


def test_a_voided_line_is_off_its_invoice(settings: Settings) -> None:
    lines = [Line("1", "a", "536557", 125), Line("2", "b", "536557", 175)]
    played(settings, lines, [Line("3", "a", "536557", 125, voids="1")])
    assert rows(settings, "invoices") == [("536557", 1, 175, NEW_YEAR)]


def test_the_void_may_name_another_invoice_than_the_line_had(settings: Settings) -> None:
    """A voiding event says nothing but what it voids: its own data counts for nothing."""
    played(settings, [Line("1", "a", "i1", 125), Line("2", "b", "i1", 175)])
    played(settings, [Line("3", "a", "i9", 125, voids="1")])
    assert rows(settings, "invoices") == [("i1", 1, 175, NEW_YEAR)]


def test_a_correction_that_moves_a_line_counts_it_once(settings: Settings) -> None:
    played(settings, [Line("1", "a", "i1", 100), Line("2", "b", "i1", 10)])
    played(settings, [Line("3", "a", "i2", 100, "c2", corrects="1", day=5)])
    assert rows(settings, "invoices") == [("i1", 1, 10, NEW_YEAR), ("i2", 1, 100, NEW_YEAR)]
    assert rows(settings, "customers") == [("c1", 1, 10), ("c2", 1, 100)]


def test_a_correction_that_is_voided_moves_the_line_back(settings: Settings) -> None:
    moved = Line("2", "a", "i2", 100, corrects="1", day=5)
    played(settings, [Line("1", "a", "i1", 100)], [moved], [Line("3", "a", "i2", 100, voids="2", day=6)])
    assert rows(settings, "invoices") == [("i1", 1, 100, NEW_YEAR)]


def test_what_lands_after_its_correction_is_never_counted(settings: Settings) -> None:
    correction = Line("2", "a", "i2", 90, corrects="1", day=5)
    played(settings, [Line("9", "z", "i9", 1)], [correction])
    assert rows(settings, "invoices") == [("i9", 1, 1, NEW_YEAR)], "it waits for what it corrects"
    played(settings, [Line("1", "a", "i1", 100)])
    assert rows(settings, "invoices") == [("i2", 1, 90, NEW_YEAR), ("i9", 1, 1, NEW_YEAR)]


def test_a_null_is_a_key_like_any_other(settings: Settings) -> None:
    played(settings, [Line("1", "a", "i1", 100, None)])
    assert rows(settings, "customers") == [(None, 1, 100)]
    played(settings, [Line("2", "b", "i2", 50, None), Line("3", "c", "i3", 7, "c1")])
    assert rows(settings, "customers") == [("c1", 1, 7), (None, 2, 150)]
    played(
        settings, [Line("4", "a", "i1", 100, None, voids="1"), Line("5", "b", "i2", 50, "c1", corrects="2")]
    )
    assert rows(settings, "customers") == [("c1", 2, 57)]


def test_a_key_without_a_row_has_its_earlier_events_still(settings: Settings) -> None:
    played(settings, [Line("1", "a", "i1", 1)])
    assert rows(settings, "large_invoices") == []
    played(settings, [Line("2", "b", "i1", 1)])
    assert rows(settings, "large_invoices") == [("i1", 2)]


def test_a_composite_key_over_several_relations_of_events(settings: Settings) -> None:
    sold, returned = Line("1", "a", "i1", 5, None), Line("2", "a", "i1", 5, None, verb="returned")
    played(settings, [sold], [returned], [Line("3", "b", "i1", 5, "c1", verb="returned")])
    assert rows(settings, "customer_products") == [("c1", "p1", 0, 1), (None, "p1", 1, 1)]
    played(settings, [Line("4", "a", "i1", 5, "c2", corrects="1")])
    assert rows(settings, "customer_products") == [
        ("c1", "p1", 0, 1),
        ("c2", "p1", 1, 0),
        (None, "p1", 0, 1),
    ]


@pytest.mark.parametrize(
    ("table", "spoilt"),
    [
        ("invoices", "INSERT INTO sales.invoices VALUES ('ghost', 1, 1, DATE '2026-01-02', 1, 999)"),
        ("invoices", "INSERT INTO sales.invoices VALUES (NULL, 1, 1, DATE '2026-01-02', 1, 1)"),
        ("invoices", "UPDATE sales.invoices SET amount_minor = 7 WHERE invoice_id = 'i1'"),
        ("invoices", "DELETE FROM sales.invoices"),
        ("customers", "INSERT INTO sales.customers VALUES ('ghost', 1, 1, 1, 1)"),
        ("customers", "DELETE FROM sales.customers WHERE customer_id IS NULL"),
        ("invoice_days", "UPDATE sales.invoice_days SET invoice_id = 'ghost' WHERE day(event_date) = 2"),
    ],
)
def test_a_replay_of_the_days_mends_what_no_event_supports(
    settings: Settings, table: str, spoilt: str
) -> None:
    played(settings, [Line("1", "a", "i1", 100, None), Line("2", "b", "i2", 50, day=9)])
    right = rows(settings, table)
    with closing(duckdb.connect(settings.warehouse)) as connection:
        connection.execute(spoilt)
    assert rows(settings, table) != right
    request_replay(settings, "test", [Days(NEW_YEAR, date(2026, 1, 3))])
    land_lines(settings, [Line("3", "c", "i9", 1, day=20)])
    build(settings)
    assert [row for row in rows(settings, table) if "i9" not in row] != []
    assert facts(settings) == facts(from_nothing(settings))


@pytest.mark.parametrize("seed", range(4))
def test_however_lines_land_the_facts_are_what_stands(settings: Settings, seed: int) -> None:
    """Corrections of every kind, in any order, in five landings: after each, the facts are right."""
    lines, chance = dealt(seed), random.Random(seed)
    chance.shuffle(lines)
    landed: list[Line] = []
    for start in range(0, len(lines), 12):
        land_lines(settings, lines[start : start + 12])
        landed += lines[start : start + 12]
        if start and chance.random() < 0.3:
            first = chance.randint(2, 20)
            request_replay(settings, "test", [Days(date(2026, 1, first), date(2026, 1, first + 4))])
        build(settings)
        assert as_text(facts(settings)) == expected(landed)
    assert facts(settings) == facts(from_nothing(settings))


FAILING = {
    "models/staging/int_failing.sql": """
select *, if(getvariable('corrections_since') is null, invoice_id, error('no such till')) as till_id
from {{ ref("stg_line__sold") }}
""",
    "models/marts/sales/tills.sql": """
{{ config(materialized="fact", key="till_id", events="int_failing") }}
select till_id, count(*) as line_count from {{ factlog.events() }} group by till_id
""",
    "models/marts/sales/z_lines.sql": """
-- depends_on: {{ ref("int_failing") }}
select count(*) as lines, getvariable('corrections_since') as since from {{ ref("stg_line__sold") }}
""",
    "models/marts/sales/z_firsts.sql": """
{{ config(materialized="table") }}
{% for ties in ("name", "position") %}
select '{{ ties }}' as ties, arg_min(event_id, event_order) as first_id
from (select {{ factlog.event_columns(ties=ties) }} from {{ source("events", "line_sold") }})
{% if not loop.last %} union all {% endif %}
{% endfor %}
""",
}


def test_a_fact_works_as_any_model_of_dbt_does(tmp_path: Path) -> None:
    """Its unit tests, `dbt show`, and a build by hand; one that fails leaves nothing behind for the next."""
    settings = installation(tmp_path, own_project=True)
    land_lines(settings, [Line("2", "b", "i1", 50), Line("1", "a", "i1", 100)])
    refreshed = refresh(settings)
    assert refreshed.tests == 2, "the unit tests of invoices and customer_products"
    assert "i1" in run_dbt(settings, ["show", "--select", "invoices"])
    for name, content in FAILING.items():
        put(settings.dbt_project / name, content)
    run_dbt(settings, ["run", "--threads", "1", "--select", "+tills", "z_firsts"])
    land_lines(settings, [Line("3", "a", "i2", 100, corrects="1")])
    output = run_dbt(settings, ["run", "--threads", "1", "--select", "+tills", "z_lines", "invoices"])
    assert "no such till" in output
    with closing(duckdb.connect(settings.warehouse, read_only=True)) as connection:
        assert connection.sql("FROM sales.z_lines").fetchall() == [(2, None)]
        assert connection.sql("SELECT * FROM sales.tills").fetchall() == [("i1", 2, 1, 1)]
        firsts = connection.sql("FROM sales.z_firsts ORDER BY ties").fetchall()
        assert firsts == [("name", "1"), ("position", "2")], "of two at one instant"
    assert [row[:2] for row in rows(settings, "invoices")] == [("i1", 1), ("i2", 1)]


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (
            """{{ config(materialized="fact", key="till_id", events="stg_line__sold") }}
            select invoice_id as till_id, count(*) as n from {{ factlog.events() }} group by all""",
            "its events are of stg_line__sold, which has no column till_id",
        ),
        (
            """{{ config(materialized="fact", key="invoice_id", events="stg_line__sold") }}
            select count(*) as n from {{ factlog.events() }}""",
            "its key is invoice_id, and the SELECT has no such column; it has n",
        ),
        (
            """{{ config(materialized="fact", key="invoice_id", events="stg_line__sold", day="sold_date") }}
            select invoice_id, count(*) as n from {{ factlog.events() }} group by all""",
            "its day is sold_date, and the SELECT has no such column; it has invoice_id, n",
        ),
        (
            """{{ config(materialized="fact", key="invoice_id", events="stg_line__sold") }}
            select invoice_id || '!' as invoice_id, count(*) as n from {{ factlog.events() }} group by all""",
            "tills: the SELECT makes rows of keys that no event has",
        ),
    ],
)
def test_a_fact_that_can_not_be_kept_up_to_date_says_what_it_lacks(
    tmp_path: Path, model: str, said: str
) -> None:
    settings = installation(tmp_path, own_project=True)
    land_lines(settings, [Line("1", "a", "i1", 100)])
    put(settings.dbt_project / "models/marts/sales/tills.sql", model)
    output = run_dbt(settings, ["run", "--select", "+tills"])
    assert said in output
