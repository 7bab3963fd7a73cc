"""`factlog contracts docs`: the contracts' words in dbt, in Dagster and on the page, whatever they say."""

import json
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest
import yaml

from event_archive.evolution.new_contract import contract_skeleton
from event_archive.registry.contract import load_contracts
from orchestration.assets.code_places import CODE_REFERENCES
from orchestration.assets.markdown import text
from orchestration.build import build_definitions
from orchestration.contract_tools.docs import END, START
from orchestration.dbt.process import load_manifest
from orchestration.refresh import refresh
from orchestration.settings import PROJECT, Settings
from support.command_typing import Typed
from support.installation import land_events, new_installation, note, put

HOSTILE = "Quotes ' \" and {{ 1/0 }} {% raw %} {# c #} {{{ }}} `code` | <b>[x](y)</b> \\ : - # end"
FIELDS = {
    "select": {"type": "string", "description": HOSTILE},
    'a"b': {"type": "integer", "description": "A quote; it's in the name."},
    "{{ 1/0 }}": {"type": "string", "description": "Jinja in the name."},
    "{% raw %}|`x`": {"type": "boolean"},
    "source": {"type": "string", "description": "Named like a column of every event."},
    "data_source": {"type": "string", "description": "Named like what that is renamed to."},
    "Note_ID": {"type": "string", "description": "Named like the object."},
    "mail": {"type": "string", "description": "Whom to ask.", "x-pii": True},
    "lines": {
        "type": "array",
        "description": "What is in it.",
        "items": {"type": "object", "properties": {"phone": {"type": "string", "x-pii": True}}},
    },
    "size": {
        "type": "object",
        "description": "How big.",
        "properties": {"width": {"type": "integer", "description": "How wide.", "minimum": 1}},
    },
}
TYPE = "note.marked.v1"


