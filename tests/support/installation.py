"""A small installation in a temporary folder: two event types, five models, and ways to land events in it.

Belongs here: what tests of orchestration, publishing and the UI share. Not here: tests. It is not the example
company on purpose: nothing in `orchestration/` may know that.
"""

import atexit
import json
import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path

from event_archive import Landed, Source, land
from orchestration.contract_tools.event_lineage import known_lineage
from orchestration.dbt.process import load_manifest
from orchestration.refresh import refresh
from orchestration.settings import PROJECT, Settings

Event = Mapping[str, object]
CONTRACT = """
type: {type}
revision: 1
owner: {owner}
description: {description}
actor: [user]
object: note
data:
  type: object
  required: [notebook, words]
  properties:
    notebook: {{type: string, description: The notebook that holds the note.}}
    words: {{type: integer, description: How long the note is.}}
examples:
  - specversion: "1.0"
    id: "1"
    source: /notes
    type: {type}
    time: "2026-01-01T00:00:00Z"
    actor: user/1
    object: note/1
    data: {{notebook: red, words: 7}}
"""
CONTRACTS = {
    "note.written.v1": ("editing", "Somebody wrote a note."),
    "note.read.v1": ("reading", "Somebody read a note."),
}
DBT_FILES = {
    "dbt_project.yml": """
name: notes
config-version: 2
profile: factlog
flags: {send_anonymous_usage_stats: false}
models:
  notes:
    staging: {+schema: staging, +materialized: view}
    marts:
      +materialized: table
      +persist_docs: {relation: true, columns: true}
      writing: {+schema: writing}
      reading: {+schema: reading}
""",
    "profiles.yml": f"""
factlog:
  target: warehouse
  outputs:
    warehouse:
      type: duckdb
      path: warehouse.duckdb
      threads: 2
      module_paths: ["{PROJECT}"]
      plugins: [{{module: orchestration.warehouse.dbt_plugin}}]
""",
    "macros/generate_schema_name.sql": (
        "{% macro generate_schema_name(custom, node) -%}{{ custom or target.schema }}{%- endmacro %}"
    ),
    "models/sources.yml": """
sources:
  - name: events
    schema: events
    tables: [{name: note_written}, {name: note_read}]
""",
    "models/staging/stg_note__written.sql": """
select event_id, object_id as note_id, event_date, sequence, data.notebook as notebook, data.words as words
from {{ source('events', 'note_written') }}
""",
    "models/staging/stg_note__read.sql": """
select event_id, object_id as note_id, event_date, sequence from {{ source('events', 'note_read') }}
""",
    "models/marts/writing/notes.sql": """
{{ config(tags=['daily']) }}
select note_id, notebook, words, event_date as written_date from {{ ref('stg_note__written') }}
""",
    "models/marts/writing/notebooks.sql": """
select notebook, count(*) as notes, sum(words)::bigint as words from {{ ref('notes') }} group by notebook
""",
    "models/marts/reading/readings.sql": """
{{ config(tags=['daily']) }}
select event_date as reading_date, count(*) as readings from {{ ref('stg_note__read') }} group by event_date
""",
    "models/models.yml": """
models:
  - name: notes
    description: Notes, one row each.
    config: {meta: {traced_to: [{object_id: note_id}]}}
    columns:
      - {name: note_id, description: The note., data_tests: [unique, not_null]}
      - {name: notebook, description: The notebook that holds it.}
      - {name: words, description: How long it is.}
  - name: notebooks
    description: Notebooks, one row each, and how full they are.
    columns:
      - {name: notebook, description: The notebook., data_tests: [unique]}
  - name: readings
    description: How often notes were read, per day.
""",
}


def temporary_folder() -> Path:
    """Make a folder that is removed at the end of the process."""
    folder = Path(tempfile.mkdtemp(prefix="factlog-test-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


@cache
def template() -> Settings:
    """The installation that others are copies of."""
    return install(temporary_folder())


def install(folder: Path) -> Settings:
    """Lay an installation down, with an empty archive and its dbt project read: no test waits for that."""
    project = folder / "project"
    for name, content in DBT_FILES.items():
        put(project / "dbt" / name, content)
    for event_type, (owner, description) in CONTRACTS.items():
        words = CONTRACT.format(type=event_type, owner=owner, description=description)
        put(project / "contracts" / f"{event_type}.yaml", words)
    settings = Settings(
        home=folder / "home",
        contracts=project / "contracts",
        dbt_project=project / "dbt",
        first_day=date(2026, 1, 1),
    )
    settings.open_archive(may_create=True)
    known_lineage(settings, load_manifest(settings))
    return settings


def new_installation(folder: Path) -> Settings:
    """Make an installation; its dbt project comes parsed."""
    return copy_of(template(), folder)


def copy_of(settings: Settings, folder: Path) -> Settings:
    """Copy an installation as it stands."""
    shutil.copytree(settings.home.parent, folder, dirs_exist_ok=True, symlinks=True)
    return replace(
        settings,
        home=folder / "home",
        contracts=folder / "project" / "contracts",
        dbt_project=folder / "project" / "dbt",
    )


def put(path: Path, content: str) -> None:
    """Write a file and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)


def note(number: int, day: str = "2026-01-02", verb: str = "written", **data: object) -> dict[str, object]:
    """Make one event."""
    return {
        "specversion": "1.0",
        "id": f"{verb}-{number}",
        "source": "/notes",
        "type": f"note.{verb}.v1",
        "time": f"{day}T12:00:00Z",
        "actor": f"user/{number % 5}",
        "object": f"note/{number}",
        "data": {"notebook": "red" if number % 2 else "blue", "words": number, **data},
    }


def lines(events: Sequence[Event]) -> bytes:
    """Write events as NDJSON."""
    return b"".join(json.dumps(event).encode() + b"\n" for event in events)


def land_events(settings: Settings, events: Sequence[Event], name: str = "notes.ndjson") -> Landed:
    """Land events without Dagster, as the command line does."""
    path = settings.home / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(lines(events))
    return land(settings.open_archive(), Source(name, path), limits=settings.limits)


def drop(settings: Settings, name: str, events: Sequence[Event]) -> Path:
    """Put a file into the inbox, as a producer does: in one step, under its final name."""
    settings.inbox.mkdir(parents=True, exist_ok=True)
    aside = settings.home / f".{name}"
    aside.write_bytes(lines(events))
    # Written a while ago, so that nobody takes it for a file that is still growing.
    past = (datetime.now(UTC) - timedelta(minutes=1)).timestamp()
    os.utime(aside, (past, past))
    return aside.rename(settings.inbox / name)


def landed(folder: Path) -> Settings:
    """Make an installation with ten notes landed, and nothing derived yet."""
    settings = new_installation(folder)
    land_events(settings, [note(number) for number in range(10)])
    return settings


@cache
def published_once() -> Settings:
    """The published installation that others are copies of."""
    settings = landed(temporary_folder())
    refresh(settings)
    return settings


def published_installation(folder: Path) -> Settings:
    """Make an installation with ten notes landed and published."""
    return copy_of(published_once(), folder)
