"""JSON within a record: given pairs, or JSON in a text, expect the value with its type and its digits."""

import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from event_archive import UnusableInput
from support.expressions import TypedRow
from support.hunting import examples
from support.mapped_values import map_values, outcomes

FORMS = {
    "copy": "parse_json(text)",
    "field": "parse_json(text).a",
    "item": "parse_json(text).a[2]",
    "text": "coalesce(parse_json(text).a, 'none')",
    "found": "lookup(pairs, 'k')",
    "inner": "lookup(parse_json(text).pairs, 'k').v",
}
NUMBERS = st.builds(
    lambda sign, whole, rest: f"{sign}{whole}{rest}",
    st.sampled_from(["", "-"]),
    st.one_of(st.just("0"), st.integers(1, 10**20).map(str)),
    st.sampled_from(["", ".0", ".5", ".50", ".10000000000000000001", "e5", "E-7", ".25e+3"]),
)
TEXTS = st.text(st.characters(exclude_characters="\ue0f1", exclude_categories=["Cs"]), max_size=6)
ATOMS = st.one_of(NUMBERS, st.sampled_from(["null", "true", "[]", "{}"]), TEXTS.map(json.dumps))
JSON = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]"),
        inner.map(lambda value: f'{{"k" : {value}}}'),
    ),
    max_leaves=4,
)


class Digits(str):
    """A number as it was written."""


def read(text: str) -> Any:
    """JSON with its numbers as they were written."""
    return json.loads(text, parse_int=Digits, parse_float=Digits)


@given(st.lists(st.tuples(JSON, JSON), min_size=1, max_size=30))
@settings(max_examples=examples(6), deadline=None)
def test_each_form_gives_the_value_with_its_type_and_digits(values: list[tuple[str, str]]) -> None:
    records = []
    for first, second in values:
        inner = f'{{"a":\n[{first} , {second}], "pairs":[{{"key":"k","value":{{"v":{first}}}}}]}}'
        pairs = f'[{{"key":"no","value":1}}, 5, {{"key":"k","value":{second}}}]'
        records.append(f'{{"text":{json.dumps(inner)},"pairs":{pairs}}}')
    for record, (event, reason) in zip(records, map_values(FORMS, records), strict=True):
        assert event, reason
        given_record = read(record)
        parsed = read(given_record["text"])
        found = read(event)["data"]
        text, field = found.pop("text"), found["field"]
        assert (text if field is None or isinstance(field, str) else read(text)) == (
            "none" if field is None else field
        )
        assert found == {
            "copy": parsed,
            "field": parsed["a"],
            "item": parsed["a"][1],
            "found": given_record["pairs"][2]["value"],
            "inner": parsed["pairs"][0]["value"]["v"],
        }


@pytest.mark.parametrize(
    "text", ['{"a":1,}', "[NaN]", "[Infinity]", "[-inf]", "no", "", "01", "1.", '"\\ud800"', "[1] 2", "[1}"]
)
def test_a_text_that_is_no_json_refuses_its_record(text: str) -> None:
    [reason, data] = outcomes({"out": "parse_json(text)"}, [json.dumps({"text": text}), '{"text":"[1]"}'])
    assert reason == f"data.out: {json.dumps(text)} is no JSON"
    assert data == {"out": [1]}


@pytest.mark.parametrize("text", ['["nan,]", "Infinity}"]', ' {"a" : "\\\\\\"1.50" } ', '"-0.5e5"', "null"])
def test_what_looks_like_a_fault_within_a_text_is_none(text: str) -> None:
    assert outcomes({"out": "parse_json(text)"}, [json.dumps({"text": text})]) == [{"out": json.loads(text)}]


LOOKED_UP = [
    ("{}", {}),
    ('{"pairs":null}', {}),
    ('{"pairs":[]}', {}),
    ('{"pairs":[{"key":"other","value":1},null,"k"]}', {}),
    ('{"pairs":[{"key":"k"}]}', {}),
    ('{"pairs":[{"key":"k","value":null}]}', {"out": None}),
    ('{"pairs":[{"key":"k","value":1},{"key":"k","value":1}]}', 'data.out: "k" is there 2 times'),
    ('{"pairs":{"k":1}}', 'data.out: "{\\"k\\":1}" is no list of pairs'),
    ('{"pairs":"k"}', 'data.out: "\\"k\\"" is no list of pairs'),
]


@pytest.mark.parametrize(("record", "expected"), LOOKED_UP)
def test_a_key_that_is_absent_or_twice(record: str, expected: Any) -> None:
    assert outcomes({"out": "lookup(pairs, 'k')"}, [record]) == [expected]


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("lookup(a)", "lookup takes 2 to 4 values, and has 1"),
        ("lookup(a, 'k', 'name')", "lookup takes a list, a key, and perhaps 'name', 'value': what its pairs"),
        ("lookup(a, 'k', b, 'value')", "lookup takes a list, a key, and perhaps"),
        ("lookup(a, 5)", "the key of lookup is a text, and not INTEGER"),
        ("lookup(lower(a), 'k')", "lookup takes a list; a text that holds one is read by parse_json"),
        ("parse_json('{')", "parse_json can't use '{'; correct it"),
        ("lower(a).b", "dot"),
    ],
)
def test_a_call_that_can_never_be_right_is_found_when_the_file_is_read(expression: str, reason: str) -> None:
    with pytest.raises(UnusableInput, match=re.escape(reason)):
        outcomes({"out": expression}, [])


def test_columns_of_an_older_major_are_read_alike() -> None:
    row = TypedRow(
        {
            "pairs": ("STRUCT(key VARCHAR, value DECIMAL(9, 2))[]", [{"key": "k", "value": "1.50"}]),
            "text": ("VARCHAR", '{"a": [0.10000000000000000001, "b"]}'),
        }
    )
    assert row.value("CAST(lookup(pairs, 'k') AS DECIMAL(9, 2)) * 2 = 3") is True
    assert row.value("parse_json(text).a[1]") == "0.10000000000000000001"
    row.put(text="[1,]", pairs=None)
    assert row.value("lookup(pairs, 'k')") is None
    assert row.outcome("parse_json(text)") == (None, '"[1,]" is no JSON')
    row.close()
