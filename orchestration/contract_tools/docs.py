"""What contracts say, written where dbt and people read it: sources, staging models to begin with, a page.

Belongs here: the text of those files, and which of them are out of date. Not here: Dagster's assets
(`assets.events`), what a column is called and means (`event_archive.views.documented_columns`), and the
command.

Text and names of a contract are untrusted: YAML is dumped, never pasted; what dbt would run as Jinja is
escaped, in names as well; SQL names are quoted unless they are plain words.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from event_archive import UnusableInput
from event_archive.registry.contract import Contract, Contracts, view_of, with_all
from event_archive.views.correction_tables import TABLES as CORRECTIONS
from event_archive.views.documented_columns import ViewColumn, data_columns, envelope_columns, field_columns
from orchestration.contract_tools.staging_model import (
    model_name,
    staging_columns,
    staging_sql,
)
from orchestration.dbt.project_rules import check_project_files

SOURCES = "models/staging/_events.yml"
HEADER = "# Written by `factlog contracts docs` from the contracts: change those, not this file.\n"
MODEL_HEADER = "# Begun by `factlog contracts docs`, and yours from then on: it is never overwritten.\n"
START = "<!-- from here on written by: factlog contracts docs -->"
END = "<!-- up to here written by: factlog contracts docs -->"
READS_EVENTS = re.compile(r"""source\(\s*["']events["']\s*,\s*["'](\w+)["']\s*\)""")
TABLE = """\
| type | emits | actor | meaning | fields of `data` |
|---|---|---|---|---|
"""
NEW_PAGE = f"""\
# Event types

`emits` is the service that owns the contract and sends the event; `actor` says who does it. A field with `?`
may be null or absent, one with `*` is personal.

{START}
{END}
"""
SOURCE = """\
The event archive, as it shows itself to dbt: two views per event type over one fixed cut of the log. \
`<type>` shows the events that are in effect, a correction at the time of what it corrects; `<type>__all` \
shows all of them as they came. The columns are those of all_events (who did what to what, when), with \
`data` as its contract types it; its fields are listed here."""


@dataclass(frozen=True)
class Document:
    """One file. `once`: it is written where it is missing, and left alone where it is not."""

    path: Path
    text: str
    once: bool = False

    def is_stale(self) -> bool:
        """Whether the file is missing, or says something else."""
        if self.once:
            return not self.path.exists()
        return not self.path.is_file() or self.path.read_text(encoding="utf-8") != self.text


def documents(contracts: Contracts, dbt_project: Path, page: Path) -> list[Document]:
    """Every file that follows from the contracts; raises UnusableInput where the dbt project is of others."""
    models = {path: _read(path) for path in sorted(dbt_project.glob("models/**/*.sql"))}
    _check_project(contracts, dbt_project, models)
    written = [
        Document(dbt_project / SOURCES, sources_text(contracts)),
        Document(page, page_text(contracts, page)),
    ]
    views_read = {view_of(name) for text in models.values() for name in READS_EVENTS.findall(text)}
    model_names = {path.stem for path in models}
    for contract in contracts.newest():
        name = model_name(contract)
        if contract.view_name not in views_read and name not in model_names:
            folder = dbt_project / "models" / "staging"
            written.append(Document(folder / f"{name}.sql", staging_sql(contract), once=True))
            written.append(Document(folder / f"{name}.yml", staging_text(contract), once=True))
    return written


def sources_text(contracts: Contracts) -> str:
    """dbt's sources: one table per event type, with its fields."""
    event_type = [ViewColumn("event_type", "VARCHAR", "The event's type and newest major.", False)]
    tables: list[dict[str, Any]] = [
        {
            "name": "all_events",
            "description": "Every event of every type as it came, in effect or not, without its data.",
            "columns": _columns([*event_type, *envelope_columns()]),
        },
        {
            "name": "segments",
            "description": "The files of the archive that the cut holds, each with its commit.",
        },
        {
            "name": "corrections",
            "description": "The events that correct or void another, and what has come of each.",
        },
        {
            "name": "removed_events",
            "description": "The events that are not in effect: corrected, voided, or waiting.",
        },
        {
            "name": "correction_chains",
            "description": "The events that corrections have to do with, and since which commit.",
        },
    ]
    for contract in contracts.newest():
        meta = {"contract": contract.type, "revision": contract.revision, "owner": contract.owner}
        columns = _columns(data_columns(contract))
        tables.append(
            {
                "name": contract.view_name,
                "description": _one_line(contract.description),
                "config": {"meta": meta},
                **({"columns": columns} if columns else {}),
            }
        )
        tables.append(
            {
                "name": with_all(contract.view_name),
                "description": f"All events of {contract.view_name} as they came, in effect or not.",
                "config": {"meta": meta},
            }
        )
    source = {"name": "events", "description": SOURCE, "schema": "events", "tables": tables}
    return HEADER + _yaml({"version": 2, "sources": [source]})


def staging_text(contract: Contract) -> str:
    """The description of a staging model to begin with."""
    description = f"One row per event. {contract.description}"
    personal = [column.name for column in data_columns(contract) if column.personal]
    if personal:
        description += f" Personal fields stay in the archive: {', '.join(personal)}."
    columns = [
        {
            "name": _no_jinja(column.name),
            "description": _one_line(column.description),
            **({} if re.fullmatch(r"\w+", column.name, re.ASCII) else {"quote": True}),
        }
        for column in staging_columns(contract)
    ]
    model = {"name": model_name(contract), "description": _one_line(description), "columns": columns}
    return MODEL_HEADER + _yaml({"version": 2, "models": [model]})


def page_text(contracts: Contracts, page: Path) -> str:
    """The page of event types with the table as it must be, and all around it as it is."""
    text = _read(page) if page.exists() else NEW_PAGE
    before, start, rest = text.partition(f"{START}\n")
    _, end, after = rest.partition(END)
    if not start or not end:
        raise UnusableInput(f"{page}: put the lines `{START}` and `{END}` where the table is to stand")
    rows = "".join(f"{_row(contracts, contract)}\n" for contract in contracts.values())
    return f"{before}{start}\n{TABLE}{rows}\n{end}{after}"


def _row(contracts: Contracts, contract: Contract) -> str:
    newest = contracts.majors(contract.view_name)[-1]
    meaning = contract.description
    if newest.type != contract.type:
        meaning += f" An older major: the view shows it as v{newest.major}."
    fields = ", ".join(
        f"{_code(name)}{'?' * column.nullable}{'*' * column.personal}"
        for name, column in field_columns(contract).items()
    )
    actors = ", ".join(contract.actor_types)
    return f"| `{contract.type}` | {contract.owner} | {actors} | {_cell(meaning)} | {fields} |"


def _cell(text: str) -> str:
    """A text within a table of a page, where it stays text: no row, tag or link of its own."""
    return re.sub(r"([\\|\[\]])", r"\\\1", " ".join(text.split())).replace("<", "&lt;")


def _code(name: str) -> str:
    """A field's name as code; where it could end that, as text."""
    return f"`{name}`" if re.fullmatch(r"[\w .:/-]+", name) else _cell(name).replace("`", "\\`")


def _columns(columns: Sequence[ViewColumn]) -> list[dict[str, Any]]:
    return [
        {
            "name": _no_jinja(column.name),
            "description": _one_line(column.description),
            "data_type": _no_jinja(column.type),
            **({"config": {"meta": {"personal": True}}} if column.personal else {}),
        }
        for column in columns
    ]


def _one_line(text: str) -> str:
    return _no_jinja(" ".join(text.split()))


def _no_jinja(text: str) -> str:
    """A text that Jinja gives back as it is."""
    return re.sub(r"\{(?=[{%#])", "{{ '{' }}", text)


def _yaml(content: Any) -> str:
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=110)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise UnusableInput(f"{path}: can't be read as UTF-8 text: {error}") from error


def _check_project(contracts: Contracts, dbt_project: Path, models: dict[Path, str]) -> None:
    """Raise UnusableInput where models read other event types, or the source is declared elsewhere."""
    check_project_files(dbt_project)
    views = {contract.view_name for contract in contracts.newest()}
    known = {*views, *map(with_all, views), "all_events", "segments", *CORRECTIONS}
    for path, text in models.items():
        for name in READS_EVENTS.findall(text):
            if name not in known:
                raise UnusableInput(
                    f"{path}: reads events.{name}, which no contract describes; restore the contract, remove "
                    "the model, or name the dbt project of these contracts in factlog.toml"
                )
    for path in _yaml_files(dbt_project):
        if re.search(r"^\s*-?\s*name:\s*[\"']?events[\"']?\s*$", _read(path), re.MULTILINE):
            raise UnusableInput(f"{path}: declares the source events, as {SOURCES} does; remove it there")


def _yaml_files(dbt_project: Path) -> Iterator[Path]:
    for path in sorted(dbt_project.glob("models/**/*.y*ml")):
        if path != dbt_project / SOURCES:
            yield path
