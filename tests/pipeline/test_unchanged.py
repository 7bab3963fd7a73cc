"""Nothing new, nothing done: a refresh builds only where a build might give something else.

Belongs here: everything a build depends on, changed one at a time, and that nothing else is looked at. The
slow way stands beside the fast one: what was not built is what a build from nothing gives. Not here: what a
project reads besides (`unit/dbt/test_outside_reads`), and what facts are derived by (`test_code_of_facts`).
"""

import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import dagster as dg
import duckdb
import pytest

from event_archive import UnusableInput
from orchestration.build import build_definitions
from orchestration.dataset.versions import require_served_version
from orchestration.publishing import build_inputs
from orchestration.publishing.build_inputs import NOTE, Inputs, inputs_of_build
from orchestration.publishing.publish import PublishingRefused
from orchestration.publishing.serving import hold_version, release_hold
from orchestration.refresh import Refreshed, refresh
from orchestration.settings import Settings
from orchestration.warehouse.requests import Days, request_replay
from support.installation import copy_of, land_events, landed, note, put, temporary_folder
from support.runs import dagster_instance, failure, run

Change = Callable[[Settings, pytest.MonkeyPatch], Settings | None]
MODEL = "models/marts/writing/sized.sql"
SIZED = """
-- depends_on: {{ ref('stg_note__written') }}
select '{{ var("size", "large") }}' as size, paint,
    '{{ env_var("SHOP", "here") }}' as shop, {{ mark() }} as mark
from {{ ref("paints") }}
"""
FILES = {
    MODEL: SIZED,
    "seeds/paints.csv": "paint\nred\n",
    "macros/mark.sql": "{% macro mark() %}1{% endmacro %}",
}


@pytest.fixture(scope="module")
def template() -> Settings:
    """Notes that have landed, and a model of what else a model may be made of."""
    settings = landed(temporary_folder())
    for name, content in FILES.items():
        put(settings.dbt_project / name, content)
    return settings


@pytest.fixture(scope="module")
def built(template: Settings) -> Settings:
    settings = copy_of(template, temporary_folder())
    assert did_build(refresh(settings))
    return settings


@pytest.fixture
def settings(built: Settings) -> Iterator[Settings]:
    """The same installation for all tests: a copy is other files. Who changes it leaves it refreshed."""
    assert not did_build(refresh(built))
    yield built
    refresh(built)


def did_build(done: Refreshed) -> bool:
    return done.models > 0


def inputs(settings: Settings) -> Inputs:
    return inputs_of_build(settings, settings.open_archive().log.commits())


def state(settings: Settings) -> dict[str, tuple[int, int]]:
    """Every file of the home, but for the lock, with its size and time."""
    files = (path for path in settings.home.rglob("*") if path.is_file() and path.name != "warehouse.lock")
    return {str(path): (path.stat().st_size, path.stat().st_mtime_ns) for path in files}


def edited(name: str, content: str) -> Change:
    def change(settings: Settings, _: pytest.MonkeyPatch) -> None:
        put(settings.dbt_project / name, content)

    return change


def in_environment(name: str) -> Change:
    return lambda _, monkeypatch: monkeypatch.setenv(name, "another")


def described(settings: Settings, _: pytest.MonkeyPatch) -> None:
    contract = settings.contracts / "note.read.v1.yaml"
    contract.write_text(contract.read_text().replace("Somebody read a note.", "Some read a note."))


def other_code(_: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build_inputs, "code_version", lambda _: "another")


def other_packages(_: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build_inputs, "_installed", lambda: ["dbt_core-9.dist-info"])


def landing(settings: Settings, _: pytest.MonkeyPatch) -> None:
    land_events(settings, [note(99)], "more.ndjson")


def as_of(settings: Settings, _: pytest.MonkeyPatch) -> Settings:
    return replace(settings, as_of=datetime(2026, 1, 3, tzinfo=UTC))


def removed(settings: Settings, _: pytest.MonkeyPatch) -> None:
    (settings.dbt_project / "macros/mark.sql").unlink()


