"""Which days of which models commits make out of date: given a log and a graph of models, expect days."""

from datetime import UTC, date, datetime
from typing import Any

from event_archive.registry.contract import load_contracts
from event_archive.store.commit import LANDING, Commit, Counts, Segment
from orchestration.planning.arrivals import Arrival, arrival_days, arrivals
from orchestration.settings import Settings

CONTRACTS = load_contracts(Settings.contracts)
REQUESTED, DELIVERED, REMOVED_TYPE = "translation.requested.v1", "translation.delivered.v1", "parrot.fed.v1"
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MARCH_1, MARCH_2, MARCH_3, MARCH_9 = (date(2026, 3, day) for day in (1, 2, 3, 9))


def commit(sequence: int, days: dict[str, dict[str, int]]) -> Commit:
    """A commit that brought so many rows per type and day."""
    segments = tuple(
        Segment(event_type, f"{event_type}-{sequence}", "", 0, sum(rows.values()), rows, "", "", 1)
        for event_type, rows in days.items()
    )
    return Commit(sequence, "", LANDING, NOON, "", 0, f"file-{sequence}", Counts(), segments=segments)


def node(*depends_on: str, kind: str = "model", tags: tuple[str, ...] = ()) -> dict[str, Any]:
    """A node of dbt's graph."""
    return {"resource_type": kind, "depends_on": {"nodes": list(depends_on)}, "tags": list(tags)}


def source(identifier: str, schema: str = "events") -> dict[str, Any]:
    """A source of dbt's graph."""
    return {"resource_type": "source", "schema": schema, "identifier": identifier}


MANIFEST = {
    "sources": {
        "source.requested": source("translation_requested"),
        "source.delivered": source("translation_delivered"),
        "source.elsewhere": source("translation_requested", schema="other"),
    },
    "nodes": {
        "model.stg_requested": node("source.requested"),
        "model.stg_delivered": node("source.delivered"),
        "model.all": node("model.stg_requested", "model.stg_delivered"),
        "model.translations": node("model.all", tags=("daily",)),
        "model.usage": node("model.stg_delivered", "source.elsewhere", tags=("daily",)),
        "model.months": node("model.usage"),
        "test.usage": node("model.usage", kind="test", tags=("daily",)),
    },
}


def test_only_the_days_of_types_that_feed_a_model_are_affected() -> None:
    log = [commit(1, {DELIVERED: {"2026-03-02": 5}})]
    log.append(commit(2, {REQUESTED: {"2026-03-03": 1, "2026-03-01": 2}, DELIVERED: {"2026-03-09": 1}}))
    assert arrival_days(MANIFEST, arrivals(log, CONTRACTS, after=1)) == {
        "model.translations": [MARCH_1, MARCH_3, MARCH_9],
        "model.usage": [MARCH_9],
    }
    log.append(commit(3, {REQUESTED: {"2026-03-01": 1}}))
    assert arrival_days(MANIFEST, arrivals(log, CONTRACTS, after=2)) == {"model.translations": [MARCH_1]}
    assert arrival_days(MANIFEST, arrivals(log, CONTRACTS, after=3)) == {}


def test_an_arrival_says_which_commit_brought_it_and_how_late() -> None:
    log = [
        commit(1, {REQUESTED: {"2026-03-02": 5, "2026-03-01": 1}}),
        commit(2, {DELIVERED: {"2026-03-09": 1, "2026-03-02": 1}}),
        commit(3, {REQUESTED: {"2026-03-01": 4, "2026-03-09": 2}}),
    ]
    assert [(arrival.day, arrival.late_days) for arrival in arrivals(log, CONTRACTS)] == [
        (MARCH_1, 0),  # within one commit, nothing is late
        (MARCH_2, 0),
        (MARCH_2, 0),
        (MARCH_9, 0),
        (MARCH_1, 8),
        (MARCH_9, 0),
    ]
    late = arrivals(log, CONTRACTS, after=2)[0]
    assert late == Arrival("translation_requested", MARCH_1, 4, 8, 3, NOON, "file-3")


def test_majors_arrive_as_one_view_and_a_type_without_contract_as_none() -> None:
    majors = [
        contract.type for contract in CONTRACTS.values() if len(CONTRACTS.majors(contract.view_name)) > 1
    ][:2]
    log = [commit(1, {event_type: {"2026-03-01": 1} for event_type in [*majors, REMOVED_TYPE]})]
    [arrival] = arrivals(log, CONTRACTS)
    assert arrival.rows == len(majors) == 2
