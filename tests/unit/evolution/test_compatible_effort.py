"""The bounds of a comparison: given equal schemas, expect equal reports, however busy the machine is."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

import pytest

import event_archive
from event_archive.evolution.compatibility.findings import Mode, Report, Verdict
from event_archive.evolution.compatibility.json_schema import example, proof
from event_archive.evolution.compatibility.json_schema.compare import compare_json_schemas
from event_archive.evolution.compatibility.json_schema.document import Document
from event_archive.evolution.compatibility.json_schema.effort import Effort, weight_of

CLOCKS = ("time", "monotonic", "perf_counter", "process_time", "thread_time")
BURN = "while True: pass"


def alternatives(count: int, most: int) -> dict[str, Any]:
    """A schema of objects that differ in what they require, with a text of at most `most` characters."""
    text = {"type": "string", "maxLength": most}
    kinds = [{"required": [f"k{at}"], "properties": {f"k{at}": text}} for at in range(count)]
    return {"type": "object", "properties": {"a": {"anyOf": kinds}, "b": {"oneOf": kinds}}}


def beyond_the_bounds() -> Iterator[tuple[Any, Any]]:
    """Pairs whose proof or search ends at its bound, so that a clock would cut it elsewhere each time."""
    yield alternatives(10, 10), alternatives(11, 9)
    properties = {f"p{at}": {"type": "string", "pattern": f"^(a|b){{{at},}}$"} for at in range(40)}
    longer = {name: {**part, "minLength": 9} for name, part in properties.items()}
    yield {"properties": properties}, {"properties": longer}


@pytest.fixture
def low_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proof, "MOST_WORK", 1500)
    monkeypatch.setattr(example, "MOST_WORK", 3000)


@contextmanager
def busy_processors() -> Iterator[None]:
    """Twice as many processes that only burn time as there are processors."""
    burning = [subprocess.Popen([sys.executable, "-c", BURN]) for _ in range(2 * (os.cpu_count() or 1))]
    try:
        yield
    finally:
        for process in burning:
            process.kill()
            process.wait()


def reports() -> list[Report]:
    return [compare_json_schemas(*pair, Mode.FULL) for pair in beyond_the_bounds()]


@pytest.mark.usefixtures("low_bounds")
def test_a_busy_machine_gives_the_same_reports() -> None:
    on_an_idle_machine = reports()
    with busy_processors():
        assert reports() == on_an_idle_machine
    assert Verdict.UNKNOWN in {
        finding.verdict for report in on_an_idle_machine for finding in report.findings
    }


@pytest.mark.usefixtures("low_bounds")
def test_a_clock_that_jumps_gives_the_same_reports(monkeypatch: pytest.MonkeyPatch) -> None:
    before = reports()
    days = count(step=86_400)
    for name in CLOCKS:
        monkeypatch.setattr(time, name, lambda: float(next(days)))
    assert reports() == before


def test_no_comparison_looks_at_a_clock() -> None:
    folder = Path(event_archive.__file__).parent / "evolution"
    modules = [*folder.rglob("*.py")]
    assert len(modules) > 20
    assert [path.name for path in modules if "import time" in path.read_text()] == []


@pytest.mark.usefixtures("low_bounds")
def test_what_the_other_direction_costs_changes_nothing() -> None:
    for old, new in beyond_the_bounds():
        both = compare_json_schemas(old, new, Mode.FULL).findings
        one_by_one = [
            finding
            for mode in (Mode.BACKWARD, Mode.FORWARD)
            for finding in compare_json_schemas(old, new, mode).findings
        ]
        assert list(both) == one_by_one


def test_a_proof_and_a_search_end_at_their_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = alternatives(4, 10), alternatives(4, 9)
    assert compare_json_schemas(old, new, Mode.BACKWARD).verdict is Verdict.INCOMPATIBLE
    monkeypatch.setattr(example, "MOST_WORK", 0)
    assert compare_json_schemas(old, new, Mode.BACKWARD).verdict is Verdict.UNKNOWN
    monkeypatch.setattr(proof, "MOST_WORK", 0)
    assert [finding.rule for finding in compare_json_schemas(new, old, Mode.BACKWARD).findings] == [
        "too_large"
    ]


def test_effort_is_that_of_all_documents_together() -> None:
    documents = Document({}, 2020), Document({}, 2020)
    effort = Effort(documents, 3)
    documents[0].work += 2
    assert not effort.is_over
    documents[1].work += 1
    assert effort.is_over
    assert not Effort(documents, 3).is_over


def test_a_value_weighs_more_the_more_it_holds() -> None:
    values: list[Any] = [0, "a" * 2000, {"a": [0] * 200}, {"a": ["a" * 2000] * 200}]
    weights = [weight_of(value) for value in values]
    assert weights[0] == 1
    assert sorted(set(weights)) == weights


def chain(length: int, last: dict[str, Any]) -> dict[str, Any]:
    """A schema of many definitions, each with a property that is the next one."""
    links = {f"d{at}": {"properties": {"x": {"$ref": f"#/$defs/d{at + 1}"}}} for at in range(length)}
    return {"$ref": "#/$defs/d0", "$defs": {**links, f"d{length}": last}}


@pytest.mark.parametrize("length", [60, 300, 1000])
def test_a_long_chain_of_definitions_is_judged_without_going_too_deep(length: int) -> None:
    old, new = chain(length, {"type": "object"}), chain(length, {"type": "object", "maxProperties": 0})
    verdict = compare_json_schemas(old, new, Mode.BACKWARD).verdict
    assert verdict is (Verdict.INCOMPATIBLE if length < proof.DEEPEST else Verdict.UNKNOWN)
    shuffled = {**old, "$defs": dict(Random(0).sample(sorted(old["$defs"].items()), length + 1))}
    assert compare_json_schemas(old, {**shuffled, "title": "again"}, Mode.FULL).findings == ()
