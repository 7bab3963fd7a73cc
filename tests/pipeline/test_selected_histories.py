"""Histories: what the command and Dagster have built in turn, keeping what they may, is as from nothing.

Belongs here: the property over generated histories of a small installation: landings of one type or several,
corrections, other code, seeds and variables, builds that fail; and proof that it can fail. Not here: the
example company (`test_selected_builds`), and what is reported of each run (`test_selected_runs`).
"""

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import replace
from functools import partial
from pathlib import Path
from random import Random
from unittest.mock import patch

import pytest

from event_archive.registry.contract import Contracts
from event_archive.store.commit import Commit
from orchestration.dataset.versions import require_served_version
from orchestration.planning.selection import Basis, Selection, select_nodes
from orchestration.publishing.publish import PublishingRefused
from orchestration.refresh import refresh
from orchestration.settings import Settings
from support.hunting import examples
from support.installation import copy_of, land_events, new_installation, note, put, temporary_folder
from support.runs import dagster_instance, run

EXAMPLES, STEPS = 1, 6
FACT = """
{{ config(materialized='fact', key='note_id', events='stg_note__written', tags=['daily']) }}
select note_id, any_value(notebook) as notebook, max(words) as words, min(event_date) as written_date
from {{ factlog.events() }} group by note_id
"""
PAINTED = """
select notes.*, paints.paint, {{ var('plus', 0) }} + words as more, {{ mark() }} as mark
from {{ ref('notes') }} as notes left join {{ ref('paints') }} as paints using (notebook)
"""
COMPARED = """
select
    (select count(*) from {{ ref('painted') }}) as notes,
    (select sum(readings) from {{ ref('readings') }}) as readings
"""


class History:
    """An installation, what may happen to it, and who builds it."""

    def __init__(self, settings: Settings, chance: Random) -> None:
        self.settings, self.chance, self.number = settings, chance, 0
        self.project = settings.dbt_project
        marts = self.project / "models" / "marts" / "writing"
        put(marts / "notes.sql", FACT)
        put(marts / "painted.sql", PAINTED)
        put(marts / "compared.sql", COMPARED)
        put(self.project / "tests" / "noted.sql", "select 1 from {{ ref('painted') }} where words is null")
        self.paint()
        self.mark()

    def paint(self) -> None:
        put(self.project / "seeds" / "paints.csv", f"notebook,paint\nred,{self.chance.random()}\n")

    def mark(self) -> None:
        put(
            self.project / "macros" / "mark.sql",
            f"{{% macro mark() %}}{self.chance.random()}{{% endmacro %}}",
        )

    def vary(self) -> None:
        path = self.project / "dbt_project.yml"
        kept = path.read_text().partition("\nvars:")[0]
        path.write_text(f"{kept}\nvars: {{plus: {self.chance.randrange(100)}}}\n")

    def land(self) -> None:
        """A few events of one type or both, some of which correct or void what was there, or wait for it."""
        verbs = self.chance.choice([["written"], ["read"], ["written", "read"]])
        events = [self.event(verb) for verb in verbs for _ in range(3)]
        land_events(self.settings, events, f"{self.number}.ndjson")

    def event(self, verb: str) -> dict[str, object]:
        self.number += 1
        event = note(self.number, f"2026-01-0{self.chance.randrange(1, 9)}", verb)
        what = self.chance.choice([None, None, "corrects", "voids"])
        return event | ({what: f"{verb}-{self.chance.randrange(1, self.number + 1)}"} if what else {})

    def fail(self) -> None:
        """A build that fails, of a project that is mended after it."""
        test = self.project / "tests" / "never.sql"
        put(test, "select 1 from {{ ref('paints') }}")
        assert not self.build()
        test.unlink()

    def step(self) -> None:
        """Something that happens, mostly news, and a build of it."""
        self.chance.choice([self.land, self.land, self.land, self.paint, self.mark, self.vary, self.fail])()
        assert self.build()

    def build(self) -> bool:
        """Whether a build holds, by the command or by Dagster."""
        builds: list[Callable[[Settings], bool]] = [by_command, by_dagster]
        return self.chance.choice(builds)(self.settings)


def by_command(settings: Settings) -> bool:
    try:
        refresh(settings)
    except PublishingRefused:
        return False
    return True


def by_dagster(settings: Settings) -> bool:
    with dagster_instance(settings) as instance:
        return run(settings, instance, "refresh").success


def is_as_from_nothing(settings: Settings) -> bool:
    other = copy_of(settings, temporary_folder())
    right = refresh(other, from_nothing=True).publication.version
    return right.content == require_served_version(settings).content


@pytest.mark.parametrize("example", range(examples(EXAMPLES)))
def test_whoever_builds_what_is_kept_is_what_would_be_built(tmp_path: Path, example: int) -> None:
    seed = Random().randrange(2**31)
    history = History(new_installation(tmp_path), Random(seed))
    for _ in range(STEPS):
        history.step()
    assert is_as_from_nothing(history.settings), f"Random({seed})"


@pytest.mark.parametrize(
    ("build", "edge", "news"),
    [(by_command, ("painted", "notes"), "written"), (by_dagster, ("compared", "readings"), "read")],
)
def test_an_edge_that_is_passed_over_is_found(
    tmp_path: Path, build: Callable[[Settings], bool], edge: tuple[str, str], news: str
) -> None:
    settings = History(new_installation(tmp_path), Random(1)).settings
    land_events(settings, [note(1), note(2, verb="read")], "first.ndjson")
    with patch("orchestration.selected_build.select_nodes", partial(select_without, edge)):
        assert build(settings)
        land_events(settings, [note(3, verb=news)], "second.ndjson")
        assert build(settings)
    assert not is_as_from_nothing(settings)


def select_without(
    edge: tuple[str, str], basis: Basis | None, contracts: Contracts, commits: Sequence[Commit]
) -> Selection:
    """What is selected where a model does not seem to read another."""
    if basis is None:
        return select_nodes(basis, contracts, commits)
    manifest = deepcopy(basis.manifest)
    name, read = (f"model.notes.{name}" for name in edge)
    manifest["nodes"][name]["depends_on"]["nodes"].remove(read)
    return select_nodes(replace(basis, manifest=manifest), contracts, commits)
