"""Who reads a field of the events: models and columns, found in the SQL that dbt compiles.

Belongs here: compiling the project and following fields through its models. Not here: what one SELECT reads
(`column_lineage`), and which fields a contract changes.

The project is compiled in a temporary installation with an empty archive: nothing of this one is read or
written, and every fact is compiled as built from nothing, so that no part of its SQL is left out.
"""

import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from event_archive.registry.contract import view_of
from event_archive.views.segment_sql import SCHEMA
from orchestration.contract_tools.column_lineage import relation_of
from orchestration.contract_tools.read_fields import Relation, Tables, event_relation, merged
from orchestration.dbt.graph import Manifest, Node, event_sources, in_order, read_manifest, table_of
from orchestration.dbt.process import begin_with_parsed, run_dbt
from orchestration.settings import Settings

ROWS = "(which rows)"


@dataclass(frozen=True)
class Reader:
    """One column of a model that reads a field; ROWS where the field decides which rows there are.

    Or an exposure, with a table that it depends on in the place of the column.
    """

    model: str
    column: str
    field: str


def compiled_manifest(settings: Settings) -> Manifest:
    """dbt's manifest with the compiled SQL of every model; raises UnusableInput."""
    with tempfile.TemporaryDirectory(prefix="factlog-compile-") as folder:
        aside = replace(settings, home=Path(folder), warehouse_file=None, cut=None)
        aside.open_archive(may_create=True)
        aside.dbt_target.mkdir(parents=True)
        begin_with_parsed(settings.dbt_target, aside.dbt_target)
        run_dbt(aside, ["compile"])
        return read_manifest(aside.dbt_target / "manifest.json")


def readers(manifest: Manifest, view_name: str, fields: Iterable[str]) -> list[Reader]:
    """The models and columns that read these fields of one view, directly or through other models."""
    sources = event_sources(manifest).values()
    tables: Tables = {(SCHEMA, source): event_relation(view_of(source)) for source in sources}
    wanted = list(fields)
    columns = []
    for node in in_order(manifest):
        relation = relation_of_node(manifest, node, tables)
        tables[node["schema"], node["alias"]] = relation
        name = table_of(node)
        columns += [
            Reader(name, column, field) for column, field in _columns_reading(relation, view_name, wanted)
        ]
    for exposure in manifest["exposures"].values():
        for name, relation in read_relations(manifest, exposure, tables).items():
            fields_read = {field for _, field in _columns_reading(relation, view_name, wanted)}
            columns += [Reader(f"exposure {exposure['name']}", name, field) for field in sorted(fields_read)]
    return columns


def relation_of_node(manifest: Manifest, node: Node, tables: Tables) -> Relation:
    """What a model reads: by its SQL; in Python, each column may be made of everything."""
    if node.get("language") != "python":
        return relation_of(node.get("compiled_code") or "", tables)
    everything = merged(relation.all() for relation in read_relations(manifest, node, tables).values())
    return Relation(dict.fromkeys(node["columns"], everything), everything, everything)


def read_relations(manifest: Manifest, node: Node, tables: Tables) -> dict[str, Relation]:
    """What is known of the tables that a node depends on, by their names with their schemas."""
    named = {**manifest["nodes"], **manifest["sources"]}
    read = [named[name] for name in node["depends_on"]["nodes"] if name in named]
    keys = [(one["schema"], one.get("alias") or one["identifier"]) for one in read]
    return {".".join(key): tables[key] for key in keys if key in tables}


def _columns_reading(relation: Relation, view_name: str, fields: list[str]) -> Iterable[tuple[str, str]]:
    for column, value in [*relation.columns.items(), (ROWS, relation.rows)]:
        read = [path for view, path in value.all_leaves() if view == view_name]
        yield from ((column, field) for field in fields if any(_overlap(path, field) for path in read))


def _overlap(read: str, field: str) -> bool:
    """Whether what is read is the field, is part of it or holds it; the empty path is all of `data`."""
    path, asked = read.replace("[]", ".[]"), field.replace("[]", ".[]")
    return not read or path == asked or path.startswith(f"{asked}.") or asked.startswith(f"{path}.")
