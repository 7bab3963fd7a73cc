"""A contract's data schema from an Avro schema (.avsc).

Belongs here: what each Avro type is in JSON under a contract, and what can't be carried over. Not here: the
contract around it (`importing`), and comparing Avro schemas (`evolution.compatibility`).

A field `["null", T]` that defaults to null becomes an optional T: an absent field is what a contract has for
"nothing here". Without the default it stays a required field that may be null. Named types are written out
where they are used.
"""

from typing import Any

from event_archive.errors import UnusableInput
from event_archive.registry.column_types import DECIMAL_PRECISION
from event_archive.registry.text_formats import CLOCK, DAY, DECIMAL
from event_archive.schema_files.avro_types import defined_names, named_types
from event_archive.schema_files.reading import Budget, Choices, DataSchema, Loss, parse_json

INT = {"type": "integer", "minimum": -(2**31), "maximum": 2**31 - 1}
LONG = {"type": "integer", "minimum": -(2**63), "maximum": 2**63 - 1}
BASE64 = {"type": "string", "contentEncoding": "base64"}
LOCAL_CLOCK = f"{CLOCK}(\\.[0-9]{{1,9}})?"
LOCAL_MOMENT = {"type": "string", "pattern": f"^{DAY}T{LOCAL_CLOCK}$"}
PRIMITIVES: dict[str, dict[str, Any]] = {
    "null": {"type": "null"},
    "boolean": {"type": "boolean"},
    "int": INT,
    "long": LONG,
    "float": {"type": "number"},
    "double": {"type": "number"},
    "string": {"type": "string"},
}
# What is text in JSON, by logical type.
LOGICAL: dict[str, dict[str, Any]] = {
    "uuid": {"type": "string", "format": "uuid"},
    "date": {"type": "string", "format": "date"},
    "timestamp-millis": {"type": "string", "format": "date-time"},
    "timestamp-micros": {"type": "string", "format": "date-time"},
    "timestamp-nanos": {"type": "string", "format": "date-time"},
    "time-millis": {"type": "string", "pattern": f"^{LOCAL_CLOCK}$"},
    "time-micros": {"type": "string", "pattern": f"^{LOCAL_CLOCK}$"},
    "local-timestamp-millis": LOCAL_MOMENT,
    "local-timestamp-micros": LOCAL_MOMENT,
    "local-timestamp-nanos": LOCAL_MOMENT,
    "duration": {"type": "string", "format": "duration"},
}
LOGICAL_LOSSES = {
    "timestamp-nanos": "nanoseconds: the archive keeps microseconds, and refuses what is finer",
    "time-millis": "a time of day becomes a text, such as 09:14:07.250: columns have no such type",
    "time-micros": "a time of day becomes a text, such as 09:14:07.250: columns have no such type",
    "local-timestamp-millis": "a time without a zone becomes a text: the archive keeps moments in UTC",
    "local-timestamp-micros": "a time without a zone becomes a text: the archive keeps moments in UTC",
    "local-timestamp-nanos": "a time without a zone becomes a text: the archive keeps moments in UTC",
    "duration": "becomes a text of ISO 8601, such as P1DT2H: columns have no such type",
}


def from_avro(text: str, choices: Choices) -> DataSchema:
    """Return the data schema that an Avro record is; types that it only names may be in other files.

    Raises UnusableInput with one line that names no file but another one.
    """
    parsed = parse_json(text)
    named = named_types(parsed, choices)
    reader = _AvroReader(named)
    own = {name: named[name] for name in defined_names(parsed) if name in named}
    schema = reader.record(_chosen(parsed, own, choices.message))
    return DataSchema(schema, tuple(dict.fromkeys(reader.losses)))


def _chosen(parsed: Any, named: dict[str, Any], message: str | None) -> dict[str, Any]:
    records = {name: schema for name, schema in named.items() if schema["type"] == "record"}
    if message is not None:
        for name, schema in records.items():
            if message in (name, name.rpartition(".")[2]):
                return dict(schema)
        raise UnusableInput(f"there is no record {message!r}; there are: {_format_names(records)}")
    if isinstance(parsed, dict) and parsed.get("type") == "record":
        return dict(next(iter(named.values())))
    if len(records) == 1:
        return dict(next(iter(records.values())))
    raise UnusableInput(
        f"the data of an event is a record; choose one with --message: {_format_names(records)}"
        if records
        else "the data of an event is a record, and there is none"
    )


def _format_names(names: dict[str, Any]) -> str:
    shown = ", ".join(list(names)[:8])
    return shown + (", …" if len(names) > 8 else "") if names else "none"


