"""Samples for people: given contracts with personal fields, expect an example without any of them."""

from pathlib import Path
from typing import Any

import pytest

from event_archive.registry.contract import load_contract
from event_archive.views.shown_example import shown_example

SECRET = "s3cret"
BASE = """
type: user.joined.v1
revision: 1
owner: accounts
description: Somebody joined.
actor: [user]
object: user
data: {data}
examples:
  - specversion: "1.0"
    id: "1"
    source: /accounts
    type: user.joined.v1
    time: "2026-01-01T00:00:00Z"
    actor: user/1
    object: user/1
    data: {example}
"""
PERSONAL = "{type: string, x-pii: true}"
PLAN = "plan: {type: string}"
SAMPLE = "{plan: free, mail: s3cret}"
REFERENCE = '{$ref: "#/$defs/mail"}'
OF_A_LIST = f"type: array, items: {{type: object, properties: {{age: {{type: integer}}, name: {PERSONAL}}}}}"
CASES = {
    "a field": (f"{{type: object, properties: {{{PLAN}, mail: {PERSONAL}}}}}", SAMPLE, {"plan": "free"}),
    "a field of an object in a list": (
        f"{{type: object, properties: {{{PLAN}, people: {{{OF_A_LIST}}}}}}}",
        "{plan: free, people: [{age: 3, name: s3cret}]}",
        {"plan": "free", "people": [{"age": 3}]},
    ),
    "by reference": (
        f"{{type: object, $defs: {{mail: {PERSONAL}}}, properties: {{{PLAN}, mail: {REFERENCE}}}}}",
        SAMPLE,
        None,
    ),
    "in a choice": (
        f"{{type: object, properties: {{{PLAN}, mail: {{anyOf: [{PERSONAL}]}}}}}}",
        SAMPLE,
        {"plan": "free"},
    ),
    "a whole object": (
        f"{{type: object, properties: {{{PLAN}, who: {{type: object, x-pii: true, properties: {{}}}}}}}}",
        "{plan: free, who: {name: s3cret}}",
        {"plan": "free"},
    ),
    "nothing": (f"{{type: object, properties: {{{PLAN}}}}}", "{plan: free}", {"plan": "free"}),
}


@pytest.mark.parametrize("case", CASES)
def test_nothing_personal_is_shown(tmp_path: Path, case: str) -> None:
    data, example, expected = CASES[case]
    path = tmp_path / "user.joined.v1.yaml"
    path.write_text(BASE.format(data=data, example=example))
    shown: dict[str, Any] = shown_example(load_contract(path))
    assert SECRET not in str(shown)
    assert shown.get("data") == expected
    assert (shown["type"], shown["object"]) == ("user.joined.v1", "user/1")
