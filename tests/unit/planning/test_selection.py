"""Which nodes a build has to build: given a graph, a log and what is there, expect the nodes below the news.

Belongs here: graphs as dbt writes them, small and drawn at random. Not here: that what is left out would have
been made again (`pipeline/test_selected_builds`).
"""

from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from event_archive.registry.contract import Contracts
from event_archive.store.commit import LANDING, REMAP, Commit, Counts, Segment
from orchestration.planning.selection import (
    Basis,
    input_digests,
    nodes_to_build,
    select_nodes,
)
from orchestration.warehouse.outcomes import NOTHING_BUILT
from support.hunting import examples
from support.installation import template

WRITTEN, READ, CORRECTIONS, ALL = (
    f"source.notes.events.{name}" for name in ("note_written", "note_read", "corrections", "all_events")
)
LOG = "model.notes.whole_log"
KINDS = ("table", "view", "fact", "ephemeral")


def node(name: str, above: Iterable[str], kind: str = "table", code: str = "select 1") -> dict[str, Any]:
    return {
        "unique_id": name,
        "resource_type": name.partition(".")[0],
        "raw_code": code,
        "fqn": name.split("."),
        "config": {"materialized": kind},
        "depends_on": {"nodes": [*above], "macros": []},
    }


def graph(*nodes: dict[str, Any]) -> dict[str, Any]:
    sources = {
        name: {"schema": "events", "identifier": name.rpartition(".")[2]}
        for name in (WRITTEN, READ, CORRECTIONS, ALL)
    }
    named = {each["unique_id"]: each for each in nodes}
    return {"nodes": named, "unit_tests": {}, "sources": sources, "macros": {}}


@pytest.fixture(scope="module")
def contracts() -> Contracts:
    return template().open_archive().contracts


def segment(event_type: str, number: int, corrections: int = 0) -> Segment:
    days = {"2026-01-01": 1}
    return Segment(
        event_type, f"{event_type}/{number}", "0", 1, 1, days, "", "", revision=1, corrections=corrections
    )


def log(
    *landed: Sequence[str], corrections: Iterable[int] = (), remaps: Mapping[int, str] | None = None
) -> list[Commit]:
    """Commits of these event types; `corrections`: which of them correct; `remaps`: what one replaces."""
    commits: list[Commit] = []
    for number, types in enumerate(landed, 1):
        replaced = (remaps or {}).get(number)
        commits.append(
            Commit(
                number,
                commits[-1].digest if commits else "0",
                REMAP if replaced else LANDING,
                datetime(2026, 1, 1, tzinfo=UTC),
                f"{number} {types}",
                1,
                "",
                Counts(1, 1),
                segments=tuple(segment(kind, number, number in corrections) for kind in types),
                replaces=(segment(replaced, 1),) if replaced else (),
            )
        )
    return commits


W, R = "note.written.v1", "note.read.v1"


def chosen(
    manifest: Mapping[str, Any], contracts: Contracts, before: list[Commit], after: list[Commit], **last: Any
) -> frozenset[str]:
    """The nodes to build where all is made of the first log, and the other is there; `last`: what else is."""
    known = replace(NOTHING_BUILT, **last)
    built = replace(known, inputs=input_digests(manifest, contracts, before, "code", known))
    return nodes_to_build(manifest, input_digests(manifest, contracts, after, "code", built), built)


CHAIN = graph(
    node("model.notes.stg", [WRITTEN], "view"),
    node("model.notes.part", ["model.notes.stg"], "ephemeral"),
    node("model.notes.fact", ["model.notes.part"], "fact"),
    node("model.notes.report", ["model.notes.fact"]),
    node("test.notes.unique", ["model.notes.report"], "test"),
    node("model.notes.read", [READ], "table"),
    node("model.notes.told", [CORRECTIONS]),
    node("model.notes.all", [ALL]),
    node("seed.notes.paints", [], "seed"),
)
BELOW = {"model.notes.fact", "model.notes.report", "test.notes.unique", "model.notes.all"}


def test_only_what_is_below_the_news_is_built(contracts: Contracts) -> None:
    before = log([W, R], [W, R])
    assert chosen(CHAIN, contracts, before, log([W, R], [W, R], [W])) == BELOW
    assert chosen(CHAIN, contracts, before, log([W, R], [W, R], [R])) == {
        "model.notes.read",
        "model.notes.all",
    }
    assert len(chosen(CHAIN, contracts, before, before)) == 1
    unchanged = {"model.notes.part", "seed.notes.paints", "model.notes.told"}
    assert chosen(CHAIN, contracts, [], before) == {*CHAIN["nodes"]} - unchanged


