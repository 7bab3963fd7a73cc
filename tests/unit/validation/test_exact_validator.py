"""The exact validator: given a record, expect a row, or a reason that says what to do about it."""

import json
import resource
from base64 import b64encode
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from event_archive.registry.contract import Contracts
from event_archive.validation.exact_validator import Accepted, Rejected, strict_fault, validate
from support.events import LOST, LOST_DATA, WEIGHED, WEIGHED_DATA, contract, lost, text, weighed

CONTRACTS = Contracts([contract(WEIGHED_DATA), contract(LOST_DATA, LOST)])
LATEST = datetime(2026, 6, 1, tzinfo=UTC)


def verdict(record: bytes) -> Accepted | Rejected:
    return validate(record, CONTRACTS, LATEST)


def accepted(record: bytes) -> dict[str, Any]:
    result = verdict(record)
    assert isinstance(result, Accepted), result
    return result.row


def rejected(record: bytes) -> Rejected:
    result = verdict(record)
    assert isinstance(result, Rejected), result
    return result


def test_an_event_becomes_a_row() -> None:
    event = weighed(
        1,
        verb="weighed",
        actor="clerk/ada/of/Ulm",
        time="2026-01-02T01:30:00+02:00",
        correlationid="c",
        causationid="b",
        objectversion=3,
        corrects="event-0",
        data={"due_at": "2026-01-05T00:00:00Z", "fee": 1.5, "price": "12.50", "remarks": {"a": None}},
    )
    row = accepted(text(event))
    data = row.pop("data")
    assert row == {
        "event_id": "event-1",
        "source": "/post",
        "actor_type": "clerk",
        "actor_id": "ada/of/Ulm",
        "verb": "weighed",
        "object_type": "parcel",
        "object_id": "1",
        "occurred_at": datetime(2026, 1, 1, 23, 30, tzinfo=UTC),
        "event_date": date(2026, 1, 1),
        "correlation_id": "c",
        "causation_id": "b",
        "object_version": 3,
        "corrects": "event-0",
        "voids": None,
        "extra": None,
    }
    assert {name: value for name, value in data.items() if value is not None} == {
        "label": "parcel 1",
        "grams": 1,
        "due_at": datetime(2026, 1, 5, tzinfo=UTC),
        "fee": Decimal("1.5"),
        "price": Decimal("12.50"),
        "remarks": '{"a":null}',
    }


def test_what_no_column_holds_is_kept_in_extra() -> None:
    event = weighed(
        1,
        traceparent="00-ab",
        priority=3,
        urgent=True,
        data={"colour": "red", "pieces": [{"name": "a", "kg": 1.0}]},
    )
    assert json.loads(accepted(text(event))["extra"]) == {
        "attributes": {"traceparent": "00-ab", "priority": 3, "urgent": True},
        "data": {"colour": "red", "pieces": {"0": {"kg": 1.0}}},
    }


def test_null_attributes_are_absent_ones() -> None:
    optional = (
        "verb",
        "correlationid",
        "causationid",
        "objectversion",
        "corrects",
        "voids",
        "traceparent",
        "subject",
        "data_base64",
    )
    assert accepted(text(weighed(1) | dict.fromkeys(optional))) == accepted(text(weighed(1)))


def test_keys_and_white_space_may_come_in_any_order() -> None:
    event = dict(reversed(weighed(1).items()))
    assert accepted(json.dumps(event, indent=2).encode()) == accepted(text(weighed(1)))


LONG = b"0.10000000000000001"


def test_what_a_column_holds_less_of_is_kept_as_it_came() -> None:
    event = weighed(1, time="2026-01-01T23:59:59.9999999Z", traceparent="00-ab")
    event["data"] |= {"due_at": "2026-03-01T01:00:00.123456789+01:00", "ratio": 0.5, "colour": "red"}
    row = accepted(text(event).replace(b'"ratio":0.5', b'"ratio":' + LONG))
    assert row["occurred_at"] == datetime(2026, 1, 1, 23, 59, 59, 999_999, UTC)
    assert row["event_date"] == date(2026, 1, 1)
    assert row["data"]["due_at"] == datetime(2026, 3, 1, 0, 0, 0, 123_456, UTC)
    assert row["data"]["ratio"] == 0.1
    assert json.loads(row["extra"], parse_float=Decimal) == {
        "attributes": {"traceparent": "00-ab"},
        "data": {"colour": "red"},
        "original": {
            "time": "2026-01-01T23:59:59.9999999Z",
            "data": {"due_at": "2026-03-01T01:00:00.123456789+01:00", "ratio": Decimal(LONG.decode())},
        },
    }


def encoded(content: bytes, **changes: Any) -> bytes:
    """An event with its data as Base64."""
    return text(weighed(1, without=["data"]) | changes | {"data_base64": b64encode(content).decode()})


