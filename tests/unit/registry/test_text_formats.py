"""Event types: given a text, it is of the grammar `<object>.<verb>.v<major>`, or it is not."""

import re

import pytest

from event_archive.registry.text_formats import EVENT_TYPE

LONGEST = "a" * 100


@pytest.mark.parametrize(
    ("text", "groups"),
    [
        ("note.written.v1", ("note", "written", "1")),
        ("a_1.b_2.v10", ("a_1", "b_2", "10")),
        (f"{LONGEST}.{LONGEST}.v9999", (LONGEST, LONGEST, "9999")),
    ],
)
def test_an_event_type_is_an_object_a_verb_and_a_major(text: str, groups: tuple[str, ...]) -> None:
    match = re.fullmatch(EVENT_TYPE, text)
    assert match
    assert match.groups() == groups


@pytest.mark.parametrize(
    "text",
    [
        *("", "note", "note.written", "note.written.1", "note.written.v", "note.written.v1.x"),
        *("note.written.v0", "note.written.v01", "note.written.v10000", "note.written.v-1"),
        *("Note.written.v1", "note.Written.v1", "note.written.V1", "1note.written.v1", "_note.written.v1"),
        *("no te.written.v1", "no-te.written.v1", "nöte.written.v1", "note.written.v\u0661", "note..v1"),
        *(" note.written.v1", "note.written.v1\n", "../note.written.v1", f"{LONGEST}a.written.v1"),
    ],
)
def test_anything_else_is_no_event_type(text: str) -> None:
    assert re.fullmatch(EVENT_TYPE, text) is None
