"""The kinds of dbt's nodes: what a build builds and tests, what leaves a relation, and what is published.

Belongs here: what follows from a node's kind and folder alone. Not here: what a model declares and is derived
from (`graph`), and what is done with any of it.

    model        a table, a view, a fact, a Python model: a relation; published from a folder `marts`
    ephemeral    a model without a relation: part of the SQL of those that read it, never published
    seed         a CSV file as a table; published from a folder `marts` below `seeds/`
    snapshot     a table's history as builds saw it: no log gives it again; published like a seed
    test         of rows, generic or singular, or a unit test: a build is complete once all have run
    analysis, exposure, metric, what is disabled, an empty file: nothing is built

Each may come from a package of dbt's as well as from the project itself.
"""

from orchestration.dbt.graph import Manifest, Node, data_tests, upstream

MARTS = "marts"
RELATIONS = {"model", "seed", "snapshot"}
TESTS = {"test", "unit_test"}


def relations(manifest: Manifest) -> dict[str, Node]:
    """Every node that leaves a table or a view in the warehouse, by its unique id."""
    return {
        unique_id: node
        for unique_id, node in manifest["nodes"].items()
        if node["resource_type"] in RELATIONS and not is_ephemeral(node) and not is_empty(node)
    }


def marts(manifest: Manifest) -> dict[str, Node]:
    """What is published, by unique id: the relations whose folder, or one above it, is `marts`."""
    return {
        unique_id: node for unique_id, node in relations(manifest).items() if folders(node)[:1] == [MARTS]
    }


def built_nodes(manifest: Manifest) -> set[str]:
    """The unique ids of everything that a whole build builds and tests."""
    return {*relations(manifest), *data_tests(manifest), *manifest["unit_tests"]}


def not_of_the_log(manifest: Manifest) -> dict[str, Node]:
    """The relations that no log gives again, by unique id: snapshots, and what is derived from one."""
    return {
        unique_id: node
        for unique_id, node in relations(manifest).items()
        if any(name.startswith("snapshot.") for name in upstream(manifest, unique_id))
    }


def folders(node: Node) -> list[str]:
    """The folders that a node lies in, below `models/`, `seeds/` or `snapshots/`.

    dbt names a model by these and its own name, to which it adds the version where a model has several.
    """
    return list(node["fqn"][1 : -2 if node.get("version") is not None else -1])


def name_of(unique_id: str) -> str:
    """The name of a node: with its version where it has one, with its model where it is a unit test."""
    kind, _, *names = unique_id.split(".")
    return names[0] if kind == "test" else ".".join(names)


def is_relation(unique_id: str) -> bool:
    """Whether a node is of a kind that leaves a relation."""
    return unique_id.partition(".")[0] in RELATIONS


def is_test(unique_id: str) -> bool:
    """Whether a node is a test, of rows or of a model's SQL."""
    return unique_id.partition(".")[0] in TESTS


def is_ephemeral(node: Node) -> bool:
    """Whether a model is only a part of the SQL of others."""
    return bool(node["config"]["materialized"] == "ephemeral")


def is_empty(node: Node) -> bool:
    """Whether a model's file is empty: dbt leaves it out."""
    return node["resource_type"] == "model" and not node["raw_code"].strip()


def is_view(node: Node) -> bool:
    """Whether a node has no rows of its own."""
    return bool(node["config"]["materialized"] == "view")


def is_without_events(node: Node) -> bool:
    """Whether a node changes with its code alone: a view has no rows of its own, a seed is a file."""
    return node["config"]["materialized"] in ("view", "seed")