@pytest.mark.parametrize(
    "media", [None, "application/json", "application/json ; charset=utf-8", "text/json", "image/x+JSON"]
)
def test_data_in_base64_is_read_where_it_is_json(media: str | None) -> None:
    more = {} if media is None else {"datacontenttype": media}
    plain = weighed(1, **more, data={"ratio": 1.5})
    assert accepted(encoded(text(plain["data"]), **more)) == accepted(text(plain))
    assert accepted(encoded(b" " + text(plain["data"]) + b"\n", data=None, **more)) == accepted(text(plain))


@pytest.mark.parametrize(
    ("record", "reason", "detail"),
    [
        (encoded(b"hi"), "invalid_json", "data_base64: Expecting value at character 0"),
        (encoded(b"\xff"), "invalid_utf8", "data_base64: byte 0 of the data is not UTF-8"),
        (encoded(b"[]"), "not_an_object", "data_base64: the data is JSON, but not an object"),
        (encoded(b'{"a":1,"a":1}'), "duplicate_key", "data_base64: the key 'a' stands twice in one object"),
        (encoded(b'{"a":' * 63 + b"1" + b"}" * 63), "contract_violation", "data: "),
        (encoded(b'{"a":' * 64 + b"1" + b"}" * 64), "too_deep", "data_base64: nested deeper than 63 levels"),
        (encoded(b"{}"), "contract_violation", "data: "),
        (encoded(b"\x89PNG", datacontenttype="image/png"), "bad_envelope", "datacontenttype is 'image/png'"),
        (
            text(weighed(1, without=["data"], data_base64="a")),
            "bad_envelope",
            "data_base64 is 'a', not Base64",
        ),
        (
            text(weighed(1, without=["data"], data_base64="é")),
            "bad_envelope",
            "data_base64 is 'é', not Base64",
        ),
        (
            text(weighed(1, without=["data"], data_base64="__8=")),
            "bad_envelope",
            "data_base64 is '__8=', not",
        ),
        (text(weighed(1, without=["data"], data_base64={})), "bad_envelope", "data_base64 is {}, not Base64"),
    ],
)
def test_data_in_base64_that_is_no_json_object_is_rejected(record: bytes, reason: str, detail: str) -> None:
    why = rejected(record)
    assert (why.reason, why.detail[: len(detail)]) == (reason, detail)


NOT_JSON = [
    (b"", "invalid_json", "Expecting value at character 0"),
    (b"{", "invalid_json", "at character 1"),
    (b'{"a":1,}', "invalid_json", "at character 7"),
    (b"{'a':1}", "invalid_json", "at character 1"),
    (b'{"a":NaN}', "invalid_json", "NaN is not JSON"),
    (b'{"a":-Infinity}', "invalid_json", "-Infinity is not JSON"),
    (b'{"a":01}', "invalid_json", "at character 6"),
    (b'{"a":1} {}', "invalid_json", "Extra data at character 8"),
    (b'{"a":"\t"}', "invalid_json", "Invalid control character at character 6"),
    (b'{"a":"b}', "invalid_json", "Unterminated string at character 5"),
    (b'{"a":"\x00"}', "invalid_json", "Invalid control character"),
    (b'\xef\xbb\xbf{"a":1}', "invalid_json", ""),
    (b"// a", "invalid_json", ""),
    (b'{"a":"\xff"}', "invalid_utf8", "byte 6 of the record is not UTF-8"),
    (b'{"a":"\xed\xa0\x80"}', "invalid_utf8", "byte 6"),
    (b"[]", "not_an_object", "not an object"),
    (b"null", "not_an_object", "not an object"),
    (b'"text"', "not_an_object", "not an object"),
    (b'{"a":1,"b":{"c":1,"c":1}}', "duplicate_key", "the key 'c' stands twice in one object"),
    (b'{"\\ud800":1,"\\ud800":1}', "duplicate_key", "stands twice"),
    (b'{"a":1e400000000000}', "number_out_of_range", "1e400000000000 is out of any range"),
    (b'{"a":1e5001}', "number_out_of_range", "out of any range"),
    (b'{"a":0.' + b"1" * 6000 + b"}", "number_out_of_range", "too many digits"),
    (b'{"a":' + b"1" * 2501 + b"}", "number_out_of_range", "has 2501 digits"),
    (b'{"a":"\\ud800"}', "lone_surrogate", "half of a surrogate pair"),
    (b'{"\\udc00":1}', "lone_surrogate", "half of a surrogate pair"),
    (b'{"a":' + b"[" * 65 + b"]" * 65 + b"}", "too_deep", "nested deeper than 64 levels"),
    (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, "too_deep", "nested deeper than 64 levels"),
    (b"[" * 10_000, "too_deep", "nested deeper than 64 levels"),
]


