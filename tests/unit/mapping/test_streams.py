"""The streams of `examples/streams`: given the sample of each, expect its events, counts and sums.

Given records, expect the events of `expected.ndjson`. Belongs here: what becomes of whole captures, value for
value. Not here: what a mapping can say (`test_elements`, `test_mapping`), and the recipes of the page.
"""

import csv
import gzip
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from event_archive import Archive, Landed, Source, land
from event_archive.mapping.contract_check import load_checked_mapping
from event_archive.mapping.mapping import load_mapping
from event_archive.registry.contract import load_contracts
from event_archive.store.commit import Counts
from event_archive.validation.own_examples import example_faults
from event_archive.views.scan import scan
from support.events import Event, archived, rejected, same_json

STREAMS = Path(__file__).parents[3] / "examples" / "streams"


@dataclass(frozen=True)
class Capture:
    """What has to become of a sample: counts, why records were refused or ignored, and sums of fields.

    `sums`: by event type and field of `data`.
    """

    counts: Counts
    refused: Mapping[str, int]
    ignored: Mapping[str, int]
    sums: Mapping[tuple[str, str], Decimal] = field(default_factory=dict)


NO_RULE = "no rule: `when` is true of none, and the mapping has no `otherwise`"
CAPTURES = {
    "payments": Capture(
        Counts(received=10, accepted=7, duplicate=1, rejected=1, ignored=1),
        {'data.amount_minor: "12.50" is not of type "integer"': 1},
        {"the provider asks whether we are there": 1},
        {
            ("charge.captured.v1", "amount_minor"): Decimal(129900 + 4999 + 250),
            ("charge.declined.v1", "amount_minor"): Decimal(4999),
            ("charge.refunded.v1", "amount_minor"): Decimal(1999 + 250),
        },
    ),
    "tracker": Capture(
        Counts(received=13, accepted=6, duplicate=1, rejected=4, ignored=2),
        {
            "data.revenue: 19.999 is not a multiple of 0.01": 1,
            "actor is missing": 1,
            NO_RULE: 1,
            "batch is no list, and each takes the elements of one": 1,
        },
        {"says nothing about a user": 1, "nothing in batch": 1},
        {("order.completed.v1", "revenue"): Decimal("150.20")},
    ),
    "changes": Capture(
        Counts(received=11, accepted=7, duplicate=1, rejected=2, ignored=1),
        {'rule 2: data.amount_minor: "12.345" is not exactly a DECIMAL(38,2)': 1, NO_RULE: 1},
        {"marks that the deletion before it is complete": 1},
        {
            ("order.created.v1", "amount_minor"): Decimal(14990 + 30 + 9007199254740993),
            ("order.created.v1", "weight_kg"): Decimal("13.550"),
            ("order.updated.v1", "amount_minor"): Decimal(30 + 10 + 14990),
            ("order.deleted.v1", "amount_minor"): Decimal(9007199254740993),
        },
    ),
    "audit": Capture(
        Counts(received=12, accepted=6, duplicate=1, rejected=2, ignored=3),
        {"actor is missing": 1, "nothing at Records, of which each takes the elements": 1},
        {"only looks at something": 2, "nothing in Records": 1},
    ),
    "telemetry": Capture(
        Counts(received=11, accepted=6, duplicate=1, rejected=2, ignored=2),
        {"actor is missing": 1, 'rule otherwise: time: "soon" is not exactly a HUGEINT': 1},
        {
            "says only that the service is there": 1,
            "nothing in resourceLogs … scopeLogs … logRecords": 1,
        },
        {
            ("service.reported.v1", "amount_minor"): Decimal(129900 + 250),
            ("service.reported.v1", "unix_nano"): Decimal(7091136020000000999),
            ("service.failed.v1", "amount_minor"): Decimal(4999),
        },
    ),
    "history": Capture(
        Counts(received=12, accepted=8, duplicate=1, rejected=2, ignored=1),
        {
            'column "Quantity": "two" is not an integer': 1,
            'rule otherwise: data.amount_minor: "12.555" is not exactly a DECIMAL(18,2)': 1,
        },
        {"the sum at the end of an export": 1},
        {
            ("line.sold.v1", "quantity"): Decimal(6 + 12 + 1 + 3 + 1 + 1000000 + 2),
            ("line.sold.v1", "unit_price"): Decimal("90071992583.00"),
            ("line.sold.v1", "amount_minor"): Decimal(
                7530 + 4068 + 10 + 0 + 1255 + 9007199254741000000 + 1400
            ),
            ("line.cancelled.v1", "amount_minor"): Decimal(-1255),
        },
    ),
}
RETAIL = sorted((STREAMS.parents[2] / "shared" / "data" / "retail").glob("*.csv.gz"))
"""Beside the checkout: 20 days of a real shop, too large for the repository."""
RETAIL_ROWS, RETAIL_REPEATED, RETAIL_CANCELLED = 42481, 500, 728
RETAIL_QUANTITY, RETAIL_AMOUNT = 342228, Decimal("748957.02")
IDS = {"hash_of($record)": RETAIL_REPEATED, "$file || '/' || $position": 0}
"""How rows can be told apart, with how many are duplicates then."""


