"""What a project is derived from besides events and its own files: the clock, chance, files, other databases.

Belongs here: finding it in what dbt has compiled. Not here: what follows (`warehouse.outcomes`): such a
project may say something else although nothing of it has changed. Whatever may be meant so counts as such, a
column by the name of a function, too: that costs a build, and the contrary would be a wrong dataset.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePath

import yaml

from orchestration.dbt.graph import Manifest, Node, event_sources, hooks_of, is_of_project, upstream
from orchestration.dbt.project_rules import PROFILES

COMMENT = re.compile(r"\{#.*?#\}|--[^\n]*|/\*.*?\*/", re.DOTALL)
MOVES = re.compile(
    r"\b(?:current_(?:date|time|timestamp|query|setting)|localtime|localtimestamp|get_current_\w+"
    r"|transaction_timestamp|tablesample|using\s+sample|information_schema|pg_catalog)\b"
    r"|\b(?:now|today|age|random|setseed|\w*uuid\w*|nextval|currval|getvariable|getenv|txid_current|glob"
    r"|query|query_table|sniff_csv|version|current_\w+|pragma_\w+|duckdb_[a-z]\w*|read_\w+|\w+_scan|parquet_\w+)"
    r"\s*\(|\b(?:from|join)\s*'|://|\.(?:csv|tsv|parquet|json|jsonl|ndjson|xlsx|duckdb|db)\b",
    re.IGNORECASE,
)
"""In SQL: what gives another value at another time, or reads a file."""
MOVES_IN_JINJA = re.compile(
    r"\b(?:run_started_at|invocation_id|invocation_args_dict|dbt_metadata_envs|modules\.datetime|modules\.pytz"
    r"|random|current_timestamp|now)\b"
)
WRITES = re.compile(r"\b(?:attach|copy|export|import|install|load|call|pragma)\b", re.IGNORECASE)
"""In a hook: what reaches beyond the warehouse."""
PLUGIN = {"module": "orchestration.warehouse.dbt_plugin"}
PROFILE_KEYS = {"type", "path", "schema", "threads", "module_paths", "plugins", "settings"}


def outside_reads(manifest: Manifest, nodes: Iterable[str]) -> dict[str, list[str]]:
    """What each of these nodes of a build reads that may change by itself; without those that read nothing.

    `manifest`: that of the build, with the SQL that dbt has made.
    """
    found = {name: [*_of_build(manifest, name)] for name in nodes}
    return {name: reads for name, reads in sorted(found.items()) if reads}


def outside_of_builds(manifest: Manifest, project: Path) -> list[str]:
    """What every build of a project reads or does that may change by itself, whatever it builds."""
    hooks = (name for name, node in manifest["nodes"].items() if node["resource_type"] == "operation")
    return [*_of_profile(project / PROFILES), *(f"{name}: a hook of every build" for name in hooks)]


def _of_build(manifest: Manifest, unique_id: str) -> Iterator[str]:
    """What a node reads, by itself and through the models, sources and macros above it."""
    events = event_sources(manifest)
    for name, above in upstream(manifest, unique_id).items():
        if name.startswith("source.") and name not in events:
            yield name
        elif name.startswith("macro.") and is_of_project(above):
            yield from (f"{name}: {what}" for what in _words(above["macro_sql"], MOVES, MOVES_IN_JINJA))
    if unique_id in manifest["nodes"]:
        yield from _of_node(manifest["nodes"][unique_id])


def _of_node(node: Node) -> Iterator[str]:
    """What a node says that moves, in what dbt has made of it, and in what that was made of."""
    if node.get("language") == "python":
        yield "a Python model"
        return
    path = PurePath(node["original_file_path"])
    if path.is_absolute() or ".." in path.parts:
        yield "a file outside of the project"
    if node["resource_type"] == "seed":
        return
    if node.get("compiled_code") is None:
        yield "SQL that is not known"
    yield from _words(node.get("compiled_code") or "", MOVES)
    yield from _words(node["raw_code"], MOVES_IN_JINJA)
    for hook in hooks_of(node):
        yield from _words(hook, MOVES, MOVES_IN_JINJA, WRITES)


def _words(code: str, *patterns: re.Pattern[str]) -> Iterator[str]:
    without_comments = COMMENT.sub(" ", code)
    for pattern in patterns:
        if match := pattern.search(without_comments):
            yield " ".join(match[0].split())


def _of_profile(file: Path) -> Iterator[str]:
    """What a profile has dbt open besides the warehouse: other databases, extensions, other plugins."""
    try:
        profiles = yaml.safe_load(file.read_text(encoding="utf-8"))
        outputs = [output for each in profiles.values() for output in each.get("outputs", {}).values()]
        for output in outputs:
            yield from (f"{file.name}: {key}" for key in sorted({*output} - PROFILE_KEYS))
            yield from (f"{file.name}: a plugin" for each in output.get("plugins", ()) if each != PLUGIN)
    except (OSError, ValueError, AttributeError, TypeError, yaml.YAMLError):
        yield f"{file.name}: is not understood"