@pytest.mark.parametrize(("record", "reason", "detail"), NOT_JSON, ids=range(len(NOT_JSON)))
def test_a_record_that_is_not_strictly_json(record: bytes, reason: str, detail: str) -> None:
    result = rejected(record)
    assert result.reason == reason
    assert detail in result.detail
    assert "\n" not in result.detail
    assert len(result.detail) < 300
    is_json = result.reason == "number_out_of_range"  # but of a number that no event may hold
    assert strict_fault(record) == (None if is_json else result)


def test_brackets_inside_of_strings_are_not_nesting() -> None:
    label = '[{"' * 200 + "\\"
    assert accepted(text(weighed(1, data={"label": label})))["data"]["label"] == label
    deepest = b"[" * 62 + b"]" * 62
    assert accepted(text(weighed(1, data={"remarks": "X"})).replace(b'"X"', deepest))


def test_a_pair_of_surrogates_is_a_character() -> None:
    record = text(weighed(1, data={"label": "X"})).replace(b'"X"', b'"\\ud83d\\ude00"')
    assert accepted(record)["data"]["label"] == "😀"


ENVELOPES = [
    ({"specversion": None}, "specversion is null, not '1.0'"),
    ({"specversion": "0.3"}, "specversion is '0.3', not '1.0'"),
    ({"specversion": 1.0}, "specversion is 1.0, not '1.0'"),
    ({"id": None}, "id is missing"),
    ({"id": ""}, "id is ''"),
    ({"id": 7}, "id is 7, not a text"),
    ({"time": ""}, "time is '', and must not be empty"),
    ({"source": None}, "source is missing"),
    ({"time": None}, "time is missing"),
    ({"time": "2026-01-01T00:00:00"}, "time: '2026-01-01T00:00:00' is not an RFC 3339 time with an offset"),
    (
        {"time": "0000-01-01T00:00:00Z"},
        "time: '0000-01-01T00:00:00Z' is no time between the years 1 and 9999",
    ),
    ({"time": "2026-06-30T23:59:60Z"}, "time: '2026-06-30T23:59:60Z' is not an RFC 3339 time"),
    ({"time": 1770112800}, "time is 1770112800, not a text"),
    ({"actor": None}, "actor is missing"),
    ({"actor": "clerk"}, "actor is 'clerk', not <type>/<id>"),
    ({"actor": "clerk/"}, "actor is 'clerk/', not <type>/<id>"),
    ({"actor": "/ada"}, "actor is '/ada', not <type>/<id>"),
    ({"actor": "robot/r2"}, "actor is of type 'robot', not clerk or system"),
    ({"actor": {"id": 1}}, 'actor is {"id":1}, not a text'),
    ({"object": None}, "object is missing"),
    ({"object": "parcel"}, "object is 'parcel', not <type>/<id>"),
    ({"object": "letter/1"}, "object is of type 'letter', not 'parcel'"),
    ({"verb": "lost"}, "verb is 'lost', but the type says 'weighed'"),
    ({"verb": ""}, "verb is '', but the type says 'weighed'"),
    ({"objectversion": 0}, "objectversion is 0, not 1, 2, 3 …"),
    ({"objectversion": 1.5}, "objectversion is 1.5"),
    ({"objectversion": True}, "objectversion is true"),
    ({"objectversion": "1"}, "objectversion is '1'"),
    ({"objectversion": 2**63}, "objectversion is 9223372036854775808"),
    ({"correlationid": ""}, "correlationid is ''"),
    ({"causationid": 1}, "causationid is 1, not a text"),
    ({"corrects": ""}, "corrects is ''"),
    ({"voids": 7}, "voids is 7, not a text"),
    ({"corrects": "a", "voids": "b"}, "corrects and voids are both given"),
    ({"corrects": "event-1"}, "corrects is 'event-1', the event's own id, not an earlier one's"),
    ({"voids": "event-1"}, "voids is 'event-1', the event's own id"),
    ({"trace_parent": "a"}, "'trace_parent' is not an attribute of a JSON event"),
    ({"data_base64": "aGk="}, "data and data_base64 are both given: an event has one of the two"),
    ({"traceparent": 1.5}, "attribute traceparent is 1.5, not a text, integer or boolean"),
    ({"traceparent": []}, "attribute traceparent is [], not"),
    ({"datacontenttype": "text/xml"}, "datacontenttype is 'text/xml', not JSON"),
]


@pytest.mark.parametrize(("changes", "detail"), ENVELOPES, ids=lambda case: str(case)[:40])
def test_a_bad_envelope(changes: dict[str, Any], detail: str) -> None:
    result = rejected(text(weighed(1, **changes)))
    assert result.reason == "bad_envelope"
    assert detail in result.detail


