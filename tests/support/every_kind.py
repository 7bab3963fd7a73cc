"""A dbt project that holds one node of every kind that dbt knows, over the notes of the small installation.

Belongs here: the project. Not here: contracts and events (`installation`), and what has to come of it
(`pipeline/test_every_kind.py`). Its package lies beside the project, as one that several projects share does.
"""

import subprocess
from pathlib import Path

from orchestration.dbt import process, serving
from orchestration.dbt.process import load_manifest
from orchestration.settings import Settings
from support.installation import copy_of, new_installation, put

PACKAGE = {
    "dbt_project.yml": """
name: shelving
config-version: 2
models: {shelving: {+materialized: table, +schema: shelving}}
""",
    "macros/shelf.sql": "{% macro shelf(column) %} upper({{ column }}) {% endmacro %}",
    "models/shelf_colors.sql": "select 'RED' as shelf, 'vermilion' as color union all select 'BLUE', 'azure'",
    "models/marts/paints.sql": "select distinct color from {{ ref('shelf_colors') }}",
    "models/shelves.yml": """
models:
  - name: shelf_colors
    columns: [{name: shelf, data_tests: [unique]}]
""",
}
FILES = {
    "dbt_project.yml": """
name: notes
config-version: 2
profile: factlog
flags: {send_anonymous_usage_stats: false}
models:
  notes:
    staging: {+schema: staging, +materialized: view}
    intermediate: {+schema: intermediate, +materialized: ephemeral}
    marts:
      +materialized: table
      +persist_docs: {relation: true, columns: true}
      writing: {+schema: writing}
      reading: {+schema: reading}
seeds:
  notes:
    +schema: lookup
    marts: {+schema: writing}
snapshots: {notes: {+schema: history}}
""",
    "packages.yml": "packages: [{local: ../shelving}]\n",
    "seeds/owners.csv": "notebook,owner\nred,Ada\nblue,Ben\n",
    "seeds/marts/prices.csv": "notebook,price_minor\nred,5\nblue,7\n",
    "models/intermediate/int_long_notes.sql": "select * from {{ ref('stg_note__written') }} where words > 4",
    "models/marts/writing/long_notes.sql": "select note_id, words from {{ ref('int_long_notes') }}",
    "models/marts/writing/drafts.sql": """
{{ config(materialized='ephemeral') }} select note_id from {{ ref('stg_note__written') }} where words < 2
""",
    "models/marts/writing/draft_count.sql": "select count(*) as drafts from {{ ref('drafts') }}",
    "models/marts/writing/current_notes.sql": """
{{ config(materialized='view') }} select note_id, notebook from {{ ref('stg_note__written') }}
""",
    "models/marts/writing/owners_of_notebooks.sql": """
select notebook, owner, price_minor, {{ shelving.shelf('notebook') }} as shelf, color
from {{ ref('notebooks') }}
left join {{ ref('owners') }} using (notebook)
left join {{ ref('prices') }} using (notebook)
left join {{ ref('shelf_colors') }} on shelf = {{ shelving.shelf('notebook') }}
""",
    "models/intermediate/int_words.py": """
import polars


def model(dbt, session):
    dbt.config(materialized="table")
    notes = dbt.ref("stg_note__written").pl()
    return notes.group_by("notebook").agg(polars.col("words").max().alias("most_words"))
""",
    "models/marts/writing/longest.py": """
import polars


def model(dbt, session):
    return dbt.ref("int_words").pl().with_columns(polars.lit("words").alias("unit"))
""",
    "models/marts/writing/labels_v1.sql": "select notebook from {{ ref('notebooks') }}",
    "models/marts/writing/labels_v2.sql": "select notebook as label from {{ ref('notebooks') }}",
    "models/marts/writing/retired.sql": "{{ config(enabled=false) }} select 1 as one",
    "models/marts/writing/nothing_yet.sql": "",
    "models/marts/Odd names/Mixed_case.sql": """
{{ config(schema='Odd schema', alias="It is fine, Really") }}
select notebook as "the ""first"" Notebook", words as "select" from {{ ref('notebooks') }}
""",
    "models/marts/writing/changes.sql": """
select notebook, notes, dbt_valid_to is null as is_current from {{ ref('notebook_history') }}
""",
    "snapshots/history.yml": """
snapshots:
  - name: notebook_history
    relation: ref('notebooks')
    config: {unique_key: notebook, strategy: check, check_cols: all}
""",
    "snapshots/marts/prices.yml": """
snapshots:
  - name: price_history
    relation: ref('prices')
    config: {unique_key: notebook, strategy: check, check_cols: all}
""",
    "analyses/longest_ever.sql": "select max(words) from {{ ref('notes') }}",
    "tests/no_note_is_empty.sql": "select * from {{ ref('notes') }} where words < 0",
    "models/kinds.yml": """
models:
  - name: labels
    latest_version: 2
    versions: [{v: 1}, {v: 2}]
    columns: [{name: notebook}]
  - name: longest
    description: The longest note of each notebook.
    columns: [{name: notebook, description: The notebook., data_tests: [unique]}]
  - name: long_notes
    columns: [{name: note_id, data_tests: [unique]}]
  - name: int_long_notes
    columns: [{name: note_id, data_tests: [not_null]}]
  - name: current_notes
    description: Notes, as they are now.
    columns: [{name: note_id, description: The note., data_tests: [unique]}]
unit_tests:
  - name: words_are_added_up
    model: notebooks
    given: [{input: ref('notes'), rows: [{notebook: red, words: 1}, {notebook: red, words: 2}]}]
    expect: {rows: [{notebook: red, notes: 2, words: 3}]}
exposures:
  - name: weekly_mail
    type: dashboard
    owner: {name: Ada}
    depends_on: [ref('notebooks')]
""",
    "seeds/seeds.yml": """
seeds:
  - name: prices
    columns: [{name: notebook, data_tests: [unique]}]
""",
}


def copy_with_packages(settings: Settings, folder: Path) -> Settings:
    """Copy an installation as it stands, with packages of its own."""
    copied = copy_of(settings, folder)
    link = copied.dbt_project / "dbt_packages" / "shelving"
    link.unlink()
    link.symlink_to(copied.dbt_project.parent / "shelving")
    return copied


def by_hand(settings: Settings, *arguments: str, code: int = 0) -> str:
    """Run dbt in the folder of the project, as a person does; what it prints. It ends with this code."""
    done = subprocess.run(
        [*serving.dbt_command(settings, process.dbt_executable()), "--no-use-colors", *arguments],
        cwd=settings.dbt_project,
        env=settings.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


def project_of_every_kind(folder: Path) -> Settings:
    """Lay an installation down whose project has a node of every kind, with its packages installed."""
    settings = new_installation(folder)
    for name, content in FILES.items():
        put(settings.dbt_project / name, content)
    for name, content in PACKAGE.items():
        put(settings.dbt_project.parent / "shelving" / name, content)
    by_hand(settings, "deps")
    load_manifest(settings)
    return settings
