"""Given GitHub's records, read by the mapping, expect these rows; in whatever order the records arrive.

Belongs here: what the tables say. Not here: what the mapping makes of each kind of record.
"""

from pathlib import Path

import pytest

from orchestration.model_testing import Derived, expect_confluence, given

HERE = Path(__file__).parent
RECORDS, MAPPING = HERE.parent / "sample.ndjson", HERE.parent / "mapping.yaml"
EXPECTED = sorted(HERE.glob("expected/*/*.csv"))


@pytest.fixture(scope="module")
def derived() -> Derived:
    return given(RECORDS, mapping=MAPPING)


@pytest.mark.parametrize("rows", EXPECTED, ids=lambda path: f"{path.parent.name}.{path.stem}")
def test_a_table_holds_what_the_records_say(derived: Derived, rows: Path) -> None:
    derived.expect(f"{rows.parent.name}.{rows.stem}", rows)


def test_the_order_of_arrival_changes_nothing() -> None:
    expect_confluence(RECORDS, mapping=MAPPING)
