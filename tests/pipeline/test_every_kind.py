"""Every kind of node that dbt knows: given notes that land in two parts, expect what each has to show.

The project has one of each (`support.every_kind`), built twice through a refresh, with dbt as a process.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from orchestration.build import build_definitions
from orchestration.command_line.main import run as command
from orchestration.contract_tools.readers import compiled_manifest, readers
from orchestration.dataset.versions import served_version
from orchestration.dbt.process import load_manifest
from orchestration.publishing.publish import PublishingRefused, publish
from orchestration.publishing.query import query
from orchestration.refresh import Refreshed, refresh
from orchestration.settings import Settings
from support.every_kind import PACKAGE, by_hand, copy_with_packages, project_of_every_kind
from support.installation import land_events, note, put, temporary_folder
from support.runs import dagster_instance, failure, run

FIRST = [note(number) for number in range(6)]
LATER = [note(6), note(7, notebook="green")]
ROWS: Mapping[str, list[tuple[object, ...]]] = {
    # A seed, below a mart and as one; a macro and a model of a package.
    "writing.owners_of_notebooks": [
        ("blue", "Ben", 7, "BLUE", "azure"),
        ("green", None, None, "GREEN", None),
        ("red", "Ada", 5, "RED", "vermilion"),
    ],
    "writing.prices": [("blue", 7), ("red", 5)],
    "shelving.paints": [("azure",), ("vermilion",)],
    # Two that read ephemeral models; one of these lies among the marts.
    "writing.long_notes": [("5", 5), ("6", 6), ("7", 7)],
    "writing.draft_count": [(2,)],
    # A view.
    "writing.current_notes": [
        *[(f"{number}", "red" if number % 2 else "blue") for number in range(7)],
        ("7", "green"),
    ],
    # Python models.
    "writing.longest": [("blue", 6, "words"), ("green", 7, "words"), ("red", 5, "words")],
    # What builds saw: the first state of blue is history, as the second refresh found it.
    "writing.changes": [("blue", 3, False), ("blue", 4, True), ("green", 1, True), ("red", 3, True)],
    "writing.labels_v1": [("blue",), ("green",), ("red",)],
    "writing.labels_v2": [("blue",), ("green",), ("red",)],
    '"Odd schema"."It is fine, Really"': [("blue", 12), ("green", 7), ("red", 9)],
}
NOT_PUBLISHED = {"drafts", "int_long_notes", "int_words", "owners", "retired", "nothing_yet", "longest_ever"}
OF_SNAPSHOTS = ("history.price_history", "writing.changes")


@pytest.fixture(scope="module")
def refreshed() -> tuple[Settings, list[Refreshed]]:
    """The project, refreshed when the first notes had landed, and again when the others had."""
    settings = project_of_every_kind(temporary_folder())
    land_events(settings, FIRST)
    first = refresh(settings)
    land_events(settings, LATER, "later.ndjson")
    return settings, [first, refresh(settings)]


@pytest.fixture
def settings(refreshed: tuple[Settings, list[Refreshed]], tmp_path: Path) -> Settings:
    """A copy of it."""
    return copy_with_packages(refreshed[0], tmp_path)


def rows(settings: Settings, table: str) -> list[tuple[object, ...]]:
    return query(settings, f"FROM {table} ORDER BY ALL").rows


@pytest.mark.parametrize("table", ROWS)
def test_what_analysts_read(refreshed: tuple[Settings, list[Refreshed]], table: str) -> None:
    assert rows(refreshed[0], table) == ROWS[table]


def test_every_refresh_publishes_what_lies_in_a_folder_of_marts(
    refreshed: tuple[Settings, list[Refreshed]],
) -> None:
    settings, done = refreshed
    assert [each.publication.version.number for each in done] == [1, 2]
    version = served_version(settings)
    assert version is not None
    published = {table.partition(".")[2] for table in version.tables}
    assert not published & NOT_PUBLISHED
    assert {table for table in ROWS if '"' not in table} <= set(version.tables)
    assert [(each.models, each.tests) for each in done] == [(21, 11), (13, 8)]
    named = {check.name for check in done[1].publication.checks}
    assert {"notebooks.words_are_added_up", "no_note_is_empty", "owners", "labels.v2"} <= named


def test_names_and_comments_are_as_the_project_says(refreshed: tuple[Settings, list[Refreshed]]) -> None:
    described = query(refreshed[0], 'DESCRIBE "Odd schema"."It is fine, Really"').rows
    assert [row[0] for row in described] == ['the "first" Notebook', "select"]
    comment = "SELECT comment FROM duckdb_tables() WHERE table_name = 'current_notes'"
    assert query(refreshed[0], comment).rows == [("Notes, as they are now.",)]


def test_a_replay_gives_all_but_what_is_made_of_a_snapshot(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in settings.environment().items():
        monkeypatch.setenv(name, value)
    assert command(["replay", "--verify"]) == 0
    told = capsys.readouterr()
    assert "13 tables" in told.out
    assert f"Left out: {', '.join(OF_SNAPSHOTS)}, because they are made of a snapshot" in told.err
    into = tmp_path / "into.duckdb"
    assert command(["replay", "--into", str(into)]) == 0
    assert "Left out: " in capsys.readouterr().err
    assert command(["diff", "current", str(into), "--json"]) in (0, 1)


def test_who_reads_a_field(refreshed: tuple[Settings, list[Refreshed]]) -> None:
    manifest = compiled_manifest(refreshed[0])
    found = {(each.model, each.column) for each in readers(manifest, "note_written", ["words"])}
    assert {
        ("writing.long_notes", "words"),  # through an ephemeral model
        ("writing.longest", "notebook"),  # in Python, where any column may be made of any
        ("history.notebook_history", "words"),
        ("Odd schema.It is fine, Really", "select"),
        ("exposure weekly_mail", "writing.notebooks"),
    } <= found
    assert ("writing.labels_v2", "label") not in found


def test_dagster_has_an_asset_of_each_relation_and_derives_them(settings: Settings) -> None:
    land_events(settings, [note(8)], "more.ndjson")
    definitions = build_definitions(settings)
    specs = {spec.key.to_user_string(): spec for spec in definitions.resolve_all_asset_specs()}
    groups = {name: specs[name].group_name for name in ("lookup/owners", "history/notebook_history")}
    assert groups == {"lookup/owners": "3_staging", "history/notebook_history": "4_facts"}
    [odd] = [name for name in specs if name.startswith("Odd_schema_")]
    assert specs[odd].group_name == "5_reports"
    # Through an ephemeral model to what that reads; through a snapshot step by step.
    assert depends_on(specs["writing/long_notes"]) == {"staging/stg_note__written"}
    assert depends_on(specs["writing/changes"]) == {"history/notebook_history"}
    assert "intermediate/int_long_notes" not in specs
    assert {"writing/prices", "history/price_history", odd} <= depends_on(specs["published/reporting"])
    assert "lookup/owners" not in depends_on(specs["published/reporting"])
    with dagster_instance(settings) as instance:
        result = run(settings, instance, "refresh")
        assert result.success, failure(result)
        checked = {each.check_name: each.passed for each in result.get_asset_check_evaluations()}
        assert checked["unit_test_words_are_added_up"]
        chosen = [dg.AssetKey(["lookup", "owners"]), dg.AssetKey(["writing", "longest"])]
        every = build_definitions(settings).resolve_implicit_global_asset_job_def()
        part = every.execute_in_process(instance=instance, asset_selection=chosen, raise_on_error=False)
        assert part.success, failure(part)
    assert ("8", "blue") in rows(settings, "writing.current_notes")


def depends_on(spec: dg.AssetSpec) -> set[str]:
    return {dep.asset_key.to_user_string() for dep in spec.deps}


def test_dbt_by_hand_works_beside_it(settings: Settings) -> None:
    assert "Completed successfully" in by_hand(settings, "build")
    by_hand(settings, "test", "-s", "notebooks")
    by_hand(settings, "docs", "generate")
    put(settings.dbt_project / "tests/no_note_is_empty.sql", "select nonsense")
    by_hand(settings, "build", "-s", "notes", code=1)
    put(settings.dbt_project / "tests/no_note_is_empty.sql", "select 1 where false")
    assert "no_note_is_empty" in by_hand(settings, "retry")
    with pytest.raises(PublishingRefused, match=r"models_tested \(.*by hand"):
        publish(settings)
    refresh(settings)
    assert rows(settings, "writing.draft_count") == ROWS["writing.draft_count"]


BROKEN = {
    "seeds/owners.csv": "notebook,owner\nred,Ada,twice\n",
    "tests/no_note_is_empty.sql": "select 1",
    "models/marts/writing/notebooks.sql": """
