"""What derived a fact: whatever a build from nothing would use, once it is another, has the fact built anew.

Belongs here: seeds, variables, the environment, macros and config of a fact, changed between two refreshes of
which the second brings one event. Not here: changed SQL and contracts (`test_orchestration_days`,
`test_two_majors`).
"""

import shutil
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from orchestration.dbt.process import run_dbt
from orchestration.refresh import refresh
from orchestration.settings import Settings
from support.installation import put, temporary_folder
from support.retail import Line, installation, land_lines

TAXED = """
{{ config(materialized="fact", key="invoice_id", events="stg_line__sold") }}
select
    invoice_id,
    cast(sum(amount_minor * (100 + percent)) as bigint) as gross,
    any_value({{ var("vat_percent") }}) as vat_percent,
    '{{ env_var("SHOP", "here") }}' as shop,
    {{ mark() }} as mark
from {{ factlog.events() }}
join {{ ref("tax_rates") }} using (product_id)
group by invoice_id
"""
FILES = {
    "models/marts/sales/taxed.sql": TAXED,
    "seeds/tax_rates.csv": "product_id,percent\np1,7\n",
    "macros/mark.sql": "{% macro mark() %}1{% endmacro %}",
}
FIRST, SECOND = Line("1", "a", "i1", 100), Line("2", "b", "i2", 100)


def seed(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    put(settings.dbt_project / "seeds" / "tax_rates.csv", "product_id,percent\np1,19\n")


def variable(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    project = settings.dbt_project / "dbt_project.yml"
    project.write_text(project.read_text().replace("vat_percent: 19", "vat_percent: 21"))


def environment(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP", "there")


def macro(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    put(settings.dbt_project / "macros" / "mark.sql", "{% macro mark() %}2{% endmacro %}")


def events_of_other_relations(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    model = settings.dbt_project / "models/marts/sales/taxed.sql"
    model.write_text(TAXED.replace('events="stg_line__sold"', 'events="int_lines"'))


CHANGES: dict[Callable[[Settings, pytest.MonkeyPatch], None], list[tuple[object, ...]]] = {
    seed: [("i1", 11900, 19, "here", 1), ("i2", 11900, 19, "here", 1)],
    variable: [("i1", 10700, 21, "here", 1), ("i2", 10700, 21, "here", 1)],
    environment: [("i1", 10700, 19, "there", 1), ("i2", 10700, 19, "there", 1)],
    macro: [("i1", 10700, 19, "here", 2), ("i2", 10700, 19, "here", 2)],
    events_of_other_relations: [("i1", 10700, 19, "here", 1), ("i2", 10700, 19, "here", 1)],
}


@pytest.fixture(scope="module")
def built() -> Settings:
    """A shop with one fact that takes all of these, built over one line."""
    settings = installation(temporary_folder(), own_project=True)
    for path in (settings.dbt_project / "models/marts/sales").iterdir():
        path.unlink()
    (settings.dbt_project / "models/unit_tests.yml").unlink()
    for name, content in FILES.items():
        put(settings.dbt_project / name, content)
    land_lines(settings, [FIRST])
    refresh(settings)
    assert taxed(settings) == [("i1", 10700, 19, "here", 1)]
    return settings


@pytest.fixture
def settings(built: Settings, tmp_path: Path) -> Settings:
    """A copy of it, with a second line that has not been read."""
    shutil.copytree(built.home.parent, tmp_path, dirs_exist_ok=True, symlinks=True)
    settings = replace(built, home=tmp_path / "home", dbt_project=tmp_path / "dbt_project")
    land_lines(settings, [SECOND])
    return settings


def taxed(settings: Settings) -> list[tuple[object, ...]]:
    with closing(duckdb.connect(settings.warehouse, read_only=True)) as connection:
        return connection.execute(
            "SELECT invoice_id, gross, vat_percent, shop, mark FROM sales.taxed ORDER BY ALL"
        ).fetchall()


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: str(change.__name__))
def test_a_fact_is_never_half_by_the_old_code_and_half_by_the_new(
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    change: Callable[[Settings, pytest.MonkeyPatch], None],
) -> None:
    change(settings, monkeypatch)
    refresh(settings)
    assert taxed(settings) == CHANGES[change]


def test_nor_by_hand_with_variables_of_the_command_line(settings: Settings) -> None:
    run_dbt(settings, ["build", "--vars", "{vat_percent: 5}"])
    assert taxed(settings) == [("i1", 10700, 5, "here", 1), ("i2", 10700, 5, "here", 1)]
    refresh(settings)
    assert taxed(settings) == [("i1", 10700, 19, "here", 1), ("i2", 10700, 19, "here", 1)]


SAID = """
models:
  - name: taxed
    description: What was sold, per invoice.
    config: {persist_docs: {relation: true, columns: true}}
    columns: [{name: gross, description: "With its tax, in cents."}]
"""


def test_what_is_said_of_a_fact_is_what_the_project_says_now(settings: Settings) -> None:
    put(settings.dbt_project / "models/marts/sales/taxed.yml", SAID)
    refresh(settings)
    with closing(duckdb.connect(settings.warehouse, read_only=True)) as connection:
        said = connection.execute(
            "SELECT comment FROM duckdb_tables() WHERE table_name = 'taxed' UNION ALL "
            "SELECT comment FROM duckdb_columns() WHERE table_name = 'taxed' AND column_name = 'gross'"
        ).fetchall()
    assert said == [("What was sold, per invoice.",), ("With its tax, in cents.",)]
    assert taxed(settings) == [("i1", 10700, 19, "here", 1), ("i2", 10700, 19, "here", 1)]
