"""What a build would do and why: given a log, a graph of models and a warehouse's state, expect a plan."""

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from event_archive import UnusableInput
from event_archive.registry.contract import load_contracts
from event_archive.store.commit import LANDING, Commit, Counts, Segment
from orchestration.dbt.process import NodeFinished, listen
from orchestration.planning.plan import Correction, ModelPlan, plan
from orchestration.planning.replay_days import format_days, read_requested_days
from orchestration.settings import Settings
from orchestration.warehouse.build_history import BuildDuration, ExpectedDuration, expected_duration
from orchestration.warehouse.model_code import code_of
from orchestration.warehouse.requests import EVERYTHING, Days
from orchestration.warehouse.state import WarehouseState, built_until

CONTRACTS = load_contracts(Settings.contracts)
REQUESTED, DELIVERED = "translation.requested.v1", "translation.delivered.v1"
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
TRANSLATIONS, USAGE = "model.translations", "model.usage"


def march(day: int) -> date:
    return date(2026, 3, day)


def days(first: int, end: int) -> Days:
    """A half-open range of days in March."""
    return Days(march(first), march(end))


def commit(sequence: int, rows: dict[str, dict[int, int]]) -> Commit:
    """A commit that brought so many rows per type and day in March."""
    segments = tuple(
        Segment(
            kind, f"{kind}-{sequence}", "", 0, 0, {str(march(day)): n for day, n in of.items()}, "", "", 1
        )
        for kind, of in rows.items()
    )
    return Commit(sequence, "", LANDING, NOON, "", 0, f"file-{sequence}", Counts(), segments=segments)


def node(name: str, *depends_on: str, materialized: str = "fact") -> dict[str, Any]:
    return {
        "resource_type": "model",
        "depends_on": {"nodes": list(depends_on)},
        "tags": ["daily"],
        "config": {"materialized": materialized},
        "schema": "billing",
        "alias": name,
        "original_file_path": f"models/{name}.sql",
        "raw_code": "select 1",
    }


def source(identifier: str) -> dict[str, Any]:
    return {"resource_type": "source", "schema": "events", "identifier": identifier}


MANIFEST: dict[str, Any] = {
    "metadata": {"project_name": "factlog"},
    "macros": {},
    "sources": {
        "source.requested": source("translation_requested"),
        "source.delivered": source("translation_delivered"),
    },
    "nodes": {
        TRANSLATIONS: node("translations", "source.requested", "source.delivered"),
        USAGE: node("usage", "source.delivered"),
        "model.volumes": node("volumes", TRANSLATIONS, materialized="table"),
        "model.months": node("months", USAGE, materialized="table") | {"tags": []},
    },
}
LOG = [
    commit(1, {REQUESTED: {1: 10, 2: 10}, DELIVERED: {2: 5, 3: 5}}),
    commit(2, {DELIVERED: {1: 2, 2: 1}, REQUESTED: {4: 7}}),
]
NOTED = {model: code_of(MANIFEST, CONTRACTS, model) for model in (TRANSLATIONS, USAGE)}
READ_ALL = WarehouseState(read_until={TRANSLATIONS: 2, USAGE: 2}, parts=NOTED)
READ_FIRST = replace(READ_ALL, read_until={TRANSLATIONS: 1, USAGE: 1})


def planned(state: WarehouseState, served: int = 1, **more: Any) -> dict[str, ModelPlan]:
    """The plans of models by table, without their schema."""
    made = plan(MANIFEST, CONTRACTS, LOG, state, served=served, **more)
    return {model.table.removeprefix("billing."): model for model in made.models}


def shape(plans: dict[str, ModelPlan]) -> dict[str, tuple[str, int]]:
    """The days and rows of each."""
    return {name: (format_days(model.days), model.rows) for name, model in plans.items()}


def test_where_all_is_read_and_published_nothing_is_planned() -> None:
    made = plan(MANIFEST, CONTRACTS, LOG, READ_ALL, served=2)
    assert made.is_nothing
    assert (made.models, made.landed, made.rows) == ((), (), 0)


def test_what_landed_is_derived_on_the_days_of_events_that_feed_a_model() -> None:
    made = plan(MANIFEST, CONTRACTS, LOG, READ_FIRST, served=1)
    plans = planned(READ_FIRST)
    assert shape(plans) == {
        "translations": ("[2026-03-01, 2026-03-03), 2026-03-04", 10),
        "usage": ("[2026-03-01, 2026-03-03)", 3),
        "volumes": ("[2026-03-01, 2026-03-03), 2026-03-04", 10),
    }
    assert {model.why for model in plans.values()} == {("events landed",)}
    assert (plans["usage"].from_nothing, plans["volumes"].from_nothing) == (False, True)
    assert made.rows == 13, "a report reads no events"
    assert [(arrival.view, arrival.day, arrival.rows, arrival.late_days) for arrival in made.landed] == [
        ("translation_delivered", march(1), 2, 2),
        ("translation_delivered", march(2), 1, 1),
        ("translation_requested", march(4), 7, 0),
    ]