@pytest.fixture(scope="module", params=CAPTURES)
def stream(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def archive(stream: str, tmp_path_factory: pytest.TempPathFactory) -> Archive:
    """The archive that the sample of a stream has landed in."""
    folder = tmp_path_factory.mktemp(stream)
    contracts = load_contracts(STREAMS / stream / "contracts")
    archive = Archive(folder / "archive", contracts, may_create=True)
    landed = land_sample(archive, stream)
    assert landed.counts == CAPTURES[stream].counts
    assert landed.counts.conserved
    assert landed.commit
    assert landed.commit.ignored == CAPTURES[stream].ignored
    return archive


def land_sample(archive: Archive, stream: str, sample: Path | None = None) -> Landed:
    [path] = [sample] if sample else (STREAMS / stream).glob("sample.*")
    return land(archive, Source(path.name, path), mapping=load_mapping(STREAMS / stream / "mapping.yaml"))


def expected_events(stream: str) -> list[Event]:
    lines = (STREAMS / stream / "expected.ndjson").read_text().splitlines()
    return [json.loads(line, parse_float=Decimal) for line in lines]


def by_id(events: list[Event]) -> list[Any]:
    return sorted((same_json(event) for event in events), key=lambda event: str(event["id"]))


def test_the_events_are_those_that_the_expected_file_shows(archive: Archive, stream: str) -> None:
    assert by_id(list(archived(archive).values())) == by_id(expected_events(stream))


def test_sums_of_named_fields_are_exact(archive: Archive, stream: str) -> None:
    sums: Counter[tuple[str, str]] = Counter()
    wanted = CAPTURES[stream].sums
    for event in archived(archive).values():
        for name in {name for kind, name in wanted if kind == event["type"]}:
            sums[event["type"], name] += Decimal(event["data"][name] or 0)  # type: ignore[assignment]
    assert sums == wanted


def test_what_is_refused_has_its_reason(archive: Archive, stream: str) -> None:
    reasons = Counter(str(record.detail).partition("; ")[0] for record in rejected(archive))
    assert reasons == CAPTURES[stream].refused


def test_landing_it_again_adds_nothing(archive: Archive, stream: str) -> None:
    """Neither the same bytes, nor the events as the archive gives them back."""
    count = len(archive.log.commits())
    assert land_sample(archive, stream).earlier
    expected = STREAMS / stream / "expected.ndjson"
    landed = land(archive, Source(expected.name, expected))
    accepted = CAPTURES[stream].counts.accepted
    assert landed.counts == Counts(received=accepted, duplicate=accepted)
    assert len(archive.log.commits()) == count + 1


def test_contracts_and_mapping_agree(stream: str) -> None:
    """Every contract accepts its own example, and can take the events that the mapping gives."""
    contracts = load_contracts(STREAMS / stream / "contracts")
    assert [fault for contract in contracts.values() for fault in example_faults(contract)] == []
    mapping = load_checked_mapping(STREAMS / stream / "mapping.yaml", contracts)
    assert set(mapping.types) == set(contracts)


def test_every_stream_has_its_sample_here_and_its_row_in_the_table() -> None:
    folders = {path.name for path in STREAMS.iterdir() if path.is_dir()}
    table = (STREAMS / "README.md").read_text()
    assert folders == set(CAPTURES)
    assert {name for name in folders if f"| `{name}/` |" in table} == folders


def retail_file(folder: Path) -> Path:
    """All days as one file, under one header."""
    days = [gzip.decompress(path.read_bytes()) for path in RETAIL]
    path = folder / "days.csv"
    path.write_bytes(days[0] + b"".join(day.partition(b"\n")[2] for day in days[1:]))
    return path


if RETAIL:

    @pytest.mark.parametrize("event_id", IDS)
    def test_a_real_history_has_its_sums(event_id: str, tmp_path: Path) -> None:
        """Those that its README gives; a row that stands twice is one where its hash is the id."""
        text = (STREAMS / "history" / "mapping.yaml").read_text()
        (tmp_path / "mapping.yaml").write_text(text.replace("  id: hash_of($record)", f"  id: {event_id}"))
        archive = Archive(tmp_path / "a", load_contracts(STREAMS / "history" / "contracts"), may_create=True)
        path = retail_file(tmp_path)
        landed = land(archive, Source(path.name, path), mapping=load_mapping(tmp_path / "mapping.yaml"))
        repeated = IDS[event_id]
        assert landed.counts == Counts(RETAIL_ROWS, accepted=RETAIL_ROWS - repeated, duplicate=repeated)
        print(f"judged in columns: {landed.accepted_in_columns / RETAIL_ROWS:.1%} of {RETAIL_ROWS:,} rows")
        assert landed.accepted_in_columns > 0.95 * RETAIL_ROWS
        lines = pl.concat([scan(archive, f"line.{verb}").collect() for verb in ("sold", "cancelled")])
        data = lines["data"].struct
        with path.open(newline="") as file:
            rows = [tuple(row.values()) for row in csv.DictReader(file)]
        once = rows if not repeated else list(dict.fromkeys(rows))
        assert data.field("quantity").sum() == sum(int(row[3]) for row in once)
        assert Decimal(data.field("amount_minor").sum()) / 100 == sum(
            int(row[3]) * Decimal(row[5]) for row in once
        )
        if not repeated:
            assert (data.field("quantity").sum(), data.field("amount_minor").sum()) == (
                RETAIL_QUANTITY,
                RETAIL_AMOUNT * 100,
            )
            assert lines.filter(pl.col("verb") == "cancelled").height == RETAIL_CANCELLED
