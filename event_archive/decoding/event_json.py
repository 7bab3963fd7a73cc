"""Events of other encodings as CloudEvents JSON text.

Belongs here: attributes and data as JSON that means exactly the same. Not here: reading
those encodings (`avro`, `protobuf_event`), and whether the event is valid (`exact_validator`).

Members are sorted, so that events of one producer are written alike whatever order a map came in. Data that
is JSON text stays as its producer wrote it, digit by digit; the attributes are spaced as it is.
"""

import json
import math
from base64 import b64encode
from functools import lru_cache
from typing import Any

import orjson

from event_archive.decoding.spacing import spacing_of
from event_archive.envelope import BASE64_DATA, JSON_MEDIA, MAX_DEPTH

LARGEST_WHOLE = float(1 << 53)  # up to here a double is one integer alone
DATA_NAMES = ("data", BASE64_DATA)
SORTED = orjson.OPT_SORT_KEYS


class RecordError(Exception):
    """A record can't be read, or not be written as JSON: a reason to group by, and a sentence to read."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


def event_json(attributes: dict[str, Any], data: bytes | str | None = None) -> bytes:
    """Return an event whose data is text or bytes, of the content type in its attributes (JSON if none)."""
    _expect_no_data(attributes)
    if data is None:
        return _text(attributes)
    raw = (data.encode() if isinstance(data, str) else data).strip(b" \t\r\n")
    if is_json(attributes.get("datacontenttype")) and _is_one_value(raw):
        spaced = spacing_of(raw).comma != ","
        envelope = _spaced_text(attributes) if spaced else _text(attributes)
        return _joined(envelope, raw, spaced=spaced)
    if isinstance(data, str):
        return _joined(_text(attributes), orjson.dumps(data))
    return _text(attributes | {BASE64_DATA: b64encode(data).decode()})


def event_json_of_value(attributes: dict[str, Any], data: Any) -> bytes:
    """Return an event whose data is a JSON value already; raises RecordError."""
    _expect_no_data(attributes)
    return _joined(_text(attributes), value_json(data))


def value_json(value: Any) -> bytes:
    """Return a value of dicts, lists, numbers, texts and bytes (as base64) as JSON; raises RecordError."""
    try:
        return orjson.dumps(exact(value), option=SORTED)
    except (RecursionError, orjson.JSONEncodeError) as error:
        raise RecordError("too_deep", f"nested deeper than {MAX_DEPTH} levels") from error


def exact(value: Any) -> Any:
    """Return the value as JSON has it; a whole double is an integer, as 97.0 and 97 are one number."""
    if isinstance(value, float):
        if value.is_integer() and -LARGEST_WHOLE <= value <= LARGEST_WHOLE:
            return int(value) if value or math.copysign(1, value) > 0 else value
        if not math.isfinite(value):
            raise RecordError("not_json", f"a number is {value}, which JSON can't say")
        return value
    if isinstance(value, dict):
        return {name: exact(item) for name, item in value.items()}
    if isinstance(value, list):
        return [exact(item) for item in value]
    return b64encode(value).decode() if isinstance(value, bytes) else value


@lru_cache(256)
def is_json(media: Any) -> bool:
    """Whether data of this content type is JSON, as it is where there is no content type."""
    return media is None or bool(JSON_MEDIA.fullmatch(str(media)))


def _expect_no_data(attributes: dict[str, Any]) -> None:
    for name in DATA_NAMES:
        if name in attributes:
            raise RecordError("duplicate_key", f"there is an attribute named {name}, beside the data")


def _text(attributes: dict[str, Any]) -> bytes:
    return orjson.dumps(attributes, _base64, SORTED)


def _spaced_text(attributes: dict[str, Any]) -> bytes:
    return json.dumps(attributes, ensure_ascii=False, sort_keys=True, default=_base64).encode()


def _base64(value: Any) -> str:
    if isinstance(value, bytes):
        return b64encode(value).decode()
    raise TypeError


def _joined(envelope: bytes, data: bytes, *, spaced: bool = False) -> bytes:
    name = b'"data": ' if spaced else b'"data":'
    comma = b"" if envelope == b"{}" else b", " if spaced else b","
    return b"%b%b%b%b}" % (envelope[:-1], comma, name, data)


def _is_one_value(raw: bytes) -> bool:
    """Whether these bytes can stand as one member of an object, and can't be more than that.

    What orjson is too strict for (NaN, half a surrogate pair) is left to the exact
    validator, which says what is wrong.
    """
    try:
        orjson.loads(raw)
    except orjson.JSONDecodeError:
        try:
            json.loads(raw.decode())
        except (ValueError, RecursionError):
            return False
    return True
