"""What a fact may read: found when a project is parsed, and said in one line with what to write instead.

Belongs here: rules that hold for every fact, by dbt's manifest alone. Not here: what a fact does (the
package's macro `fact`), and what needs the columns of relations, which are known when a model is built.

A fact is kept up to date by what landed and by what corrections touched. So whatever can change its rows has
to come to it as events of its keys: by the relations that its `events` name, or as code that, once changed,
has it built from nothing.
"""

import re
from collections.abc import Iterator

from event_archive import UnusableInput
from orchestration.dbt.graph import (
    Manifest,
    Node,
    as_names,
    event_sources,
    fact_events,
    fact_key,
    facts,
    models,
    read_by_name,
    upstream,
    views_of,
)

EXAMPLE = '{{ config(materialized="fact", key="order_id", events="stg_order__placed") }}'
COMMENT = re.compile(r"\{#.*?#\}|--[^\n]*|/\*.*?\*/", re.DOTALL)
JOIN = re.compile(r"\bjoin\b", re.IGNORECASE)
OWN_LOGIC = re.compile(r"\bis_incremental\s*\(")
TRANSPARENT = {"view", "ephemeral"}


def check_facts(manifest: Manifest) -> None:
    """Raise UnusableInput for the first model that can't be kept up to date by key."""
    for _, node in sorted(models(manifest).items()):
        if node["config"]["materialized"] == "incremental":
            raise _unusable(node, _instead_of_incremental(manifest, node))
    for unique_id in sorted(facts(manifest)):
        for fault in _faults(manifest, unique_id):
            raise _unusable(manifest["nodes"][unique_id], fault)


def _unusable(node: Node, why: str) -> UnusableInput:
    return UnusableInput(f"{node['original_file_path']}: {why}")


def _instead_of_incremental(manifest: Manifest, node: Node) -> str:
    """What to write in the place of dbt's incremental: with the key and the events that the model has."""
    key = as_names(node["config"].get("unique_key")) or ("<its key>",)
    read = [name for name in node["depends_on"]["nodes"] if views_of(manifest, name)]
    events = [".".join(name.split(".")[-2 if name.startswith("source.") else -1 :]) for name in read]
    written = ", ".join(f'"{name}"' for name in key)
    named = ", ".join(f'"{name}"' for name in events or ["<the model of its events>"])
    return (
        'materialized="incremental" loses what is corrected or comes late; write '
        f'config(materialized="fact", key={_one_or_list(written, len(key))}, '
        f"events={_one_or_list(named, len(events))}), read {{{{ factlog.events() }}}}, "
        "and leave is_incremental() out"
    )


def _one_or_list(written: str, count: int) -> str:
    return f"[{written}]" if count > 1 else written


def _faults(manifest: Manifest, unique_id: str) -> Iterator[str]:
    node = manifest["nodes"][unique_id]
    config = node["config"]
    names, lookups = as_names(config.get("events")), as_names(config.get("lookups"))
    if not fact_key(node) or not names:
        lacking = "key, the column or columns that its rows are derived by" if names else "events"
        yield f"a fact declares {lacking}: {EXAMPLE}"
    if OWN_LOGIC.search(COMMENT.sub("", node["raw_code"])):
        yield "a fact is kept up to date by its materialization; leave is_incremental() and its condition out"
    events = fact_events(manifest, unique_id)
    for name in names:
        if name not in events:
            yield f"its events are of {name}, which it never reads; read {{{{ factlog.events() }}}}"
    for name, relation in events.items():
        yield from _faults_of_events(manifest, name, relation)
    looked_into = read_by_name(node, lookups)
    for name in lookups:
        if name not in looked_into:
            yield f"its lookups name {name}, which it never reads; leave it out"
    declared = {*events.values(), *looked_into.values()}
    for read in node["depends_on"]["nodes"]:
        yield from _faults_of_reading(manifest, read, declared)


def _faults_of_events(manifest: Manifest, name: str, relation: str) -> Iterator[str]:
    """What is wrong with a relation of events: a correction has to be seen through it."""
    if not views_of(manifest, relation):
        yield f"its events are of {name}, which reads no event"
    below = upstream(manifest, relation)
    top = below[relation]
    if top["resource_type"] == "model" and top["config"]["materialized"] == "ephemeral":
        yield f"its events are of {name}, which is ephemeral and so no relation; make it a view"
    for unique_id, node in below.items():
        if node["resource_type"] != "model" or not views_of(manifest, unique_id):
            continue
        materialized = node["config"]["materialized"]
        if materialized not in TRANSPARENT:
            yield (
                f"its events come through {node['name']}, a {materialized}; "
                "a fact sees what a correction touches through views alone: make it a view"
            )
        parents = [parent for parent in node["depends_on"]["nodes"] if views_of(manifest, parent)]
        if len(set(parents)) > 1 and JOIN.search(COMMENT.sub("", node["raw_code"])):
            yield (
                f"its events come through {node['name']}, which joins events with events, so that nobody can "
                "tell which keys a new one touches; put them one under the other with union all by name, or "
                "name each in events=[…] and join in the fact"
            )


def _faults_of_reading(manifest: Manifest, read: str, declared: set[str]) -> Iterator[str]:
    """What is wrong with something that a fact reads besides its events."""
    if read in declared:
        return
    node = manifest["nodes"].get(read) or manifest["sources"].get(read)
    if node is None or node["resource_type"] == "seed":
        return
    name = node.get("name", read)
    if node["resource_type"] == "source" and read not in event_sources(manifest):
        yield f"it reads {name}, which may change without an event; make it a seed, or events"
        return
    if views_of(manifest, read):
        if node["resource_type"] == "model" and node["config"]["materialized"] not in TRANSPARENT:
            yield (
                f"it reads {name}, a {node['config']['materialized']}, which may have seen other commits; "
                "a fact reads events only, a report reads facts"
            )
        else:
            yield (
                f"it reads {name}, whose events don't say which keys to derive: name it in events, or in "
                "lookups where it says nothing else of a key until the key has a new event"
            )
    elif node["resource_type"] != "model" or node["config"]["materialized"] not in TRANSPARENT:
        kind = node["config"].get("materialized") or node["resource_type"]
        yield f"it reads {name}, a {kind}, which may change without an event; make it a seed or a view"
