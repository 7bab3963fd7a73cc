"""dbt's manifest, read: which models there are, what each declares, and what it is derived from.

Belongs here: everything that looks into a manifest. Not here: how a manifest comes about (`process`), and
what follows from it (`planning`, `dataset.row_tracing`, `warehouse.model_code`).

What a model declares, and where:

    the folder models/marts                 it is published
    tags: [daily]                           its partitions are days
    meta: {day: sent_date}                  the column that gives a row its day
    materialized: fact                      it outlives a refresh, and is kept up to date by key
    key, events, day, lookups               of a fact: see the package's macro `fact`, and `fact_rules`
"""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from event_archive.registry.contract import view_of
from event_archive.views.segment_sql import SCHEMA
from orchestration.json_file import read_json_file

Manifest = Mapping[str, Any]
Node = Mapping[str, Any]
DAILY, DAY = "daily", "day"
OF_DBT = {"dbt", "dbt_duckdb"}


def read_manifest(path: Path) -> Manifest:
    """Read a manifest that dbt has written; raises UnusableInput where it is damaged.

    Its nodes come by file and id: dbt's order goes by what was parsed anew, and no result may.
    """
    manifest = read_json_file(path, "remove it, and dbt writes it again")
    nodes = manifest["nodes"].items()
    by_file = sorted(nodes, key=lambda item: (item[1]["original_file_path"], item[0]))
    return {**manifest, "nodes": dict(by_file)}


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
    """The facts by unique id: the models that outlive a refresh."""
    return {unique_id: node for unique_id, node in models(manifest).items() if is_fact(node)}


def project_macros(manifest: Manifest) -> dict[str, Node]:
    """The macros of the project and its packages by unique id, without dbt's, whose version is locked."""
    return {unique_id: macro for unique_id, macro in manifest["macros"].items() if is_of_project(macro)}


def is_of_project(macro: Node) -> bool:
    """Whether a macro is of the project or its packages, not of dbt itself."""
    return macro["package_name"] not in OF_DBT


def hooks_of(node: Node) -> list[str]:
    """The SQL that runs before a node is built, and after."""
    config = node["config"]
    return [hook["sql"] for hook in (*(config.get("pre-hook") or ()), *(config.get("post-hook") or ()))]


def is_fact(node: Node) -> bool:
    """Whether a model is kept up to date by key."""
    return bool(node["config"]["materialized"] == "fact")


def is_daily(node: Node) -> bool:
    """Whether a model has days as partitions: an ephemeral one has not even a table."""
    return DAILY in node.get("tags", ()) and node.get("config", {}).get("materialized") != "ephemeral"


def table_of(node: Node) -> str:
    """The table of a model, with its schema."""
    return f"{node['schema']}.{node['alias']}"


def meta_of(node: Node) -> Mapping[str, Any]:
    """The free part of the configuration of a model or a column."""
    meta: Mapping[str, Any] = (node.get("config") or {}).get("meta") or node.get("meta") or {}
    return meta


def day_columns(manifest: Manifest) -> dict[str, str]:
    """The column that gives a row its day, per table that has one: of a fact its config says it."""
    days = {
        table_of(node): node["config"].get(DAY) or meta_of(node).get(DAY)
        for node in models(manifest).values()
    }
    return {table: day for table, day in days.items() if day}


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
    """The views of event types whose events say which keys of a fact to derive again."""
    return frozenset(
        view for events in fact_events(manifest, fact).values() for view in views_of(manifest, events)
    )


def fact_key(node: Node) -> tuple[str, ...]:
    """The columns of a fact's key, of which all rows are replaced at once; none where it declares none."""
    return as_names(node["config"].get("key"))


def fact_events(manifest: Manifest, fact: str) -> dict[str, str]:
    """The relations of events that a fact reads: the unique id of each by the name in its config.

    Names of what the model does not read are left out.
    """
    node = manifest["nodes"][fact]
    return read_by_name(node, as_names(node["config"].get("events")))


def read_by_name(node: Node, names: Iterable[str]) -> dict[str, str]:
    """The unique id of what a model reads, by name: a model's, or `source.table`."""
    read = {
        name: [unique_id for unique_id in node["depends_on"]["nodes"] if unique_id.endswith(f".{name}")]
        for name in names
    }
    return {name: found[0] for name, found in read.items() if found}


def as_names(declared: object) -> tuple[str, ...]:
    """A config that may be one name or a list of them."""
    if isinstance(declared, str):
        return (declared,)
    return tuple(map(str, declared)) if isinstance(declared, list) else ()


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
        elif test.get("name") == "one_row_per_key":
            proven.setdefault(node["attached_node"], []).append(as_names(test["kwargs"]["key"]))
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
