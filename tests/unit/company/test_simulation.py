"""The example company: its events keep their contracts, and its faults are faults.

Judged here by plain JSON parsing and jsonschema_rs, without the archive, so that each can find the other
wrong. Whether the company's books add up: see `test_simulation_books`.
"""

import gzip
import json
import re
import sys
import time
from collections import Counter
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml
import zstandard

from examples.company.draw import Draw
from examples.company.faults import KINDS, can_damage, damage
from examples.company.scenario import Scenario
from examples.company.simulation import Emitted, emit, main, simulate

ROOT = Path(__file__).parents[3]
Record = dict[str, Any]
REQUIRED = {"specversion", "id", "source", "type", "time", "actor", "object", "data"}
TIME = jsonschema_rs.Draft202012Validator({"type": "string", "format": "date-time"}, validate_formats=True)
# For seed 7, 10 days, a twentieth of the usual size. Changes only with the simulation itself.
SMALL_DIGEST = "9b60d0b28458ce6da53abe453724557f5bfd05f56f0f884e0a3ed01d212d964a"
UNREADABLE = ("invalid_json", "truncated")


def read_contracts() -> dict[str, Record]:
    contracts = (
        yaml.safe_load(path.read_bytes()) for path in (ROOT / "event_archive/contracts").glob("*.yaml")
    )
    return {contract["type"]: contract for contract in contracts}


CONTRACTS = read_contracts()
VALIDATORS = {
    event_type: jsonschema_rs.Draft202012Validator(contract["data"], validate_formats=True)
    for event_type, contract in CONTRACTS.items()
}


def records_of(path: Path) -> list[bytes]:
    content = path.read_bytes()
    if path.name.endswith(".gz"):
        content = gzip.decompress(content)
    elif path.name.endswith(".zst"):
        content = zstandard.ZstdDecompressor().decompress(content)
    if path.name.endswith(".json"):
        return [json.dumps(record).encode() for record in json.loads(content)]
    assert content.endswith(b"\n")
    return content[:-1].split(b"\n")


def refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def occurred_at(record: Record) -> datetime:
    return datetime.fromisoformat(record["time"]).astimezone(UTC)


def fault_of(line: bytes) -> str | None:
    """Say why a record cannot be accepted on its own; None where it can."""
    try:
        record = json.loads(line.decode(), parse_constant=refuse_constant)
    except UnicodeDecodeError:
        return "invalid_utf8"
    except ValueError:
        return "unreadable"
    if REQUIRED - record.keys():
        return "missing_attribute"
    contract = CONTRACTS.get(record["type"])
    if contract is None:
        return "unknown_type"
    if not TIME.is_valid(record["time"]):
        return "bad_time"
    actor_type, _, actor_id = record["actor"].partition("/")
    if actor_type not in contract["actor"] or not actor_id:
        return "wrong_actor"
    object_type, verb, _ = record["type"].split(".")
    if record.get("verb", verb) != verb:
        return "verb_disagrees"
    assert record["specversion"] == "1.0" and record["object"].startswith(f"{object_type}/")
    return None if VALIDATORS[record["type"]].is_valid(record["data"]) else "bad_value"


@pytest.fixture(scope="module")
def emitted(tmp_path_factory: pytest.TempPathFactory) -> Emitted:
    """Three months of a company of a twentieth of the usual size."""
    return emit(tmp_path_factory.mktemp("events"), scale=0.05)


def test_every_contract_is_emitted_and_its_examples_are_valid(emitted: Emitted) -> None:
    assert set(emitted.truth.events) <= set(CONTRACTS)
    assert {event.type for event in simulate(Scenario(requests_per_day=4))} == set(CONTRACTS)
    for contract in CONTRACTS.values():
        assert contract["examples"]
        for example in contract["examples"]:
            assert fault_of(json.dumps(example).encode()) is None


def test_contracts_describe_every_field_and_require_nullable_ones() -> None:
    for event_type, contract in CONTRACTS.items():
        for name, field in contract["data"]["properties"].items():
            assert field["description"], (event_type, name)
            if "null" in field["type"]:
                assert name in contract["data"]["required"], (event_type, name)


def test_the_catalogue_names_every_type_and_field() -> None:
    rows = (ROOT / "docs/event-types.md").read_text(encoding="utf-8").splitlines()
    by_type = {row.split("`")[1]: row for row in rows if row.startswith("| `")}
    assert by_type.keys() == CONTRACTS.keys()
    for event_type, contract in CONTRACTS.items():
        fields = re.findall(r"`(\w+)`", by_type[event_type].rsplit(" | ", 1)[1])
        assert fields == list(contract["data"]["properties"]), event_type


