"""What tests of dbt ask, in words: given nodes of a manifest, expect a sentence each."""

from typing import Any

import pytest

from orchestration.dbt.sentences import sentence


def generic(name: str, **arguments: Any) -> dict[str, Any]:
    """A generic test."""
    return {"name": "long_name", "raw_code": "", "test_metadata": {"name": name, "kwargs": arguments}}


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        (generic("unique", column_name='"Note id"'), "No two rows have the same Note id."),
        (generic("not_null", column_name="note_id"), "Every row has a value in note_id."),
        (generic("accepted_values", column_name="plan", values=["a", "b"]), "plan is one of: a, b."),
        (
            generic("relationships", column_name="note_id", to="ref('notes')", field="id"),
            "Every note_id is a id of notes.",
        ),
        (
            generic("one_row_per_key", key=["a", "b"], upstream="ref('stg_notes')"),
            "There is exactly one row for each a, b of stg_notes.",
        ),
        (generic("of_somebody_else", column_name="a"), "Of somebody else."),
        (generic("unique", column_name="a") | {"description": "One\nper note."}, "One per note."),
        ({"name": "no_loss", "raw_code": "{#- Nothing is\n  lost. -#}\nselect 1"}, "Nothing is lost."),
        ({"name": "no_note_is_lost", "raw_code": "select 1"}, "No note is lost."),
    ],
)
def test_a_test_says_what_it_asks(test: dict[str, Any], expected: str) -> None:
    assert sentence(test) == expected
