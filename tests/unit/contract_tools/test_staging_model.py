"""Staging models to begin with: given a contract, expect formatted SQL of the fields that may be shown."""

from pathlib import Path

import pytest
from sqlfmt.api import Mode, format_string

from event_archive.registry.contract import Contract, load_contracts
from orchestration.contract_tools.staging_model import (
    LINE_LENGTH,
    staging_columns,
    staging_sql,
)
from support.events import contract

ROOT = Path(__file__).parents[3]
CONTRACTS = {
    released.type: released
    for folder in ("event_archive/contracts", "examples/github/contracts")
    for released in load_contracts(ROOT / folder).newest()
}


@pytest.mark.parametrize("released", CONTRACTS.values(), ids=CONTRACTS)
def test_every_contract_gives_formatted_sql_of_what_is_not_personal(released: Contract) -> None:
    sql = staging_sql(released)
    assert format_string(sql, Mode(line_length=LINE_LENGTH)) == sql
    for name, part in released.schema["properties"].items():
        personal = "'x-pii': True" in str(part)
        assert (f"data.{name}" in sql.replace('"', "")) is not personal, name


def test_it_is_laid_out_as_those_that_people_wrote() -> None:
    written = ROOT / "dbt_project/models/staging/stg_customer__closed.sql"
    assert staging_sql(CONTRACTS["customer.closed.v1"]) == written.read_text()


def test_data_without_named_fields_is_one_column() -> None:
    made_up = contract({"type": "object"})
    assert "factlog.event_columns() }}, data" in " ".join(staging_sql(made_up).split())
    assert staging_columns(made_up)[-1].name == "data"


def test_no_two_columns_have_one_name() -> None:
    names = ["event_id", "data_event_id", "Sequence", "data_data_event_id", "parcel_id", "event_order"]
    made_up = contract({"type": "object", "properties": {name: {"type": "string"} for name in names}})
    columns = [column.name.lower() for column in staging_columns(made_up)]
    assert len(set(columns)) == len(columns)
    assert {"data_event_id", "data_data_event_id", "data_sequence", "data_parcel_id"} < set(columns)
