"""`input:` of a mapping: what may be written, what it comes to, and CSV landed and recovered by it."""

import json
from pathlib import Path

import pytest

from event_archive import Archive, Source, UnusableInput, land, recover, scan
from event_archive.decoding.csv_options import CsvOptions
from event_archive.decoding.input_form import InputForm
from event_archive.mapping.mapping import Mapping, load_mapping
from event_archive.remapping.remap import remap
from event_archive.store.commit import Counts
from support.events import archived, new_archive, rejected

RULES = """
choose: "'weighing'"
event:
  id: no
  source: {$constant: "urn:scales"}
  time: at
  actor: {clerk: who}
rules:
  weighing: {type: parcel.weighed.v1, object: {parcel: no}, data: {label: what, grams: grams, due_at: due}}
"""


def mapping_with(folder: Path, form: str, more: str = "") -> Mapping:
    path = folder / "mapping.yaml"
    rules = RULES.replace("due_at: due}", f"due_at: due, {more}}}") if more else RULES
    path.write_text(f"input: {form}\n{rules}")
    return load_mapping(path)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("csv", InputForm(csv=CsvOptions())),
        ("parquet", InputForm(is_parquet=True)),
        ("{csv: {}}", InputForm(csv=CsvOptions())),
        (
            "{csv: {delimiter: tab, quote: none, header: [a, b], skip: 2, encoding: UTF_16, decimal: ',', "
            "thousands: '.', nulls: [NA, ''], columns: {a: number}}}",
            InputForm(
                csv=CsvOptions(
                    "\t", None, ("a", "b"), 2, "utf-16", ",", ".", frozenset({"NA", ""}), {"a": "number"}
                )
            ),
        ),
        (
            "{csv: {nulls: '-', encoding: ISO-8859-1}}",
            InputForm(csv=CsvOptions(nulls=frozenset({"-"}), encoding="latin-1")),
        ),
    ],
)
def test_what_may_be_written(tmp_path: Path, written: str, meant: InputForm) -> None:
    assert mapping_with(tmp_path, written).input == meant


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("xml", "input is csv, parquet, or {csv: {delimiter: …}}"),
        ("{csv: {}, parquet: {}}", "input is csv, parquet, or"),
        ("{csv: {separator: ','}}", "csv has no 'separator'; it has columns, decimal, delimiter"),
        ("{csv: {delimiter: ab}}", "delimiter is one character"),
        ("{csv: {delimiter: none}}", "delimiter is one character"),
        ("{csv: {delimiter: '\"'}}", "the quote and the delimiter are the same"),
        ("{csv: {thousands: '.'}}", "the thousands separator and the decimal mark are the same"),
        ("{csv: {header: false}}", "header is true, or the names of all columns"),
        ("{csv: {header: [a, a]}}", "'a' can't be the name of a column, or is one already"),
        ("{csv: {skip: -1}}", "skip is how many lines stand before the header"),
        ("{csv: {encoding: klingon}}", "encoding is one of gb18030, iso-8859-15, latin-1"),
        ("{csv: {columns: {a: money}}}", "the type of a is text, number, integer, boolean, and not 'money'"),
        ("{csv: {header: [a], columns: {b: text}}}", "there is no column 'b' in header"),
        ("{csv: {nulls: {a: b}}}", "here stands a list of texts"),
    ],
)
def test_what_may_not(tmp_path: Path, written: str, said: str) -> None:
    with pytest.raises(UnusableInput) as error:
        mapping_with(tmp_path, written)
    assert said in str(error.value)
    assert "mapping.yaml, line 1: " in str(error.value)


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return new_archive(tmp_path)


def test_rows_become_events_and_what_is_refused_is_recovered_by_a_better_mapping(
    archive: Archive, tmp_path: Path
) -> None:
    file = tmp_path / "scales.csv"
    file.write_bytes(
        b'no,at,who,what,grams,due\n1,2026-01-03T09:00:00Z,ada,"a box, large",20,\n'
        b'2,2026-01-03T09:00:00Z,ada,letter,"1,020",-\n3,2026-01-03T09:00:00Z,ada,letter\n'
        b"4,2026-01-03T09:00:00Z,ada,,5,\n"
    )
    plain = mapping_with(tmp_path, "{csv: {columns: {grams: integer}}}")
    landed = land(archive, Source("scales.csv", file), mapping=plain)
    assert landed.counts == Counts(4, accepted=1, rejected=3)
    assert archived(archive)["urn:scales", "1"]["data"] == {
        "label": "a box, large",
        "grams": 20,
        "due_at": None,
    }
    assert [(record.position, record.reason, record.record) for record in rejected(archive)] == [
        (
            2,
            "bad_value",
            b'{"no":"2","at":"2026-01-03T09:00:00Z","who":"ada","what":"letter","grams":"1,020","due":"-"}',
        ),
        (3, "bad_row", b"3,2026-01-03T09:00:00Z,ada,letter\n"),
        (
            4,
            "contract_violation",
            b'{"no":"4","at":"2026-01-03T09:00:00Z","who":"ada","what":null,"grams":5,"due":null}',
        ),
    ]
    assert recover(archive, mapping=plain).commit is None
    better = mapping_with(tmp_path, "{csv: {columns: {grams: integer}, thousands: ',', nulls: ['', '-']}}")
    recovery = recover(archive, mapping=better)
    assert (recovery.judged, recovery.counts) == (3, Counts(1, accepted=1))
    assert archived(archive)["urn:scales", "2"]["data"] == {"label": "letter", "grams": 1020, "due_at": None}
    # The same file by the better mapping: nothing is added twice.
    again = land(archive, Source("scales.csv", file), mapping=better)
    assert again.counts == Counts(4, duplicate=2, rejected=2)


def test_rows_that_landed_are_read_again_by_a_mapping_that_takes_more_of_them(
    archive: Archive, tmp_path: Path
) -> None:
    file = tmp_path / "scales.csv"
    file.write_bytes(b"no,at,who,what,grams,due,share\n1,2026-01-03T09:00:00Z,ada,box,20,,0.5\n")
    land(
        archive,
        Source("scales.csv", file),
        mapping=mapping_with(tmp_path, "{csv: {columns: {grams: integer}}}"),
    )
    wider = mapping_with(tmp_path, "{csv: {columns: {grams: integer, share: number}}}", "ratio: share")
    assert remap(archive, wider).commit
    (event,) = scan(archive, "parcel.weighed").collect().to_dicts()
    assert event["data"]["ratio"] == 0.5


def test_json_by_a_mapping_for_csv_is_refused_and_the_other_way_round(
    archive: Archive, tmp_path: Path
) -> None:
    file = tmp_path / "file"
    file.write_bytes(json.dumps({"no": "1", "at": "x"}).encode() + b"\n")
    with pytest.raises(UnusableInput, match="is JSON: leave input: out"):
        land(archive, Source("file", file), mapping=mapping_with(tmp_path, "csv"))
    with pytest.raises(UnusableInput, match="the mapping says input: parquet, but this is no Parquet file"):
        land(archive, Source("file", file), mapping=mapping_with(tmp_path, "parquet"))
    file.write_bytes(b"no;at\n1;2\n")
    (tmp_path / "json.yaml").write_text(RULES)
    with pytest.raises(UnusableInput, match=r"write into the mapping: `input: \{csv"):
        land(archive, Source("file", file), mapping=load_mapping(tmp_path / "json.yaml"))
