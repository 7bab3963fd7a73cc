"""The project's own table of schema pairs, per language: given two schemas, expect the known verdicts."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from event_archive.evolution.compatibility.avro.compare import compare_avro
from event_archive.evolution.compatibility.findings import Direction, Mode, Report
from event_archive.evolution.compatibility.json_schema.compare import compare_json_schemas
from event_archive.evolution.compatibility.protobuf.compare import compare_protobuf
from event_archive.schema_files.proto_file import read_proto

TABLES = Path(__file__).parent / "compatibility_cases"


def compare_proto_texts(old: str, new: str, mode: Mode) -> Report:
    return compare_protobuf(read_proto(old), read_proto(new), mode)


COMPARE: dict[str, Callable[[Any, Any, Mode], Report]] = {
    "avro": compare_avro,
    "json_schema": compare_json_schemas,
    "protobuf": compare_proto_texts,
}


def cases() -> Iterator[Any]:
    for table in sorted(TABLES.glob("*.yaml")):
        for case in yaml.safe_load(table.read_text()):
            yield pytest.param(COMPARE[table.stem], case, id=f"{table.stem}: {case['name']}")


@pytest.mark.parametrize(("compare", "case"), cases())
def test_the_verdict_is_the_known_one(
    compare: Callable[[Any, Any, Mode], Report], case: dict[str, Any]
) -> None:
    report = compare(case["old"], case["new"], Mode.FULL)
    verdicts = {direction.value: report.verdict_for(direction).value for direction in Direction}
    assert verdicts == {"backward": case["backward"], "forward": case["forward"]}, report.findings
    assert bool(report.findings) or "rule" not in case
    if "rule" in case:
        assert report.findings[0].rule == case["rule"]
    assert case["because"].strip()
