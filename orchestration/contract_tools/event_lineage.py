"""From which fields of events each column of each model comes, kept for as long as the code is the same.

Belongs here: that, for every relation of the project at once. Not here: what one SELECT reads
(`column_lineage`), and who reads one field (`readers`). Compiling the project takes seconds: what was found
is kept beside dbt's files, under a digest of all code that it follows from.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from event_archive import UnusableInput
from event_archive.registry.contract import view_of
from event_archive.views.documented_columns import envelope_columns
from event_archive.views.segment_sql import SCHEMA
from orchestration.contract_tools.read_fields import NOTHING, Relation, Tables, Value
from orchestration.contract_tools.readers import compiled_manifest, relation_of_node
from orchestration.dbt.graph import Manifest, event_sources, in_order, project_macros
from orchestration.settings import Settings

FILE = "lineage.json"
ColumnOrigins = Mapping[str, list[list[str]]]
"""Per column: the view of an event type and the column of it, such as `data.lines[].sku`, of each origin."""
Lineage = Mapping[str, ColumnOrigins]


def known_lineage(settings: Settings, manifest: Manifest) -> Lineage:
    """Return the lineage of every model by its unique id; of none, where the project can't be compiled."""
    code, file = digest_of(manifest), settings.dbt_target / FILE
    with suppress(OSError, ValueError, RecursionError):
        kept = json.loads(file.read_bytes())
        if isinstance(kept, dict) and kept.get("code") == code and isinstance(kept.get("lineage"), dict):
            known: Lineage = kept["lineage"]
            return known
    try:
        lineage = lineage_of(compiled_manifest(settings))
    except UnusableInput:
        lineage = {}
    unfinished = file.with_name(f".{FILE}.unfinished")
    with suppress(OSError):
        unfinished.write_text(json.dumps({"code": code, "lineage": lineage}))
        unfinished.replace(file)
    return lineage


def lineage_of(manifest: Manifest) -> Lineage:
    """Return the lineage of every model of a compiled project."""
    sources = event_sources(manifest).values()
    tables: Tables = {(SCHEMA, source): event_columns(view_of(source)) for source in sources}
    lineage = {}
    for node in in_order(manifest):
        relation = relation_of_node(manifest, node, tables)
        tables[node["schema"], node["alias"]] = relation
        lineage[node["unique_id"]] = {
            column: [list(leaf) for leaf in sorted(value.all_leaves())]
            for column, value in relation.columns.items()
        }
    return lineage


def event_columns(view: str) -> Relation:
    """A view of events: its own columns, and `data`, which is followed field by field."""
    columns = {column.name: Value(frozenset({(view, column.name)})) for column in envelope_columns()}
    return Relation({**columns, "data": Value(event=(view, "data"))}, rest=NOTHING)


def digest_of(manifest: Manifest) -> str:
    """A digest of all code that the lineage follows from."""
    parts: Iterable[object] = (
        sorted(
            (name, node.get("raw_code"), str(node.get("config"))) for name, node in manifest["nodes"].items()
        ),
        sorted((name, macro["macro_sql"]) for name, macro in project_macros(manifest).items()),
        sorted(event_sources(manifest).items()),
        Path(__file__).with_name("column_lineage.py").read_text(encoding="utf-8"),
    )
    return hashlib.sha256(json.dumps(list(parts)).encode()).hexdigest()