def test_corrections_and_remaps_are_news_of_what_they_touch(contracts: Contracts) -> None:
    before = log([W, R], [W, R])
    # The first file of another kind may give the view another column.
    assert chosen(CHAIN, contracts, before, log([W, R], [W, R], [W], corrections=[3])) == {
        *BELOW,
        "model.notes.told",
        "model.notes.stg",
    }
    remapped = chosen(CHAIN, contracts, before, log([W, R], [W, R], [R], remaps={3: W}))
    assert remapped == {*BELOW, "model.notes.told", "model.notes.read"}
    waiting = chosen(CHAIN, contracts, before, log([W, R], [W, R], [R]), corrections_wait=True)
    assert "model.notes.told" in waiting


@pytest.mark.parametrize(
    "code",
    [
        "{% set names = run_query('select 1') %} select 1",
        "{% if execute %} select 1 {% endif %}",
        "select * from (pivot x on y)",
        "select {{ adapter.get_columns_in_relation(ref('x')) }}",
    ],
)
def test_a_view_whose_columns_may_follow_from_rows_is_built(contracts: Contracts, code: str) -> None:
    for place in ("model.notes.stg", "model.notes.above"):
        read = graph(
            node("model.notes.above", [WRITTEN], code=code if "above" in place else "select 1"),
            node("model.notes.stg", ["model.notes.above"], "view", code if "stg" in place else "select 1"),
        )
        assert "model.notes.stg" in chosen(read, contracts, log([W]), log([W], [W]))


@pytest.mark.parametrize("kind", ["incremental", "snapshot", "materialized_view"])
def test_what_builds_on_what_it_was_is_built_with_all_below_it(contracts: Contracts, kind: str) -> None:
    read = graph(
        node("model.notes.kept", [READ], kind),
        node("model.notes.shown", ["model.notes.kept"], "view"),
        node("model.notes.last", ["model.notes.shown"]),
        node("model.notes.other", [READ]),
    )
    news = chosen(read, contracts, log([R]), log([R], [W]))
    assert news == {"model.notes.kept", "model.notes.shown", "model.notes.last"}


def test_what_reads_the_clock_is_built_with_all_below_it(contracts: Contracts) -> None:
    news = chosen(CHAIN, contracts, log([R]), log([R], [R]), without=frozenset({"model.notes.fact"}))
    assert news == {*BELOW, "model.notes.read"}


def test_other_code_builds_everything(contracts: Contracts) -> None:
    commits = log([W])
    last = replace(NOTHING_BUILT, inputs=input_digests(CHAIN, contracts, commits, "code"))
    assert select_nodes(Basis(CHAIN, "other", last), contracts, commits).arguments == []
    assert select_nodes(None, contracts, commits).arguments == ()
    picked = select_nodes(Basis(CHAIN, "code", last), contracts, log([W], [R])).arguments
    assert picked[-2:] == ["fqn:model.notes.all", "fqn:model.notes.read"]


@st.composite
def graphs(draw: st.DrawFn) -> dict[str, Any]:
    """A graph without circles: of each node the kind, and what it reads of those before it."""
    nodes: list[dict[str, Any]] = []
    for number in range(draw(st.integers(1, 9))):
        names = [WRITTEN, READ, *(each["unique_id"] for each in nodes)]
        above = draw(st.lists(st.sampled_from(names), max_size=3, unique=True))
        nodes.append(node(f"model.notes.m{number}", above, draw(st.sampled_from(KINDS))))
    return graph(*nodes, node(LOG, [ALL]))


def reached(manifest: Mapping[str, Any], source: str) -> set[str]:
    """The nodes below a source, but for views and what leaves no relation: in the order of their numbers."""
    below = {source}
    for name, each in sorted(manifest["nodes"].items()):
        if below & {*each["depends_on"]["nodes"]}:
            below.add(name)
    return tables(manifest, below - {source})


def tables(manifest: Mapping[str, Any], names: Iterable[str]) -> set[str]:
    """Those of these nodes that have rows, without the one that reads all events."""
    nodes = {name: manifest["nodes"][name]["config"]["materialized"] for name in names}
    return {name for name, kind in nodes.items() if kind not in ("view", "ephemeral") and name != LOG}


@settings(max_examples=examples(60), deadline=None)
@given(graphs())
def test_exactly_what_is_below_an_event_type_is_built_and_each_edge_counts(
    contracts: Contracts, manifest: dict[str, Any]
) -> None:
    before = log([W, R])
    for event_type, source in ((W, WRITTEN), (R, READ)):
        after = log([W, R], [event_type])
        news = reached(manifest, source)
        assert tables(manifest, chosen(manifest, contracts, before, after)) == news
        for name, each in manifest["nodes"].items():
            for edge in each["depends_on"]["nodes"] if name != LOG else ():
                without = deepcopy(manifest)
                without["nodes"][name]["depends_on"]["nodes"].remove(edge)
                found = tables(manifest, chosen(without, contracts, before, after))
                assert found == reached(without, source)