def test_files_hold_what_the_truth_says(emitted: Emitted) -> None:
    accepted: dict[tuple[str, str], Record] = {}
    faults: Counter[str] = Counter()
    duplicate = repeated = written = 0
    for path in sorted(emitted.files):
        for line in records_of(path):
            written += 1
            if ".repeated." in path.name:
                repeated += 1
                continue
            fault = fault_of(line)
            if fault is None:
                record = json.loads(line)
                earlier = accepted.setdefault((record["source"], record["id"]), record)
                if earlier == record:
                    duplicate += earlier is not record
                    continue
                fault = "conflict"
            faults[fault] += 1
    truth = emitted.truth
    damaged = dict(truth.faults.damaged)
    damaged["unreadable"] = sum(damaged.pop(kind) for kind in UNREADABLE)
    assert faults == damaged
    assert Counter(record["type"] for record in accepted.values()) == truth.events
    assert (written, repeated) == (truth.written, truth.faults.in_repeated_file)
    assert (duplicate, len(accepted), sum(faults.values())) == (
        truth.duplicate,
        truth.accepted,
        truth.rejected,
    )
    assert truth.received == truth.accepted + truth.duplicate + truth.rejected


def test_files_come_in_every_encoding_and_one_comes_twice(emitted: Emitted) -> None:
    assert 90 <= len(emitted.files) <= 130
    assert {path.name.split(".", 1)[1].removeprefix("repeated.") for path in emitted.files} == {
        "ndjson",
        "ndjson.gz",
        "ndjson.zst",
        "json",
    }
    (again,) = [path for path in emitted.files if ".repeated." in path.name]
    assert again.read_bytes() == again.with_name(again.name.replace(".repeated", "")).read_bytes()


def test_some_events_are_late_by_weeks_and_some_out_of_order(emitted: Emitted) -> None:
    late, longest, disordered = 0, 0, 0
    for path in emitted.files:
        if not path.name.startswith("core") or ".repeated." in path.name:
            continue
        good = [json.loads(line) for line in records_of(path) if fault_of(line) is None]
        times = [occurred_at(record) for record in good]
        disordered += sum(later < earlier for earlier, later in pairwise(times))
        arrived = datetime.fromisoformat(path.name[5:15]).date()
        delays = [(arrived - time.date()).days for time in times]
        assert min(delays) >= 0
        late += sum(delay > 0 for delay in delays)
        longest = max(longest, *delays)
    # Repeated events come late again, and the other services' files are not looked at: so about.
    assert late >= emitted.truth.faults.late * 0.9
    assert longest >= 14
    assert disordered >= emitted.truth.faults.displaced / 2


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_damage_is_refused_for_that_reason(kind: str) -> None:
    draw = Draw(1, "test")
    candidates = [event for event in simulate(Scenario.sized(days=4, scale=0.05)) if can_damage(kind, event)]
    assert candidates
    for event in candidates:
        for _ in range(3):
            damaged = damage(kind, event, draw)
            assert b"\n" not in damaged
            fault = fault_of(damaged)
            if kind == "conflict":
                assert fault is None
                before, after = json.loads(event.line), json.loads(damaged)
                assert before != after
                assert (before["source"], before["id"]) == (after["source"], after["id"])
            else:
                assert fault == ("unreadable" if kind in UNREADABLE else kind), damaged


def test_the_same_seed_gives_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # The digest is a constant, so every run of the tests compares with every machine they ran on; within
    # one, the time zone must not matter (the seed of `hash` is another in each process anyway).
    here = emit(tmp_path / "here", days=10, scale=0.05)
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    arguments = ["simulation", str(tmp_path / "there"), "--days", "10", "--scale", "0.05"]
    monkeypatch.setattr(sys, "argv", arguments)
    main()
    monkeypatch.undo()
    time.tzset()
    there = json.loads(capsys.readouterr().out)
    assert here.digest == there["digest"] == SMALL_DIGEST
    assert [path.read_bytes() for path in here.files] == [
        (tmp_path / "there" / path.name).read_bytes() for path in here.files
    ]
    assert there["events"] == here.truth.events
    assert emit(tmp_path / "other", seed=8, days=10, scale=0.05).digest != here.digest


def test_emitting_again_leaves_files_alone_and_mends_what_differs(tmp_path: Path) -> None:
    first = emit(tmp_path, days=3, scale=0.02)
    assert first.new_files == len(first.files) == len(list(tmp_path.iterdir()))
    stamps = {path: path.stat().st_mtime_ns for path in first.files}
    again = emit(tmp_path, days=3, scale=0.02)
    assert again.new_files == 0
    assert stamps == {path: path.stat().st_mtime_ns for path in again.files}
    first.files[0].write_bytes(b"half")
    assert emit(tmp_path, days=3, scale=0.02).new_files == 1
    assert again.digest == first.digest


def test_too_small_a_simulation_is_refused() -> None:
    with pytest.raises(ValueError, match="2 days"):
        Scenario(days=1)