def test_a_refresh_that_was_interrupted_has_left_facts_that_read_less_than_others() -> None:
    state = replace(READ_ALL, read_until={TRANSLATIONS: 2, USAGE: 1})
    assert shape(planned(state, served=2)) == {"usage": ("[2026-03-01, 2026-03-03)", 3)}


def test_a_fact_that_is_not_there_is_derived_from_all_events() -> None:
    state = replace(READ_ALL, read_until={TRANSLATIONS: 2})
    usage = planned(state, served=2)["usage"]
    assert (usage.from_nothing, usage.rows, usage.why) == (True, 13, ("not built yet",))


def test_a_fact_of_other_code_is_derived_from_all_events_and_says_which_code() -> None:
    before = dict(NOTED[USAGE]) | {"models/usage.sql": "was", "macro gone": "was"}
    state = replace(READ_ALL, parts=NOTED | {USAGE: before})
    [usage] = planned(state, served=2).values()
    assert (usage.from_nothing, usage.rows, usage.why) == (True, 13, ("its code changed",))
    assert usage.parts == ("macro gone", "models/usage.sql")


@pytest.mark.parametrize("state", [{"rebuilds": frozenset([EVERYTHING])}, {"goes_forward": False}])
def test_every_fact_is_derived_from_all_events_where_the_log_is_another(state: dict[str, Any]) -> None:
    plans = planned(replace(READ_ALL, **state), served=2)
    assert {name: model.rows for name, model in plans.items() if model.from_nothing} == {
        "translations": 40,
        "usage": 13,
        "volumes": 40,
    }


def test_days_that_a_killed_replay_left_are_derived_with_those_that_are_asked_for_now() -> None:
    state = replace(READ_ALL, replays=(days(3, 4),))
    made = plan(MANIFEST, CONTRACTS, LOG, state, served=2, replay=[days(1, 2)])
    assert made.replays == (days(3, 4), days(1, 2))
    assert shape(planned(state, served=2, replay=[days(1, 2)]))["usage"] == ("2026-03-01, 2026-03-03", 7)


def test_an_event_that_is_new_and_on_a_replayed_day_is_read_once() -> None:
    assert planned(READ_FIRST, replay=[days(1, 2)])["usage"].rows == 3


def test_a_correction_takes_effect_on_the_day_of_what_it_corrects() -> None:
    known = [
        Correction("corrects", "in_effect", "translation_delivered", march(3), 2),
        Correction("voids", "unmatched", "translation_delivered", None, 2),
        Correction("voids", "in_effect", "invoice_issued", march(9), 2),
    ]
    usage = planned(READ_FIRST, corrections=known)["usage"]
    assert format_days(usage.days) == "[2026-03-01, 2026-03-04)"
    assert usage.why == ("events landed", "corrections took effect")
    assert planned(READ_ALL, served=2, corrections=known) == {}


def test_while_somebody_builds_the_plan_sets_out_from_what_is_served() -> None:
    assert shape(planned(WarehouseState(holder="a refresh"))) == shape(planned(READ_FIRST))


@pytest.mark.parametrize(
    ("complete", "outcomes", "until"),
    [
        ("true", {"usage": True}, 7),
        ("false", {"usage": True}, 7),
        ("true", {"usage": False}, 0),
        ("false", {"translations": True}, 0),
        ("NULL", {"usage": True}, 0),
    ],
)
def test_a_fact_with_few_rows_has_read_as_far_as_its_last_build_that_ended(
    complete: str, outcomes: dict[str, bool], until: int
) -> None:
    with duckdb.connect() as connection:
        assert built_until(connection, "usage") == 0, "never built"
        connection.execute("CREATE SCHEMA audit")
        connection.execute(
            f"CREATE TABLE audit.build AS SELECT 7 AS sequence, {complete}::BOOLEAN AS complete"
        )
        connection.execute("CREATE TABLE audit.outcomes (name VARCHAR, passed BOOLEAN, detail VARCHAR)")
        for name, passed in outcomes.items():
            connection.execute("INSERT INTO audit.outcomes VALUES (?, ?, '')", [name, passed])
        assert built_until(connection, "usage") == until


HELD = {march(day) for day in (3, 4, 5, 8)}
TODAY = march(20)


def requested(first: str | None = None, end: str | None = None, listed: str | None = None) -> str:
    return str(read_requested_days(first, end, listed, HELD, TODAY))


