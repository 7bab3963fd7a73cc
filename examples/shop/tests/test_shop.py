"""Given a shop's events, expect these rows; in whatever order the events arrive.

Belongs here: what the tables of the shop say. Not here: how factlog lands and derives (it has its own).

One line was voided, and one moved from order o1 to o2; guests have no account.
"""

from pathlib import Path

import pytest

from orchestration.model_testing import Derived, expect_confluence, given

HERE = Path(__file__).parent
EVENTS = HERE.parent / "events"
EXPECTED = sorted(HERE.glob("expected/*/*.csv"))


@pytest.fixture(scope="module")
def derived() -> Derived:
    return given(EVENTS)


@pytest.mark.parametrize("rows", EXPECTED, ids=lambda path: f"{path.parent.name}.{path.stem}")
def test_a_table_holds_what_the_events_say(derived: Derived, rows: Path) -> None:
    derived.expect(f"{rows.parent.name}.{rows.stem}", rows)


def test_every_table_has_its_expected_rows(derived: Derived) -> None:
    assert derived.tables == [f"{rows.parent.name}.{rows.stem}" for rows in EXPECTED]


def test_the_order_of_arrival_changes_nothing() -> None:
    expect_confluence(EVENTS)
