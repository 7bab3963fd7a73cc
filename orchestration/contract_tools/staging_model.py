"""A staging model to begin with: one view per event type, columns named, nothing else.

Belongs here: its SQL and its columns. Not here: its description in dbt's YAML (`docs`).

Personal fields (x-pii) are left out: they stay in the archive until somebody decides otherwise.
"""

import re

from sqlfmt.api import Mode, format_string
from sqlfmt.exception import SqlfmtError

from event_archive.engine import open_engine
from event_archive.envelope import COLUMNS
from event_archive.registry.column_types import Struct
from event_archive.registry.contract import Contract
from event_archive.sql_text import quoted
from event_archive.views.documented_columns import ViewColumn, field_columns

LINE_LENGTH = 110
PLAIN = re.compile(r"[a-z_][a-z0-9_]*", re.ASCII)
DESCRIPTIONS = {column.name: column.description for column in COLUMNS if not column.is_optional}
TAKEN_OVER = tuple(name for name in DESCRIPTIONS if name not in ("object_type", "object_id"))
ORDER = "Puts the events of one object in an order that does not depend on how they landed."


def model_name(contract: Contract) -> str:
    """The name of the staging model of an event type."""
    return f"stg_{contract.object_type}__{contract.verb}"


def staging_columns(contract: Contract) -> list[ViewColumn]:
    """The columns of the model, as it names them."""
    taken = [ViewColumn(f"{contract.object_type}_id", "VARCHAR", DESCRIPTIONS["object_id"], False)]
    taken += [ViewColumn(name, "", DESCRIPTIONS[name], False) for name in TAKEN_OVER]
    taken += [ViewColumn("event_order", "", ORDER, False)]
    if not isinstance(contract.data_type, Struct):
        return [*taken, ViewColumn("data", "", "What the event says, as JSON text.", False)]
    named = _named(contract)
    fields = field_columns(contract)
    return [*taken, *(ViewColumn(name, "", fields[old].description, False) for old, name in named.items())]


def staging_sql(contract: Contract) -> str:
    """The SELECT of the model, formatted as the project's SQL is; of the events that are in effect."""
    source = f'source("events", "{contract.view_name}")'
    envelope = "{{ factlog.event_columns() }}"
    columns = [f"object_id as {_name(f'{contract.object_type}_id')}", envelope]
    for old, new in _named(contract).items():
        columns.append(f"data.{_name(old)}" + ("" if old == new else f" as {_name(new)}"))
    if not isinstance(contract.data_type, Struct):
        columns.append("data")
    text = (
        f"with events as (select * from {{{{ {source} }}}}),\n\n"
        f"final as (select {', '.join(columns)} from events)\n\nselect * from final\n"
    )
    try:
        return format_string(text, Mode(line_length=LINE_LENGTH))
    except SqlfmtError:
        return text  # a name that it can't read; DuckDB can


def _named(contract: Contract) -> dict[str, str]:
    """The model's name of each field that it takes over: its own, where no other column has it."""
    taken = {f"{contract.object_type}_id", *TAKEN_OVER, "event_order"}
    fields = {name for name, column in field_columns(contract).items() if not column.personal}
    taken_or_field = taken | {name.lower() for name in fields}
    named = {}
    for name in (name for name in field_columns(contract) if name in fields):
        new = name
        while new.lower() in (taken if new == name else taken_or_field):
            new = f"data_{new}"
        named[name] = new
        taken_or_field.add(new.lower())
    return named


def _name(name: str) -> str:
    """A column's name in the SQL of a model, which Jinja renders first."""
    plain = PLAIN.fullmatch(name) and name not in _keywords()
    return name if plain else re.sub(r"\{(?=[{%#])", "{{ '{' }}", quoted(name))


def _keywords() -> frozenset[str]:
    with open_engine(sealed=True) as connection:
        rows = connection.execute(
            "SELECT keyword_name FROM duckdb_keywords() WHERE keyword_category <> 'unreserved'"
        ).fetchall()
    return frozenset(name for (name,) in rows)
