"""What a project's tests call finds what is wrong, and says it so that it can be mended.

Belongs here: proof that these tests can fail. Not here: that they pass where they should (the tests of the
template and of the examples do, from the wheel).
"""

from pathlib import Path

import pytest

from event_archive import UnusableInput
from orchestration.model_testing import Derived, expect_confluence, given
from orchestration.settings import Settings
from support.installation import new_installation, note, put

NOTES = [note(1), note(2), note(3, verb="read")]


@pytest.fixture
def project(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    settings = new_installation(tmp_path / "installation")
    monkeypatch.setenv("FACTLOG_CONTRACTS", str(settings.contracts))
    monkeypatch.setenv("FACTLOG_DBT_PROJECT", str(settings.dbt_project))
    return settings


def test_a_table_is_held_to_its_rows(project: Settings, home: Path, tmp_path: Path) -> None:
    derived = given(NOTES)
    assert derived.tables == ["reading.readings", "writing.notebooks", "writing.notes"]
    derived.expect("writing.notes", [{"note_id": "2", "words": 2}, {"note_id": "1", "words": 1}])
    rows = tmp_path / "rows.csv"
    rows.write_text("notebook,words,written_date\nred,1,2026-01-02\nblue,2,2026-01-02\n")
    derived.expect("writing.notes", rows)
    wrong = refused(derived, [{"note_id": "1", "words": 1}, {"note_id": "2", "words": 3}])
    assert "built: 2, 2\n  expected: 2, 3" in wrong
    assert "expected: 1, 1" in refused(derived, [{"note_id": "1", "words": 1}] * 2)
    assert "built: 2" in refused(derived, [{"note_id": "1"}])
    assert "built: 1, red, 1" in refused(derived, [])
    assert refused(derived, [{"word": 1}]).startswith("writing.notes: has no column word; it has note_id, ")
    with pytest.raises(AssertionError, match=r"writing\.note: is no published table; there are reading"):
        derived.expect("writing.note", [])
    with pytest.raises(UnusableInput, match="there is no such file of expected rows"):
        derived.expect("writing.notes", tmp_path / "none.csv")
    assert not home.exists()


def refused(derived: Derived, rows: list[dict[str, object]]) -> str:
    """What is said of notes that are not these rows."""
    with pytest.raises(AssertionError) as error:
        derived.expect("writing.notes", rows)
    return str(error.value)


def test_an_event_that_is_refused_is_said_with_the_reason(project: Settings) -> None:
    with pytest.raises(AssertionError, match=r"events are refused: contract_violation: .*words"):
        given([note(1, words="many")])


def test_a_table_that_depends_on_the_order_of_arrival_is_found(project: Settings) -> None:
    put(
        project.dbt_project / "models/marts/writing/latest.sql",
        "select data.notebook as notebook, arg_max(data.words, sequence) as words "
        "from {{ source('events', 'note_written') }} group by all",
    )
    events = [note(number, notebook="red") for number in range(12)]
    with pytest.raises(AssertionError) as error:
        expect_confluence(events, seed=1)
    assert "seed 1: " in str(error.value)
    assert "writing.latest:\n" in str(error.value)
    assert "writing.notes:" not in str(error.value)