select notebook, count(*) as notes, 0::bigint as words from {{ ref('notes') }} group by notebook
""",
    "models/intermediate/int_words.py": """
def model(dbt, session):
    dbt.config(materialized="table")
    return nonsense
""",
}
NAMED = {
    "no_note_is_empty": "fail: ",
    "notebooks.words_are_added_up": "fail: ",
    "int_words": "error: ",
    "longest": "skipped",
    "owners": "error: ",
    "owners_of_notebooks": "skipped",
}


def test_what_fails_is_named_and_nothing_is_published(settings: Settings) -> None:
    for name, content in BROKEN.items():
        put(settings.dbt_project / name, content)
    with pytest.raises(PublishingRefused) as refused:
        refresh(settings)
    assert "\n" not in str(refused.value)
    failed = {check.name: check.detail for check in refused.value.failed}
    assert {
        name: detail for name, detail in NAMED.items() if failed.get(name, "").startswith(detail)
    } == NAMED
    version = served_version(settings)
    assert version is not None
    assert version.number == 2


def test_a_seed_and_a_package_that_change_are_read_again(settings: Settings) -> None:
    put(settings.dbt_project / "seeds/owners.csv", "notebook,owner\nred,Cleo\n")
    colors = PACKAGE["models/shelf_colors.sql"].replace("vermilion", "scarlet")
    put(settings.dbt_project.parent / "shelving/models/shelf_colors.sql", colors)
    changed: Mapping[str, Any] = load_manifest(settings)
    assert "scarlet" in changed["nodes"]["model.shelving.shelf_colors"]["raw_code"]
    refresh(settings)
    assert rows(settings, "writing.owners_of_notebooks")[2] == ("red", "Cleo", 5, "RED", "scarlet")
    assert rows(settings, "shelving.paints") == [("azure",), ("scarlet",)]
    assert rows(settings, "writing.changes") == ROWS["writing.changes"], "a snapshot is kept"


def test_a_refresh_from_nothing_keeps_what_snapshots_saw(settings: Settings) -> None:
    assert not refresh(settings, from_nothing=True).publication.is_new
    assert rows(settings, "writing.changes") == ROWS["writing.changes"]
