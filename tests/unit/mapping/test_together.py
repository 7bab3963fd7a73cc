"""Records that are mapped together become what each becomes alone, in their order, whatever else fails.

The reasons of what fails are computed apart from the events of what does not, numbers that the engine would
write otherwise apart from those that it would not, and what is no JSON by nobody: all of it is put together.
"""

from collections.abc import Sequence
from pathlib import Path

import duckdb
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from event_archive.decoding.record_chunk import chunk_of
from event_archive.engine import open_engine
from event_archive.mapping import evaluation
from event_archive.mapping.map_records import map_chunk, places_in
from event_archive.mapping.mapping import Mapping, load_mapping
from support.hunting import examples

MAPPING = """
each: items
choose: kind
event:
  id: hash_of($record.id, $index)
  source: {$constant: "urn:shop"}
  time: {$constant: "2026-01-01T00:00:00Z"}
  actor: {customer: who}
  object: {order: no}
  data: {copy: x}
rules:
  sale: {type: order.placed.v1}
  count: {type: order.counted.v1, data: {number: CAST(x AS BIGINT)}}
  beat: {ignore: a heartbeat}
"""
ITEMS = [
    '{"kind":"sale","no":"o1","who":"c1","x":{"a":[1,"é\\n"]}}',
    '{"kind":"sale","no":"o2","who":"c1","x":[1.50,1e3,{"y":-0.0}]}',
    '{"kind":"count","no":"o3","who":"c1","x":"7"}',
    '{"kind":"count","no":"o4","who":"c1","x":"seven"}',
    '{"kind":"count","no":"o5","who":"c1","x":7.50}',
    '{"kind":"beat"}',
    '{"kind":"other","x":1.50}',
    "{}",
]
OTHERS = ['{"id":1,"items":[]}', '{"id":1,"items":{}}', '{"id":1}', '{"id":1,"id":2}', "{", "[]", ""]

Fate = tuple[int, int | None, str]
"""The row of a record, the number of an element, and its event or why there is none."""


@pytest.fixture(scope="module")
def mapping(tmp_path_factory: pytest.TempPathFactory) -> Mapping:
    path: Path = tmp_path_factory.mktemp("together") / "mapping.yaml"
    path.write_text(MAPPING, encoding="utf-8")
    return load_mapping(path)


def fates(engine: duckdb.DuckDBPyConnection, mapping: Mapping, records: Sequence[str]) -> list[Fate]:
    """What becomes of the elements of records, in the order in which it comes."""
    rows = np.arange(len(records))
    chunk = chunk_of([record.encode() for record in records], rows + 1, rows)
    found: list[Fate] = []
    for part in map_chunk(engine, chunk, mapping=mapping, places=places_in("")):
        why = {row: rejected.detail for row, rejected in part.rejected} | dict(part.ignored)
        assert (part.events.positions == part.rows + 1).all()
        for number, row in enumerate(part.rows.tolist()):
            found.append((row, part.element(number), why.get(number) or part.events.record(number).decode()))
    return found


RECORDS = st.sampled_from(OTHERS) | st.lists(st.sampled_from(ITEMS), max_size=4).map(
    lambda items: f'{{"id":1,"items":[{",".join(items)}]}}'
)


@pytest.mark.parametrize("rows_of_a_part", [3, evaluation.PART_ROWS])
def test_records_become_together_what_each_becomes_alone(mapping: Mapping, rows_of_a_part: int) -> None:
    @settings(max_examples=examples(12))
    @given(st.lists(RECORDS, max_size=9))
    def hold(records: list[str]) -> None:
        with open_engine(threads=1, is_lossless=True) as engine, pytest.MonkeyPatch.context() as patch:
            alone = [
                (row, element, what)
                for row, record in enumerate(records)
                for _, element, what in fates(engine, mapping, [record])
            ]
            patch.setattr(evaluation, "PART_ROWS", rows_of_a_part)
            together = fates(engine, mapping, records)
        if rows_of_a_part > len(together):
            assert together == alone
        assert sorted(together, key=str) == sorted(alone, key=str)

    hold()