@pytest.mark.parametrize("name", ["specversion", "id", "source", "type", "time", "actor", "object", "data"])
def test_a_missing_attribute_is_as_a_null_one(name: str) -> None:
    missing, null = rejected(text(weighed(1, without=[name]))), rejected(text(weighed(1) | {name: None}))
    assert missing == null
    assert missing.reason == "bad_envelope"
    assert missing.detail.startswith(name)


TYPES = [
    "../../etc/passwd",
    "parcel'; DROP TABLE x; --.weighed.v1",
    "x" * 300,
    "parcel.weighed.v2",
    "",
    "\0",
    WEIGHED.upper(),
]


@pytest.mark.parametrize("event_type", TYPES)
def test_an_unknown_type(event_type: str) -> None:
    result = rejected(text(weighed(1, type=event_type)))
    assert result.reason == ("unknown_type" if event_type else "bad_envelope")
    assert (result.type, result.source, result.event_id) == (event_type[:200], "/post", "event-1")
    assert len(result.detail) < 150


DATA = [
    ({"grams": "7"}, "contract_violation", 'data.grams: "7" is not of type "integer"'),
    ({"grams": 7.5}, "contract_violation", "data.grams: 7.5 is not of type"),
    ({"grams": None}, "contract_violation", "data.grams: null is not of type"),
    ({"label": ""}, "contract_violation", "data.label: "),
    ({"kind": "barrel"}, "contract_violation", "data.kind: "),
    ({"pieces": [{"name": "a"}, {}]}, "contract_violation", 'data.pieces.1: "name" is a required property'),
    ({"sent_date": "2026-02-30"}, "contract_violation", "data.sent_date: "),
    ({"due_at": "2026-01-01T00:00:00"}, "contract_violation", "data.due_at: "),
    ({"tracking_id": "{0d4b}"}, "contract_violation", "data.tracking_id: "),
    ({"price": "1e2"}, "contract_violation", "data.price: "),
    ({"fee": 0.001}, "contract_violation", "data.fee: "),
    ({"grams": 2**64}, "inexact", "data.grams: 18446744073709551616 does not fit 64 bits"),
    ({"pieces": [{"name": "a", "count": 2**63}]}, "inexact", "data.pieces[0].count: "),
    ({"price": "0.12345678901"}, "inexact", "data.price: 0.12345678901 does not fit DECIMAL(38, 10)"),
    ({"fee": 10**16}, "inexact", "data.fee: 10000000000000000 does not fit DECIMAL(18, 2)"),
    ({"ratio": 10**17 + 1}, "inexact", "data.ratio: 100000000000000001 has more than 17 digits"),
]


@pytest.mark.parametrize(("data", "reason", "detail"), DATA, ids=lambda case: str(case)[:40])
def test_data_that_the_contract_or_its_columns_do_not_allow(
    data: dict[str, Any], reason: str, detail: str
) -> None:
    result = rejected(text(weighed(1, data=data)))
    assert result.reason == reason
    assert detail in result.detail


@pytest.mark.parametrize(
    "number", ["1e400", "1e4999", "9" * 2400, "0.1000000000000000055511151231257827", "-1e-400"]
)
def test_a_number_beyond_a_double_is_rejected_or_stays_text(number: str) -> None:
    as_double = text(weighed(1, data={"ratio": "X"})).replace(b'"X"', number.encode())
    assert rejected(as_double).reason == "inexact"
    as_json = text(weighed(1, data={"remarks": "X", "new": "X"})).replace(b'"X"', number.encode())
    row = accepted(as_json)
    assert Decimal(row["data"]["remarks"]) == Decimal(number)
    assert json.loads(row["extra"], parse_float=Decimal)["data"]["new"] == Decimal(number)


def test_a_closed_contract_allows_no_other_field() -> None:
    assert accepted(text(lost(1)))["extra"] is None
    result = rejected(text(lost(1) | {"data": {"place": "Ulm", "when": "now"}}))
    assert result.detail.startswith("data: Additional properties are not allowed")


def test_an_event_from_the_future_is_rejected_beyond_the_skew() -> None:
    assert accepted(text(weighed(1, time="2026-06-01T00:00:00Z")))
    result = rejected(text(weighed(1, time="2026-06-01T00:00:00.000001Z")))
    assert (result.reason, result.type) == ("future", WEIGHED)


def test_a_long_string_costs_no_more_than_its_length() -> None:
    record = (
        b'{"a":"' + b"\\n" * 4_000_000 + b'","b":' + b"[" * 60 + b"]" * 60 + b'," c":' + b"[]," * 9 + b"1}"
    )
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert rejected(record).reason == "invalid_json"
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 150_000
