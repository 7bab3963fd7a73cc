"""Wrong turns of whoever sets a project up: each is said in one line that names what to do.

Belongs here: what a project lacks, or what in it does not go together. Not here: mistakes within
`factlog.toml` (`unit/test_project_file.py`), contracts and models.
"""

import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from event_archive import UnusableInput
from orchestration.build import build_definitions
from orchestration.command_line.main import run
from orchestration.refresh import refresh
from orchestration.settings import PROJECT, Settings
from support.command_typing import Typed
from support.installation import CONTRACT, landed, put

GITHUB = PROJECT / "examples" / "github" / "contracts"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return landed(tmp_path)


def said(settings: Settings) -> str:
    """What a refresh says of the project, in one line."""
    with pytest.raises(UnusableInput) as error:
        refresh(settings)
    assert "\n" not in str(error.value)
    assert not settings.warehouse.exists()
    return str(error.value)


def test_a_folder_that_is_no_dbt_project(settings: Settings) -> None:
    (settings.dbt_project / "dbt_project.yml").unlink()
    assert re.search(r"is no dbt project, .* factlog init DIR$", said(settings))


def test_no_profile(settings: Settings) -> None:
    (settings.dbt_project / "profiles.yml").unlink()
    assert re.search(r"profiles\.yml: is missing; .* factlog init DIR makes one$", said(settings))


def test_contracts_were_swapped_but_not_the_dbt_project(tmp_path: Path) -> None:
    settings = replace(landed(tmp_path / "notes"), home=tmp_path / "home", contracts=GITHUB)
    settings.open_archive(may_create=True)
    line = said(settings)
    assert line.startswith("models/staging/stg_note__read.sql: reads events.note_read, which no contract")
    assert "as 1 other does" in line
    assert "that belong together in factlog.toml" in line
    with pytest.raises(UnusableInput, match=r"reads events\.note_read, which no contract"):
        build_definitions(settings)


def test_nothing_to_publish(settings: Settings) -> None:
    shutil.rmtree(settings.dbt_project / "models/marts")
    (settings.dbt_project / "models/models.yml").unlink()
    line = said(settings)
    assert line.startswith(f"{settings.dbt_project}: publishes nothing; ")
    assert str(settings.dbt_project / "models/marts") in line


def test_a_contract_without_a_staging_model(settings: Settings) -> None:
    text = CONTRACT.format(type="note.lost.v1", owner="editing", description="Somebody lost a note.")
    put(settings.contracts / "note.lost.v1.yaml", text)
    notes: list[str] = []
    refresh(settings, log=notes.append)
    (line,) = [note for note in notes if "note.lost.v1" in note]
    assert line.startswith("No model reads note.lost.v1. ")
    assert line.endswith("factlog contracts docs")


def test_a_model_of_the_macros_that_were_no_package_yet(settings: Settings) -> None:
    put(
        settings.dbt_project / "models/marts/writing/old.sql",
        "with keys as ({{ keys_to_derive('note_id', ref('stg_note__written')) }}) select * from keys",
    )
    line = said(settings)
    assert line.startswith("models/marts/writing/old.sql: calls keys_to_derive, which projects had a copy of")
    assert line.endswith("write it as a plain SELECT or a fact (see docs/how-to-upgrade.md)")


def test_two_models_whose_names_differ_by_capital_letters_alone(settings: Settings) -> None:
    put(settings.dbt_project / "models/marts/writing/Notes.sql", "select 1 as note_id")
    line = said(settings)
    assert line.startswith("models/marts/writing/notes.sql: makes writing.notes, which DuckDB does not tell")
    assert "from writing.Notes of models/marts/writing/Notes.sql" in line
    assert line.endswith("give one of them a name that differs by more than capital letters")


@pytest.mark.parametrize(
    "command",
    ["land x.ndjson", "inbox", "log", "verify", "refresh", "published", "query 'SELECT 1'", "contracts"],
)
def test_outside_of_a_project(
    home: Path, factlog: Typed, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    Path("x.ndjson").write_text("{}\n")
    monkeypatch.delenv("FACTLOG_PROJECT")
    monkeypatch.delenv("FACTLOG_HOME")
    code, out, err = factlog(*command.replace("'", "").split(maxsplit=1))
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "there is no factlog.toml here or in a folder above" in err
    assert "factlog init DIR" in err
    assert [path.name for path in Path().iterdir()] == ["x.ndjson"]


def test_a_demo_in_a_project_that_is_not_of_the_company(
    home: Path, factlog: Typed, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(["init", "shop"]) == 0
    monkeypatch.setenv("FACTLOG_PROJECT", str(Path("shop").absolute()))
    code, _, err = factlog("demo")
    assert (code, err.count("\n")) == (2, 1)
    assert "factlog init DIR --example translations" in err
    assert not home.exists()
