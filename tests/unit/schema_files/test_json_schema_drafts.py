"""The draft of a JSON Schema: given its words, expect the draft it is read as, and whether that is told."""

from typing import Any

import pytest

from event_archive import UnusableInput
from event_archive.schema_files.json_schema_drafts import ADDRESSES, draft_of

LIST = {"items": [{"type": "string"}]}
IGLU = "http://iglucentral.com/schemas/com.snowplowanalytics.self-desc/schema/jsonschema/1-0-0#"


@pytest.mark.parametrize(("number", "address"), ADDRESSES.items())
def test_a_named_draft_is_not_assumed(number: int, address: str) -> None:
    for spelled in (address, address.removesuffix("#"), address.replace("http:", "https:")):
        draft = draft_of({"$schema": spelled}, named=6)
        assert (draft.number, draft.assumption, draft.address) == (number, "", address)


@pytest.mark.parametrize(
    ("schema", "number", "is_told"),
    [
        (True, 2020, False),
        ({}, 2020, False),
        ({"$defs": {"a": {"prefixItems": []}}}, 2020, False),
        (LIST, 7, True),
        ({"properties": {"a": LIST}}, 7, True),
        ({"dependencies": {"a": ["b"]}}, 7, True),
        ({"definitions": {}}, 7, True),
        ({"properties": {"a": {"minimum": 1, "exclusiveMinimum": True}}, "definitions": {}}, 4, True),
        ({**LIST, "dependentRequired": {"a": ["b"]}}, 2019, True),
        ({"$recursiveRef": "#"}, 2019, True),
        ({"definitions": {}, "prefixItems": []}, 2020, False),
        ({"enum": [LIST, {"definitions": 1}], "default": LIST, "examples": [LIST]}, 2020, False),
        ({"properties": {"definitions": {}, "dependencies": {}, "exclusiveMinimum": True}}, 2020, False),
        ({"$schema": IGLU}, 4, True),
        ({"$schema": "http://json-schema.org/draft-07/hyper-schema#"}, 7, True),
        ({"$schema": "https://example.com/dialect", **LIST}, 7, True),
        ({"$schema": "https://example.com/dialect"}, 2020, True),
        ({"$schema": "/page/edit/1.0.0"}, 2020, True),
    ],
)
def test_an_unnamed_draft_is_that_of_the_syntax(schema: Any, number: int, is_told: bool) -> None:
    draft = draft_of(schema)
    assert (draft.number, bool(draft.assumption)) == (number, is_told)


def test_the_draft_that_the_user_names_holds_where_the_schema_names_none() -> None:
    for schema in (LIST, {"$schema": IGLU}):
        assert draft_of(schema, named=2019).number == 2019
        assert draft_of(schema, named=2019).assumption == ""


@pytest.mark.parametrize("name", [1, "http://json-schema.org/draft-03/schema#"])
def test_a_draft_that_is_not_read_is_refused(name: Any) -> None:
    with pytest.raises(UnusableInput, match=r"\$schema: "):
        draft_of({"$schema": name})