def test_days_are_read_as_ranges_and_clipped_to_what_holds_events() -> None:
    assert requested("2026-03-04", "2026-03-06") == "[2026-03-04, 2026-03-06)"
    assert (
        requested(listed="2026-03-08, 2026-03-04,2026-03-03,2026-03-04")
        == "[2026-03-03, 2026-03-05), 2026-03-08"
    )
    beyond = read_requested_days("2026-03-05", "2026-04-01", None, HELD, TODAY)
    assert str(beyond) == "[2026-03-05, 2026-03-09)"
    assert beyond.clipped == "events are of 2026-03-03 to 2026-03-08, so [2026-03-05, 2026-03-09) is replayed"
    assert read_requested_days("2026-03-03", "2026-03-09", None, HELD, TODAY).clipped is None
    assert (
        format_days([days(n, n + 1) for n in range(1, 20, 2)], 2) == "2026-03-01, 2026-03-03 and 8 more days"
    )


@pytest.mark.parametrize("end", ["2026-03-03", "2026-03-01"])
def test_a_range_that_ends_before_the_first_event_is_refused(end: str) -> None:
    with pytest.raises(UnusableInput, match="before the first event"):
        requested("2026-02-01", end)


def test_builds_of_different_sizes_tell_what_a_start_and_an_event_cost() -> None:
    builds = [BuildDuration(0, 8), BuildDuration(1000, 10), BuildDuration(2000, 12)]
    assert expected_duration(500, builds) == ExpectedDuration(9, 3)
    assert expected_duration(100_000, builds) == ExpectedDuration(208, 3)


def test_builds_of_one_size_tell_their_own_time() -> None:
    assert expected_duration(1000, [BuildDuration(1000, 30)] * 2) == ExpectedDuration(30, 2)
    assert expected_duration(0, [BuildDuration(0, 7)]) == ExpectedDuration(7, 1)
    assert expected_duration(500, [BuildDuration(1000, 30)]).seconds == 20
    # A slow machine once: more events never take less.
    assert (
        expected_duration(9000, [BuildDuration(0, 30), BuildDuration(1000, 10)]).seconds
        == expected_duration(0, [BuildDuration(0, 30), BuildDuration(1000, 10)]).seconds
    )


BUILDS = st.builds(BuildDuration, st.integers(0, 100_000), st.floats(1, 600))


@given(st.lists(BUILDS, max_size=20), st.integers(0, 10**6), st.integers(0, 10**6))
def test_more_events_never_take_less(builds: list[BuildDuration], rows: int, more: int) -> None:
    few, many = (expected_duration(number, builds).seconds for number in (rows, rows + more))
    assert 0 < few <= many
    assert few >= min((build.seconds for build in builds), default=10) / 2


@given(st.integers(0, 8))
def test_one_slow_build_says_nothing_of_the_next(place: int) -> None:
    builds = [BuildDuration(rows, 10 + rows / 1000) for rows in range(0, 9000, 1000)]
    builds[place] = BuildDuration(builds[place].rows, 300)
    assert expected_duration(2_388, builds).seconds == pytest.approx(12.4, abs=1)
    assert expected_duration(11_142, builds).seconds == pytest.approx(21.1, abs=1)


def test_builds_of_nearly_one_size_are_not_drawn_out_to_large_ones() -> None:
    builds = [BuildDuration(2_388, 12), BuildDuration(2_400, 16)]
    assert expected_duration(2_394, builds).seconds == pytest.approx(14)
    assert expected_duration(11_142, builds).seconds == pytest.approx(10 + 4 / 2_394 * 11_142)


def test_without_a_noted_build_a_rate_is_assumed() -> None:
    assert expected_duration(50_000, []) == ExpectedDuration(11, 0)


def test_what_dbt_says_is_heard_node_by_node_and_its_errors_are_kept() -> None:
    done = '{"info": {"name": "LogModelResult", "level": "info"}, "data": {"index": 3, "total": 9, '
    done += '"node_info": {"node_name": "usage"}}}\n'
    test = '{"info": {"name": "LogTestResult", "level": "error"}, "data": {"index": 4, "num_models": 9, '
    test += '"node_info": {"node_name": "unique"}}}\n'
    wrong = (
        '{"info": {"name": "MainEncounteredError", "level": "error", "msg": "No such model"}, "data": {}}\n'
    )
    quiet = '{"info": {"name": "FoundStats", "level": "info", "msg": "13 models"}, "data": {}}\n'
    finished: list[NodeFinished] = []
    assert listen([done, quiet, "Traceback\n", test, wrong], finished.append) == "Traceback\nNo such model\n"
    assert finished == [NodeFinished("usage", True, 3, 9), NodeFinished("unique", False, 4, 9)]
