"""What makes a second event under the same source and id a duplicate, and what a conflict.

Not here: the envelope's rules (`test_exact_validator`), and corrections (`test_correcting_events`).
"""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from event_archive.landing.deduplicate import first_difference
from support.events import land_bytes, lines, new_archive, rejected, weighed

DIFFERENT = [
    ({"zz": None}, {}, "zz"),
    ({"paid": True}, {"paid": 1}, "paid"),
    ({"paid": False}, {"paid": 0}, "paid"),
    ({"paid": None}, {"paid": False}, "paid"),
    ({"zz": {"deep": [1, True]}}, {"zz": {"deep": [1, 1]}}, "zz"),
    ({"zz": {"deep": None}}, {"zz": {}}, "zz"),
    ({"zz": "1"}, {"zz": 1}, "zz"),
]
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-2, 2)
    | st.decimals(-2, 2, places=1)
    | st.text("ab1", max_size=2),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.sampled_from("abc"), below, max_size=3),
    max_leaves=6,
)


@pytest.mark.parametrize("swapped", [False, True])
@pytest.mark.parametrize("files", [1, 2])
@pytest.mark.parametrize(("one", "other", "field"), DIFFERENT)
def test_another_value_under_the_same_id_is_a_conflict(
    tmp_path: Path, one: dict[str, Any], other: dict[str, Any], field: str, files: int, swapped: bool
) -> None:
    archive = new_archive(tmp_path)
    first, second = (other, one) if swapped else (one, other)
    events = [weighed(1, data=weighed(1)["data"] | more) for more in (first, second)]
    contents = [lines(events)] if files == 1 else [lines([event]) for event in events]
    for content in contents:
        land_bytes(archive, content)
    assert [(record.reason, record.detail) for record in rejected(archive)] == [
        ("conflict", f"source and id are taken by an event with another data.{field}")
    ]


@given(JSON, JSON)
def test_values_are_equal_where_they_are_of_the_same_json_types(mine: object, theirs: object) -> None:
    def typed(value: object) -> object:
        if isinstance(value, dict):
            return "object", frozenset((name, typed(below)) for name, below in value.items())
        if isinstance(value, list):
            return "array", tuple(typed(below) for below in value)
        return "boolean" if isinstance(value, bool) else "", value

    assert (first_difference(mine, theirs) is None) == (typed(mine) == typed(theirs))
    assert first_difference(mine, mine) is None