CHANGES: dict[str, Change] = {
    "a model": edited(MODEL, f"{SIZED} where true"),
    "a model that is new": edited("models/more.sql", "select 1 as one"),
    "a macro": edited("macros/mark.sql", "{% macro mark() %}2{% endmacro %}"),
    "a macro that is gone": removed,
    "a seed": edited("seeds/paints.csv", "paint\nblue\n"),
    "a test": edited("tests/none.sql", "select 1 as one limit 0"),
    "a package that is a copy": edited("dbt_packages/shelving/macros/shelf.sql", "-- none"),
    "a variable": edited("vars.yml", "vars: {size: small}"),
    "the environment that a model reads": in_environment("SHOP"),
    "the environment that dbt reads": in_environment("DBT_TARGET"),
    "a contract": described,
    "the product": other_code,
    "dbt": other_packages,
    "the log": landing,
    "the moment of the cut": as_of,
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_a_build_depends_on_is_another_once_it_is_changed(
    template: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    settings = copy_of(template, tmp_path)
    before = inputs(settings)
    assert inputs(settings) == before
    after = CHANGES[change](settings, monkeypatch) or settings
    assert inputs(after) != before


def test_what_it_does_not_depend_on_is_not_looked_at(
    template: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = copy_of(template, tmp_path)
    before = inputs(settings)
    monkeypatch.setenv("PATIENCE", "none")
    put(settings.dbt_project / "target" / "manifest.json", "{}")
    (settings.dbt_project / MODEL).touch()
    assert inputs(replace(settings, threads=7)) == before


def test_of_an_environment_that_is_read_by_a_name_in_a_variable_all_counts(
    template: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = copy_of(template, tmp_path)
    put(settings.dbt_project / "macros/mark.sql", "{% macro mark(name) %}{{ env_var(name) }}{% endmacro %}")
    before = inputs(settings)
    monkeypatch.setenv("PATIENCE", "none")
    assert inputs(settings) != before


def test_nothing_new_writes_nothing_and_is_what_a_build_from_nothing_gives(
    settings: Settings, tmp_path: Path
) -> None:
    before = state(settings)
    done = refresh(settings)
    assert state(settings) == before
    assert (done.models, done.tests, done.publication.is_new) == (0, 0, False)
    assert [check.name for check in done.publication.checks if not check.passed] == []
    other = copy_of(settings, tmp_path)
    shutil.rmtree(other.published)
    other.warehouse.unlink()
    assert did_build(refresh(other))
    assert require_served_version(other).tables == require_served_version(settings).tables


def test_what_is_asked_for_is_done(settings: Settings) -> None:
    assert did_build(refresh(settings, from_nothing=True))
    assert did_build(refresh(settings, replay=[Days(date(2026, 1, 2), date(2026, 1, 3))]))
    request_replay(settings, "a run that was killed", [Days(date(2026, 1, 2), date(2026, 1, 3))])
    assert did_build(refresh(settings))
    assert not did_build(refresh(settings))


def test_a_warehouse_that_is_another_is_built(settings: Settings) -> None:
    with closing(duckdb.connect(settings.warehouse)) as connection:
        connection.execute("DELETE FROM writing.sized")
    assert did_build(refresh(settings))
    settings.warehouse.unlink()
    assert did_build(refresh(settings))
    (settings.dbt_target / NOTE).write_text("{")
    assert did_build(refresh(settings))
    assert not did_build(refresh(settings))


def test_a_version_that_is_another_is_replaced(settings: Settings) -> None:
    land_events(settings, [note(100)], "hundred.ndjson")
    newer = refresh(settings).publication.version.number
    hold_version(settings, newer - 1)
    done = refresh(settings)
    assert not did_build(done)
    assert (done.publication.version.number, done.publication.held) == (newer, newer - 1)
    release_hold(settings)
    assert not did_build(refresh(settings))
    served = settings.published / "versions" / str(newer) / "reporting.duckdb"
    served.chmod(0o644)
    served.write_bytes(served.read_bytes()[:-1] + b"!")
    done = refresh(settings)
    assert did_build(done)
    assert done.publication.version.number == newer + 1


def test_what_failed_fails_until_it_holds(settings: Settings) -> None:
    test = settings.dbt_project / "tests" / "no_paint.sql"
    put(test, "select * from {{ ref('sized') }}")
    for _ in range(2):
        with pytest.raises(PublishingRefused, match="no_paint"):
            refresh(settings)
    test.unlink()
    assert did_build(refresh(settings))


def test_what_reads_the_clock_is_built_each_time(settings: Settings) -> None:
    model = settings.dbt_project / "models" / "marts" / "writing" / "today.sql"
    put(model, "select current_date as day")
    assert did_build(refresh(settings))
    assert did_build(refresh(settings))
    model.unlink()
    assert did_build(refresh(settings))
    assert not did_build(refresh(settings))


def test_a_file_of_the_archive_that_is_gone_is_noticed(settings: Settings) -> None:
    segment = next(settings.archive_root.glob("events/*/*.parquet"))
    aside = segment.rename(settings.home / "aside")
    with pytest.raises(UnusableInput, match="is missing"):
        refresh(settings)
    aside.rename(segment)


def test_the_schedule_asks_for_no_run_and_a_person_gets_one(built: Settings, tmp_path: Path) -> None:
    settings = copy_of(built, tmp_path)
    definitions = build_definitions(settings)
    schedule = definitions.resolve_schedule_def("hourly_refresh")
    with dagster_instance(settings) as instance:

        def requested() -> int:
            repository = definitions.get_repository_def()
            context = dg.build_schedule_context(instance, repository_def=repository)
            return len(schedule.evaluate_tick(context).run_requests or ())

        assert requested() == 1
        done = run(settings, instance, "land")
        assert done.success, failure(done)
        for _ in range(2):
            done = run(settings, instance, "refresh")
            assert done.success, failure(done)
            assert any(event.is_step_materialization for event in done.all_events)
        assert requested() == 0
        assert not did_build(refresh(settings))
        put(settings.dbt_project / "macros/mark.sql", "{% macro mark() %}3{% endmacro %}")
        assert requested() == 1
