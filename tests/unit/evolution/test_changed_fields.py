"""What a proposed contract changes for readers of its view: given two contracts, expect the fields."""

from pathlib import Path
from typing import Any

from event_archive.evolution.changed_fields import ChangedField, changed_fields
from support.events import contract_file, contracts_in

OLD: dict[str, Any] = {
    "type": "object",
    "required": ["customer", "grams", "id"],
    "properties": {
        "customer": {"type": "string"},
        "grams": {"type": "integer"},
        "id": {"type": "string"},
        "note": {"type": "string", "description": "Anything."},
        "lines": {"type": "array", "items": {"type": "object", "properties": {"sku": {"type": "string"}}}},
    },
}
NEW: dict[str, Any] = {
    "type": "object",
    "required": ["customer_number", "grams", "id"],
    "properties": {
        "customer_number": {"type": "string"},
        "grams": {"type": "integer", "maximum": 1000},
        "id": {"type": "string", "format": "uuid"},
        "note": {"type": "string", "description": "In other words."},
        "lines": {"type": "array", "items": {"type": "object", "properties": {"code": {"type": "string"}}}},
        "added": {"type": "string"},
    },
}
UPCAST = {
    "rename": {"customer_number": "customer", "lines[].code": "lines[].sku"},
    "cast": ["id"],
}


def test_what_becomes_of_each_field_that_a_reader_may_know(tmp_path: Path) -> None:
    contracts = contracts_in(
        tmp_path,
        contract_file("parcel.sent.v1", OLD),
        contract_file("parcel.sent.v2", NEW, upcast_from_v1=UPCAST),
    )
    assert changed_fields(contracts["parcel.sent.v1"], contracts["parcel.sent.v2"]) == [
        ChangedField("customer", "renamed to customer_number"),
        ChangedField("grams", "other rules: maximum"),
        ChangedField("id", "was VARCHAR, becomes UUID"),
        ChangedField("lines[].sku", "renamed to lines[].code"),
    ]


def test_words_change_nothing_for_a_reader(tmp_path: Path) -> None:
    annotations = {"deprecated": True, "title": "Weight", "readOnly": True, "x-pii": True, "$comment": "!"}
    new = {**OLD, "properties": {**OLD["properties"], "grams": {"type": "integer", **annotations}}}
    contracts = contracts_in(tmp_path / "old", contract_file("parcel.sent.v1", OLD))
    revised = contracts_in(tmp_path / "new", contract_file("parcel.sent.v1", new, revision=2))
    assert changed_fields(contracts["parcel.sent.v1"], revised["parcel.sent.v1"]) == []


def test_a_contract_changes_nothing_for_its_own_readers(tmp_path: Path) -> None:
    contract = contracts_in(tmp_path, contract_file("parcel.sent.v1", OLD))["parcel.sent.v1"]
    assert changed_fields(contract, contract) == []
