"""An older project: given its files, expect each line that is to be written otherwise, and no other."""

import re
from pathlib import Path

import pytest

from orchestration.dbt.older_project import old_places
from orchestration.settings import PROJECT

NEW = "dispatch:\n  - macro_namespace: dbt\n    search_order: [shop, factlog, dbt]\n"
OLD_FACT = """-- is_incremental() was here
{{ config(
    materialized="incremental", unique_key="order_id", incremental_strategy="replace_keys"
) }}
{#
  keys_to_derive(…) finds them
#}
with to_derive as ({{ keys_to_derive("order_id", ref("stg_order__placed")) }})
select {{ first_or_last_event("amount", "last") }}, {{ factlog.event_columns() }}
from {{ in_effect(ref("stg_order__placed")) }}
{% if is_incremental() %} where {{ where_to_derive("order_id") }} {% endif %}
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    write(tmp_path, "dbt_project.yml", NEW)
    return tmp_path


def write(project: Path, name: str, text: str) -> None:
    path = project / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def found(project: Path) -> list[tuple[str, int, str]]:
    return [(place.file, place.line, place.found) for place in old_places(project)]


def test_each_line_of_an_old_fact_is_named(project: Path) -> None:
    write(project, "models/orders.sql", OLD_FACT)
    assert found(project) == [
        ("models/orders.sql", 3, 'materialized="incremental'),
        ("models/orders.sql", 8, "keys_to_derive"),
        ("models/orders.sql", 9, "first_or_last_event"),
        ("models/orders.sql", 10, "in_effect"),
        ("models/orders.sql", 11, "is_incremental()"),
        ("models/orders.sql", 11, "where_to_derive"),
    ]
    assert old_places(project)[2].write == "write factlog.first_or_last_event("


def test_copies_of_macros_and_a_config_by_folder_are_named(project: Path) -> None:
    write(project, "macros/keys.sql", "\n{%- macro keys_to_derive(key, of) -%}\nselect 1\n{%- endmacro -%}\n")
    models = "models:\n  # +materialized: incremental\n  shop:\n    +materialized: incremental\n"
    write(project, "dbt_project.yml", models)
    assert found(project) == [
        ("dbt_project.yml", 4, "materialized: incremental"),
        ("dbt_project.yml", 5, "no dispatch to factlog"),
        ("macros/keys.sql", 2, "macro keys_to_derive"),
    ]


def test_what_dbt_has_written_or_linked_is_not_looked_at(project: Path) -> None:
    for folder in ("dbt_packages/other", "target/compiled", "logs"):
        write(project, f"{folder}/orders.sql", OLD_FACT)
    assert found(project) == []


@pytest.mark.parametrize(
    "folder",
    [
        "dbt_project",
        "orchestration/project_template/dbt_project",
        *sorted(
            str(path.parent.relative_to(PROJECT))
            for path in PROJECT.glob("examples/*/dbt_project/*.yml")
            if path.name == "dbt_project.yml"
        ),
    ],
)
def test_projects_of_today_have_no_such_line(folder: str) -> None:
    assert found(PROJECT / folder) == []


def test_every_place_says_what_to_write(project: Path) -> None:
    write(project, "models/orders.sql", OLD_FACT)
    assert all(re.match(r"(write|remove) ", place.write) for place in old_places(project))