class _AvroReader:
    def __init__(self, named: dict[str, Any]) -> None:
        self._named = named
        self._budget = Budget()
        self._open: list[str] = []
        self.losses: list[Loss] = []

    def record(self, record: dict[str, Any], place: str = "") -> dict[str, Any]:
        name = str(record["name"])
        if name in self._open:
            raise UnusableInput(
                f"{place}: {name} holds itself; a contract's columns can't recurse: end it at a depth"
            )
        self._open.append(name)
        properties, required = {}, []
        for field in record["fields"]:
            at = f"{place}.{field['name']}".lstrip(".")
            key = str(field.get("json_name", field["name"]))
            properties[key] = _described(self._field(field, at), field.get("doc"))
            if "default" not in field:
                required.append(key)
            if field.get("aliases"):
                self._lose(at, f"the aliases {', '.join(map(str, field['aliases']))}: a field has one name")
        self._open.pop()
        schema: dict[str, Any] = {"type": "object"}
        if required:
            schema["required"] = required
        return _described(schema | {"properties": properties}, record.get("doc"))

    def _field(self, field: dict[str, Any], place: str) -> dict[str, Any]:
        kind = field["type"]
        if "default" not in field:
            return self._type(kind, place)
        default = field["default"]
        if isinstance(kind, list) and "null" in kind:
            self._lose(
                place,
                "may be null by Avro; here it is left out where there is nothing, and null is refused"
                if default is None
                else f"defaults to {str(default)[:60]}: the field is optional, and nobody fills that in; "
                "null is refused",
            )
            return self._type([branch for branch in kind if branch != "null"], place)
        self._lose(place, f"defaults to {str(default)[:60]}: the field is optional, and nobody fills that in")
        return self._type(kind, place)

    def _type(self, kind: Any, place: str) -> dict[str, Any]:
        self._budget.spend(place)
        if len(self._open) > 20:
            raise UnusableInput(f"{place}: nested deeper than 20 levels")
        if isinstance(kind, list):
            return self._union(kind, place)
        if isinstance(kind, str):
            return self._called(kind, place)
        if "logicalType" in kind:
            logical = self._logical(kind, place)
            if logical is not None:
                return logical
        return self._complex(kind, place)

    def _complex(self, kind: dict[str, Any], place: str) -> dict[str, Any]:
        match kind["type"]:
            case "record" | "error":
                return self.record(kind, place)
            case "enum":
                if "default" in kind:
                    self._lose(place, f"the enum's default {kind['default']}: other values are refused")
                return _described({"type": "string", "enum": list(kind["symbols"])}, kind.get("doc"))
            case "fixed":
                return self._fixed(kind["size"], place)
            case "array":
                return {"type": "array", "items": self._type(kind["items"], f"{place}[]")}
            case "map":
                return {
                    "type": "object",
                    "additionalProperties": self._type(kind["values"], f"{place}{{}}"),
                }
        return self._type(kind["type"], place)

    def _called(self, name: str, place: str) -> dict[str, Any]:
        """The schema of a type that stands there by its name alone: a definition's, or a primitive one."""
        if name in self._named:
            return self._type(self._named[name], place)
        if name == "bytes":
            self._lose(place, "bytes become a text in base64, which is not checked")
            return dict(BASE64)
        return dict(PRIMITIVES[name])

    def _fixed(self, size: Any, place: str) -> dict[str, Any]:
        if not isinstance(size, int) or size < 1:
            raise UnusableInput(f"{place}: the size of a fixed type is a number of bytes")
        self._lose(place, f"{size} bytes become a text in base64, which is not checked")
        length = -(-size // 3) * 4
        return {**BASE64, "minLength": length, "maxLength": length}

    def _union(self, branches: list[Any], place: str) -> dict[str, Any]:
        others = [branch for branch in branches if branch != "null"]
        nullable = len(others) < len(branches)
        if not others:
            return {"type": "null"}
        if len(others) == 1:
            schema = self._type(others[0], place)
            if not nullable:
                return schema
            if "enum" in schema:
                schema["enum"] = [*schema["enum"], None]
            if "type" in schema:
                return schema | {"type": [schema["type"], "null"]}
            return {"anyOf": [schema, {"type": "null"}]}
        self._lose(place, "a union of several types: the column holds the value's JSON text")
        return {"anyOf": [self._type(branch, place) for branch in branches]}

    def _logical(self, kind: dict[str, Any], place: str) -> dict[str, Any] | None:
        logical = kind["logicalType"]
        if logical == "decimal" and kind["type"] in ("bytes", "fixed"):
            precision, scale = kind.get("precision"), kind.get("scale", 0)
            if isinstance(precision, int) and isinstance(scale, int) and precision <= DECIMAL_PRECISION:
                return {"type": "string", "format": "decimal", "x-precision": precision, "x-scale": scale}
            self._lose(place, f"a decimal of {precision} digits: the column holds its text")
            return {"type": "string", "pattern": f"^{DECIMAL}$"}
        if isinstance(logical, str) and logical in LOGICAL:
            if logical in LOGICAL_LOSSES:
                self._lose(place, LOGICAL_LOSSES[logical])
            return dict(LOGICAL[logical])
        self._lose(place, f"the logical type {str(logical)[:60]!r} is not known: it is read as what is below")
        return None

    def _lose(self, place: str, why: str) -> None:
        self.losses.append(Loss.of(place, why))


def _described(schema: dict[str, Any], doc: Any) -> dict[str, Any]:
    if not isinstance(doc, str) or not doc.strip():
        return schema
    return (
        {"type": schema.pop("type"), "description": doc.strip(), **schema}
        if "type" in schema
        else {"description": doc.strip(), **schema}
    )
