"""dbt's manifest, read: which models there are, what each declares, and what it is derived from.

Belongs here: everything that looks into a manifest. Not here: how a manifest comes about (`process`), and
what follows from it (`planning`, `dataset.row_tracing`, `warehouse.model_code`).

What a model declares, and where:

    the folder models/marts                 it is published
    tags: [daily]                           its partitions are days
    meta: {day: sent_date}                  the column that gives a row its day
    materialized: incremental               it is a fact: it outlives a refresh, and is kept up to date by key
    unique_key: payout_id                   the key of a fact: the id of the object that its events are about
    keys_to_derive("payout_id", ref("…"))   in a fact's SQL: the relation of events that its keys come from
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from event_archive import UnusableInput
from event_archive.registry.contract import view_of
from event_archive.views.segment_sql import SCHEMA
from orchestration.json_file import read_json_file

Manifest = Mapping[str, Any]
Node = Mapping[str, Any]
DAILY, DAY = "daily", "day"
OF_DBT = {"dbt", "dbt_duckdb"}
# As the macro is called: with texts alone, or what it says could be read by dbt only.
KEYS_CALL = re.compile(
    r"""keys_to_derive\(\s*["'](?P<key>\w+)["']\s*,\s*(?:ref\(\s*["'](?P<model>\w+)["']\s*\)"""
    r"""|source\(\s*["'](?P<source>\w+)["']\s*,\s*["'](?P<table>\w+)["']\s*\))\s*\)"""
)


def read_manifest(path: Path) -> Manifest:
    """Read a manifest that dbt has written; raises UnusableInput where it is damaged."""
    return read_json_file(path, "remove it, and dbt writes it again")


def models(manifest: Manifest) -> dict[str, Node]:
    """Every model by its unique id."""
    return nodes_of_type(manifest, "model")


def data_tests(manifest: Manifest) -> dict[str, Node]:
    """Every test of rows by its unique id."""
    return nodes_of_type(manifest, "test")


def nodes_of_type(manifest: Manifest, resource_type: str) -> dict[str, Node]:
    """The nodes of one of dbt's resource types by their unique ids."""
    return {
        unique_id: node
        for unique_id, node in manifest["nodes"].items()
        if node["resource_type"] == resource_type
    }


def facts(manifest: Manifest) -> dict[str, Node]:
    """The facts by unique id: the incremental models, which outlive a refresh."""
    return {unique_id: node for unique_id, node in models(manifest).items() if is_fact(node)}


def project_macros(manifest: Manifest) -> dict[str, Node]:
    """The macros of the project and its packages by unique id, without dbt's, whose version is locked."""
    return {unique_id: macro for unique_id, macro in manifest["macros"].items() if is_of_project(macro)}


def is_of_project(macro: Node) -> bool:
    """Whether a macro is of the project or its packages, not of dbt itself."""
    return macro["package_name"] not in OF_DBT


def is_fact(node: Node) -> bool:
    """Whether a model is kept up to date by key."""
    return bool(node["config"]["materialized"] == "incremental")


def is_daily(node: Node) -> bool:
    """Whether a model has days as partitions."""
    return DAILY in node.get("tags", ())


def table_of(node: Node) -> str:
    """The table of a model, with its schema."""
    return f"{node['schema']}.{node['alias']}"


def meta_of(node: Node) -> Mapping[str, Any]:
    """The free part of the configuration of a model or a column."""
    meta: Mapping[str, Any] = (node.get("config") or {}).get("meta") or node.get("meta") or {}
    return meta


def day_columns(manifest: Manifest) -> dict[str, str]:
    """The column that gives a row its day, per table that has one."""
    return {table_of(node): meta_of(node)[DAY] for node in models(manifest).values() if DAY in meta_of(node)}


def upstream(manifest: Manifest, unique_id: str) -> dict[str, Node]:
    """All that a model is derived from, itself included, by unique id: models, sources and macros."""
    above: dict[str, Node] = {}
    unread = [unique_id]
    while unread:
        name = unread.pop()
        node = (
            manifest["nodes"].get(name)
            or manifest["sources"].get(name)
            or manifest.get("macros", {}).get(name)
        )
        if node is None or name in above:
            continue
        above[name] = node
        depends_on = node.get("depends_on") or {}
        unread += [*depends_on.get("nodes", ()), *depends_on.get("macros", ())]
    return above


def in_order(manifest: Manifest) -> list[Node]:
    """The models and snapshots, each after those that it reads."""
    every = models(manifest) | nodes_of_type(manifest, "snapshot")
    ordered: dict[str, Node] = {}

    def add(unique_id: str) -> None:
        if unique_id in every and unique_id not in ordered:
            for other in every[unique_id]["depends_on"]["nodes"]:
                add(other)
            ordered[unique_id] = every[unique_id]

    for unique_id in sorted(every):
        add(unique_id)
    return list(ordered.values())


def event_sources(manifest: Manifest) -> dict[str, str]:
    """The views of the archive that the project declares, by the unique id of the source."""
    return {
        unique_id: source["identifier"]
        for unique_id, source in manifest["sources"].items()
        if source["schema"] == SCHEMA
    }


def views_of(manifest: Manifest, unique_id: str) -> frozenset[str]:
    """The views of event types that a model is derived from, directly or through other models.

    Whether it reads what is in effect of a type or all of its events, it is derived from that type.
    """
    views = event_sources(manifest)
    return frozenset(view_of(views[name]) for name in upstream(manifest, unique_id) if name in views)


def key_views_of(manifest: Manifest, fact: str) -> frozenset[str]:
    """The views of event types whose events say which keys of a fact to derive again.

    Raises UnusableInput where the fact does not declare them.
    """
    return views_of(manifest, key_events(manifest, fact))


def key_events(manifest: Manifest, fact: str) -> str:
    """The unique id of the model or source whose events say which keys of a fact to derive again.

    A fact declares it as it calls `keys_to_derive`. Raises UnusableInput where it does not, or names another
    key there than its `unique_key`.
    """
    node = manifest["nodes"][fact]
    call = KEYS_CALL.search(node["raw_code"])
    if call is None:
        raise UnusableInput(
            f'{table_of(node)}: a fact has to say where its keys come from: keys_to_derive("<key>", '
            'ref("<model>")), with texts'
        )
    if call["key"] != object_key(node):
        raise UnusableInput(
            f"{table_of(node)}: keys_to_derive finds {call['key']}, but unique_key is {object_key(node)}; "
            "name one key in both"
        )
    ending = f".{call['model']}" if call["model"] else f".{call['source']}.{call['table']}"
    for unique_id in node["depends_on"]["nodes"]:
        if unique_id.endswith(ending):
            return str(unique_id)
    raise UnusableInput(f"{table_of(node)}: keys_to_derive names {ending[1:]}, which the model does not read")


def object_key(node: Node) -> str:
    """The column of a fact that holds the id of the object that its events are about: its `unique_key`.

    All rows of a key are replaced at once, and a fact can be cut down to some objects by it. Raises
    UnusableInput where the fact declares no such column, or several.
    """
    key = node["config"].get("unique_key")
    if not isinstance(key, str):
        raise UnusableInput(
            f"{table_of(node)}: a fact needs unique_key, one column: the id of the object that its events "
            "are about"
        )
    return key


def row_keys(manifest: Manifest) -> dict[str, tuple[str, ...]]:
    """What tests of uniqueness prove of each model: one column before a combination of several.

    A test that only warns, or looks at some rows only, proves nothing.
    """
    proven: dict[str, list[tuple[str, ...]]] = {}
    for node in data_tests(manifest).values():
        test = node.get("test_metadata") or {}
        config = node["config"]
        if config.get("where") or str(config.get("severity", "error")).lower() != "error":
            continue
        if node.get("attached_node") not in manifest["nodes"]:  # a test of a source, or of several models
            continue
        if test.get("name") == "unique":
            proven.setdefault(node["attached_node"], []).append((unquoted(test["kwargs"]["column_name"]),))
        elif test.get("name") == "unique_combination":
            columns = tuple(map(unquoted, test["kwargs"]["columns"]))
            proven.setdefault(node["attached_node"], []).append(columns)
    return {
        model: min(keys, key=lambda key: (len(key), places(manifest["nodes"][model], key)))
        for model, keys in proven.items()
    }


def unquoted(column: str) -> str:
    """The name of a column, which a project may quote in its YAML."""
    return column[1:-1].replace('""', '"') if re.fullmatch(r'"([^"]|"")*"', column) else column


def places(node: Node, key: tuple[str, ...]) -> list[int]:
    """Where the columns of a key stand in their model, to choose between keys of one length."""
    order = {column: place for place, column in enumerate(node["columns"])}
    return [order.get(column, len(order)) for column in key]
