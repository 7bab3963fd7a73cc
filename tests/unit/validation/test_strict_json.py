"""What is surely strict is strict: the fast look at a record never passes what the exact one refuses."""

import json
import random

import numpy as np
import pyarrow as pa
import pytest

from event_archive.decoding.record_chunk import chunk_of
from event_archive.mapping.json_numbers import find_suspects, mark_numbers
from event_archive.validation.strict_json import Rejection, is_surely_strict, parse_written
from support.hostile_json import ANY_SPELLING, Hunter, spelled


def is_strict(record: bytes) -> bool:
    try:
        parse_written(record)
    except Rejection:
        return False
    return True


def hostile_records(seed: int) -> list[bytes]:
    hunter = Hunter(seed)
    records = [record for _ in range(20) for record in hunter.records(hunter.contract()[1], 40)]
    for spelling in ANY_SPELLING:
        key = hunter.choice(['"a"', '"a, b"', '"a\\": b"', '"a,b"', '"a\\":b"'])
        comma, colon = hunter.choice([(",", ":"), (", ", ": "), (", ", ":"), (",", " : ")])
        members = [f"{key}{colon}{spelling}"] * hunter.randint(1, 2) + ['"b"' + colon + '", \\": "']
        hunter.shuffle(members)
        records.append(("{" + comma.join(members) + "}").encode("utf-8", "replace"))
    return records


@pytest.mark.parametrize("seed", range(8))
def test_what_is_surely_strict_is_strict(seed: int) -> None:
    records = hostile_records(seed)
    surely = [record for record in records if is_surely_strict(record)]
    assert len(surely) > 50, "the hunt has nothing to look at"
    assert [record for record in surely if not is_strict(record)] == []


@pytest.mark.parametrize("levels", [62, 63, 64, 65, 66, 900])
@pytest.mark.parametrize(("opening", "closing"), [('{"a":', "}"), ('{"a":[', "]}")])
def test_depth_is_bounded_alike(levels: int, opening: str, closing: str) -> None:
    count = levels if closing == "}" else levels // 2
    record = (opening * count + "1" + closing * count).encode()
    assert is_surely_strict(record) == is_strict(record)


def test_a_usual_record_is_surely_strict_as_usual_writers_space_it() -> None:
    value = {"a": [1, 2.5, None, True, 'x, "y": z'], "b, c": {"d": "é\n"}, "e": {}}
    for separators in [(",", ":"), (", ", ": ")]:
        record = json.dumps(value, ensure_ascii=False, separators=separators).encode()
        assert is_surely_strict(record)
    assert not is_surely_strict(b'{"a":1,"a":1}')
    assert not is_surely_strict(b'{"a": 1, "a": 1}')


@pytest.mark.parametrize("seed", range(4))
def test_no_number_that_is_marked_is_missed_in_columns(seed: int) -> None:
    records = [json.dumps([record.decode()])[2:-2] for record in hostile_records(seed)]
    records += [spelled({"a": 1})[:-1] + f',"b":[{spelling},{spelling}]}}' for spelling in ANY_SPELLING]
    random.Random(seed).shuffle(records)
    suspects = find_suspects(pa.chunked_array([pa.array(records, pa.large_string())]))
    marked = [row for row, record in enumerate(records) if mark_numbers(record) is not None]
    assert marked
    assert set(marked) <= set(suspects)


def test_all_records_of_a_chunk_are_those_that_it_has_one_by_one() -> None:
    places = np.arange(4, dtype=np.int64)
    chunk = chunk_of([b' {"a":1}\r', b"", b'{"a":"\xff"}', b'{"a":" \xc3\xa9 "} \t'], places, places)
    assert chunk.records() == [chunk.record(row) for row in range(4)]
