"""Given these events, expect these rows; in whatever order the events arrive.

Belongs here: what the tables of this project say. Not here: how factlog lands and derives (it has its own).
"""

from pathlib import Path

import pytest

from orchestration.model_testing import Derived, expect_confluence, given

HERE = Path(__file__).parent
EVENTS = HERE.parent / "events"


@pytest.fixture(scope="module")
def derived() -> Derived:
    return given(EVENTS)


@pytest.mark.parametrize("table", ["sales.orders", "sales.revenue_per_day"])
def test_a_table_holds_what_the_events_say(derived: Derived, table: str) -> None:
    derived.expect(table, (HERE / "expected" / table.replace(".", "/")).with_suffix(".csv"))


def test_the_order_of_arrival_changes_nothing() -> None:
    expect_confluence(EVENTS)