@pytest.fixture
def settings(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The small installation, whose sources are from now on written from the contracts."""
    settings = new_installation(tmp_path)
    (settings.dbt_project / "models/sources.yml").unlink()
    for name, value in settings.environment().items():
        if name.startswith("FACTLOG_"):
            monkeypatch.setenv(name, value)
    return settings


def add_hostile(settings: Settings) -> dict[str, Any]:
    """Add one contract, of names and words that are no good, and give an event of it."""
    event = note(1, verb="marked") | {"data": {"select": "x", 'a"b': 2}}
    content = {
        "type": TYPE,
        "revision": 3,
        "owner": "editing",
        "description": HOSTILE,
        "actor": ["user"],
        "object": "note",
        "data": {"type": "object", "required": ["select"], "properties": FIELDS},
        "examples": [event],
    }
    put(settings.contracts / f"{TYPE}.yaml", json.dumps(content))
    return event


def test_the_projects_own_files_say_what_its_contracts_say(factlog: Typed) -> None:
    code, output, _ = factlog("contracts", "docs", "--check")
    assert (code, output) == (0, "")


def test_one_file_and_one_command_give_source_model_and_page(settings: Settings, factlog: Typed) -> None:
    event = add_hostile(settings)
    code, output, _ = factlog("contracts", "docs", "--check")
    stale = output.splitlines()
    assert code == 1
    assert len(stale) == 4
    assert all(line.endswith(": is out of date; run: factlog contracts docs") for line in stale)
    assert not (settings.dbt_project / "models/staging/_events.yml").exists()

    code, output, _ = factlog("contracts", "docs")
    assert code == 0
    assert [Path(line).name for line in output.splitlines()] == [
        "_events.yml",
        "event-types.md",
        "stg_note__marked.sql",
        "stg_note__marked.yml",
    ]
    assert factlog("contracts", "docs", "--check")[:2] == (0, "")

    manifest = load_manifest(settings)
    sources = {source["name"]: source for source in manifest["sources"].values()}
    assert sources["note_marked"]["description"] == HOSTILE
    columns = sources["note_marked"]["columns"]
    assert columns["data.select"]["description"] == HOSTILE
    assert {f"data.{name}" for name in FIELDS} < set(columns)
    assert columns["data.size.width"]["description"] == "How wide."
    assert columns["data.mail"]["config"]["meta"] == {"personal": True}
    (model,) = (node for node in manifest["nodes"].values() if node["name"] == "stg_note__marked")
    assert model["description"] == (
        f"One row per event. {HOSTILE} Personal fields stay in the archive: data.mail, data.lines[].phone."
    )
    descriptions = {name: column["description"] for name, column in model["columns"].items()}
    assert descriptions["select"] == HOSTILE
    assert descriptions["data_data_source"] == "Named like a column of every event."

    land_events(settings, [event])
    refresh(settings)
    with duckdb.connect(settings.warehouse, read_only=True) as warehouse:
        table = warehouse.sql("FROM staging.stg_note__marked")
        assert set(table.columns) == set(descriptions)
        assert "mail" not in table.columns
        assert "lines" not in table.columns
        row = dict(zip(table.columns, table.fetchall()[0], strict=True))
    assert (row["note_id"], row["select"], row['a"b'], row["{{ 1/0 }}"]) == ("1", "x", 2, None)
    assert row["source"] == "/notes"

    (line,) = (line for line in page(settings).splitlines() if line.startswith(f"| `{TYPE}`"))
    assert line.count(" | ") == 4
    assert "&lt;b>\\[x\\](y)&lt;/b>" in line


def page(settings: Settings) -> str:
    return (settings.dbt_project.parent / "docs/event-types.md").read_text()


def test_dagster_shows_what_the_contract_says(settings: Settings) -> None:
    """Also where dbt knows nothing of the type yet."""
    add_hostile(settings)
    long = f"{'x' * 90}.{'y' * 90}.v1"
    put(settings.contracts / f"{long}.yaml", contract_skeleton(long, load_contracts(settings.contracts)))
    put(settings.dbt_project / "models/sources.yml", yaml.safe_dump(SOURCES))
    definitions = build_definitions(settings)
    dg.Definitions.validate_loadable(definitions)
    graph = definitions.resolve_asset_graph()
    node = graph.get(dg.AssetKey(["events", "note", "marked"]))
    assert (node.description or "").startswith(text(HOSTILE))
    assert node.owners == ["team:editing"]
    assert node.metadata["revision"].value == 3
    [place, *_] = node.metadata[CODE_REFERENCES].code_references
    assert place.file_path == str(settings.contracts / f"{TYPE}.yaml")
    columns = {column.name: column for column in node.metadata["dagster/column_schema"].columns}
    assert columns["data.select"].description == HOSTILE
    assert not columns["data.select"].constraints.nullable
    assert columns["data.size.width"].constraints.other == ["at least: 1"]
    assert columns["data.lines[].phone"].constraints.other == ["personal (x-pii)"]
    assert graph.get(dg.AssetKey(["events", "x" * 90, "y" * 90])).metadata["contract"].value == long


SOURCES = {
    "sources": [
        {"name": "events", "schema": "events", "tables": [{"name": "note_written"}, {"name": "note_read"}]}
    ]
}


def test_what_is_there_stays(settings: Settings, factlog: Typed) -> None:
    add_hostile(settings)
    own = settings.dbt_project / "models/staging/stg_note__marked.sql"
    put(own, "select 1 as one")
    put(settings.dbt_project.parent / "docs/event-types.md", "# Ours\n")
    code, _, error = factlog("contracts", "docs")
    assert code == 2
    assert f"put the lines `{START}` and" in error
    put(settings.dbt_project.parent / "docs/event-types.md", f"# Ours\n{START}\nold\n{END}\nAnd more.\n")
    assert factlog("contracts", "docs")[0] == 0
    assert own.read_text() == "select 1 as one"
    assert page(settings).startswith(f"# Ours\n{START}\n\n| type ")
    assert page(settings).endswith(f"\n{END}\nAnd more.\n")
    assert "old" not in page(settings)


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("models/a.sql", "select * from {{ source('events', 'gone_away') }}", "reads events.gone_away"),
        ("models/b.yml", "sources:\n  - name: events\n    tables: []\n", "declares the source events"),
        ("dbt_project.yml", None, "is no dbt project"),
    ],
)
def test_a_project_of_other_contracts_is_left_alone(
    settings: Settings, factlog: Typed, name: str, text: str | None, why: str
) -> None:
    if text is None:
        (settings.dbt_project / name).unlink()
    else:
        put(settings.dbt_project / name, text)
    code, output, error = factlog("contracts", "docs")
    assert (code, output) == (2, "")
    assert why in error
    assert error.count("\n") == 1
    assert not (settings.dbt_project / "models/staging/_events.yml").exists()


def test_the_docs_of_other_contracts_do_not_touch_the_project(
    factlog: Typed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FACTLOG_CONTRACTS", str(PROJECT / "examples/github/contracts"))
    code, _, error = factlog("contracts", "docs", "--check")
    assert code == 2
    assert "which no contract describes" in error
