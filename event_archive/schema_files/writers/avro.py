"""A contract's data as an Avro schema (.avsc): one record.

Belongs here: what each part is in Avro. Not here: the tree of parts (`parts`), and what Avro becomes in a
contract (`readers.avro`), which takes all of this up again.

An optional field is `["null", T]` with default null; a required one that may be null has no default. What a
contract leaves open is a string that holds JSON text. A field's `doc` says what Avro can't check.
"""

import json
import re
from typing import Any

from event_archive.registry.contract import Contract
from event_archive.schema_files.parts import Part, class_name, data_of, demands, identifier, unique

SYMBOL = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
SCALARS: dict[str, Any] = {
    "text": "string",
    "number": "double",
    "boolean": "boolean",
    "date": {"type": "int", "logicalType": "date"},
    "moment": {"type": "long", "logicalType": "timestamp-micros"},
    "uuid": {"type": "string", "logicalType": "uuid"},
    "any": "string",
}
AS_TEXT = {"any": "JSON as text", "moment": "UTC, to the microsecond"}


def to_avro(contract: Contract) -> str:
    """Return the Avro schema of the data of an event type, as text."""
    part = data_of(contract)
    record = _AvroWriter().record(part, class_name(f"{contract.object_type} {contract.verb}"))
    not_expressed = (
        [*demands(part), "fields beside these have no place here"] if part.is_open else demands(part)
    )
    about = f"{contract.description} The data of {contract.type}, revision {contract.revision}."
    whole = {
        "type": "record",
        "name": record["name"],
        "namespace": contract.type,
        "doc": f"{about} Not expressible here: {'; '.join(not_expressed)}." if not_expressed else about,
        "fields": record["fields"],
    }
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"


class _AvroWriter:
    def __init__(self) -> None:
        self._taken: set[str] = set()

    def record(self, part: Part, name: str) -> dict[str, Any]:
        own = unique(name, self._taken)
        taken: set[str] = set()
        fields = [self._field(field, unique(identifier(field.name), taken), own) for field in part.fields]
        return {"type": "record", "name": own, "fields": fields}

    def _field(self, part: Part, name: str, owner: str) -> dict[str, Any]:
        kind = self._type(part, f"{owner}{class_name(part.name)}")
        field: dict[str, Any] = {"name": name}
        words = [part.description] if part.description else []
        asked = [AS_TEXT[part.kind]] if part.kind in AS_TEXT else []
        asked += demands(part) if not _is_enum(kind) else []
        if not part.required:
            asked.append("null stands for an absent field")
        if asked:
            words.append(f"({'; '.join(asked)})")
        if words:
            field["doc"] = " ".join(words)
        if name != part.name:
            field["json_name"] = part.name
        if not part.required or part.nullable:
            kind = ["null", kind]
        field["type"] = kind
        if not part.required:
            field["default"] = None
        return field

    def _type(self, part: Part, name: str) -> Any:
        match part.kind:
            case "object":
                return self.record(part, name)
            case "list" if part.item is not None:
                return {"type": "array", "items": self._inner(part.item, f"{name}Item")}
            case "map" if part.item is not None:
                return {"type": "map", "values": self._inner(part.item, f"{name}Value")}
            case "integer":
                return "int" if part.fits_32_bits else "long"
            case "decimal":
                precision, scale = part.decimal
                return {"type": "bytes", "logicalType": "decimal", "precision": precision, "scale": scale}
            case "text" if part.choices and all(
                isinstance(choice, str) and SYMBOL.fullmatch(choice) for choice in part.choices
            ):
                return {"type": "enum", "name": unique(name, self._taken), "symbols": list(part.choices)}
        return SCALARS[part.kind]

    def _inner(self, part: Part, name: str) -> Any:
        kind = self._type(part, name)
        return ["null", kind] if part.nullable else kind


def _is_enum(kind: Any) -> bool:
    return isinstance(kind, dict) and kind.get("type") == "enum"
