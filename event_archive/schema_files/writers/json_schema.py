"""A contract as one JSON Schema of the whole event: the CloudEvents envelope, and the data within.

Belongs here: the envelope as `validation` asks for it. Not here: the data, which is a JSON Schema already.
"""

import json
import re
from typing import Any

from event_archive.envelope import ATTRIBUTES, CORRECTIONS, SPEC_VERSION
from event_archive.registry.column_types import DECIMAL_PRECISION, DECIMAL_SCALE
from event_archive.registry.contract import Contract
from event_archive.registry.data_schema import DRAFT
from event_archive.registry.exact_values import LARGEST_BIGINT
from event_archive.registry.schema_keywords import LISTS, MAPS, SINGLE
from event_archive.registry.text_formats import decimal_pattern

NOT_EXPRESSED = (
    "Not expressible here, and refused where it lands: a time finer than a microsecond or later than now, "
    "an integer of more than 64 bits, a number with more digits than its column holds, a key twice in one "
    "object, an event that corrects or voids itself."
)
OFFSET = "([Zz]|[+-][0-9]{2}:[0-9]{2})$"


def to_json_schema(contract: Contract) -> str:
    """Return the JSON Schema (draft 2020-12) of a whole event of a type, as text."""
    actors = "|".join(contract.actor_types)
    text = {"type": "string", "minLength": 1}
    optional_text = {"type": ["string", "null"], "minLength": 1}
    schema = {
        "$schema": DRAFT,
        "title": contract.type,
        "description": contract.description,
        "$comment": f"Revision {contract.revision}. {NOT_EXPRESSED}",
        "type": "object",
        "required": [attribute.name for attribute in ATTRIBUTES if attribute.is_required],
        "properties": {
            "specversion": {"const": SPEC_VERSION},
            "id": {**text, "description": "With the source, the name of this event: never used twice."},
            "source": {**text, "description": "The service that says it."},
            "type": {"const": contract.type},
            "time": {
                "type": "string",
                "format": "date-time",
                "pattern": OFFSET,
                "description": "When it occurred.",
            },
            "actor": {
                "type": "string",
                "pattern": f"^({actors})/.+$",
                "description": f"Who did it: {' or '.join(contract.actor_types)}, a slash, and an id.",
            },
            "verb": {"enum": [contract.verb, None]},
            "object": {
                "type": "string",
                "pattern": f"^{contract.object_type}/.+$",
                "description": f"What it was done to: {contract.object_type}, a slash, and an id.",
            },
            "correlationid": optional_text,
            "causationid": optional_text,
            "corrects": {
                **optional_text,
                "description": "The id of the earlier event of this source that this one replaces.",
            },
            "voids": {
                **optional_text,
                "description": "The id of the earlier event of this source that this one takes away.",
            },
            "objectversion": {
                "type": ["integer", "null"],
                "minimum": 1,
                "maximum": LARGEST_BIGINT,
                "description": "1, 2, 3 … within the object.",
            },
            "datacontenttype": {
                "type": ["string", "null"],
                "pattern": "^[Aa][Pp][Pp][Ll][Ii][Cc][Aa][Tt][Ii][Oo][Nn]/([^;]+\\+)?[Jj][Ss][Oo][Nn](;.*)?$",
            },
            "data": _embedded(contract.schema),
        },
        "not": {
            "required": [*CORRECTIONS],
            "properties": {name: {"type": "string"} for name in CORRECTIONS},
        },
        "propertyNames": {"pattern": "^[a-z0-9]+$"},
        "additionalProperties": {"type": ["string", "integer", "boolean", "null"]},
    }
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _embedded(schema: Any) -> Any:
    """Return a schema as a part of another: its references still lead there, and decimals have a pattern."""
    if not isinstance(schema, dict):
        return schema
    embedded: dict[str, Any] = {}
    for keyword, part in schema.items():
        if keyword == "$ref" and isinstance(part, str):
            embedded[keyword] = re.sub(r"^#(?=/|$)", "#/properties/data", part)
        elif keyword in MAPS and isinstance(part, dict):
            embedded[keyword] = {name: _embedded(item) for name, item in part.items()}
        elif keyword in LISTS and isinstance(part, list):
            embedded[keyword] = [_embedded(item) for item in part]
        elif keyword in SINGLE:
            embedded[keyword] = _embedded(part)
        elif keyword != "$schema":
            embedded[keyword] = part
    if embedded.get("format") == "decimal" and "pattern" not in embedded:
        precision = int(embedded.get("x-precision", DECIMAL_PRECISION))
        scale = int(embedded.get("x-scale", DECIMAL_SCALE))
        embedded["pattern"] = f"^{decimal_pattern(scale, precision - scale)}$"
    return embedded
