"""What a dbt project must have: its files, contracts for what it reads, something to publish.

Belongs here: finding what it lacks, and the one line that says what to write. Not here: rules of a single
model, and running dbt (`process`), which says the rest.
"""

import re
from collections.abc import Sequence
from pathlib import Path

from event_archive import UnusableInput
from event_archive.registry.contract import Contracts, view_of
from event_archive.views.correction_tables import TABLES as CORRECTIONS
from orchestration.dbt.graph import Manifest, Node, event_sources, project_macros, views_of
from orchestration.dbt.kinds import marts, relations

PROFILES = "profiles.yml"
OF_EVERY_ARCHIVE = {"all_events", "segments", *CORRECTIONS}
"""What the archive shows beside its event types."""
MOST_NAMED = 3
OWN_SCHEMAS = {"meta", "events"}
"""What a published file holds besides the marts."""
PACKAGED = {"event_columns", "first_or_last_event"}
GONE = {"in_effect", "keys_to_derive", "materialize_now", "where_to_derive"}
CALLS = re.compile(rf"(?<![\w.])({'|'.join(sorted(PACKAGED | GONE))})\s*\(")
"""Macros that projects had copies of before they were a package: some are called otherwise, some are gone."""


def check_project_files(project: Path) -> None:
    """Raise UnusableInput where a folder is no dbt project, or has no profile: dbt says less of it."""
    if not (project / "dbt_project.yml").is_file():
        raise UnusableInput(
            f"{project}: is no dbt project, it has no dbt_project.yml; name one by dbt_project in "
            "factlog.toml, or begin one with: factlog init DIR"
        )
    if not (project / PROFILES).is_file():
        raise UnusableInput(
            f"{project / PROFILES}: is missing; take that of a new project: factlog init DIR makes one"
        )


def check_reads(manifest: Manifest, contracts: Contracts) -> None:
    """Raise UnusableInput where a model reads events that no contract describes."""
    known = {contract.view_name for contract in contracts.newest()} | OF_EVERY_ARCHIVE
    sources = event_sources(manifest)
    unknown = {name: view for name, view in sources.items() if view_of(view) not in known}
    readers = {
        node["original_file_path"]: unknown[name]
        for node in relations(manifest).values()
        for name in node["depends_on"].get("nodes", ())
        if name in unknown
    }
    if readers:
        path, view = min(readers.items())
        count = len(readers) - 1
        others = f", as {count} {'others do' if count > 1 else 'other does'}" if count else ""
        raise UnusableInput(
            f"{path}: reads events.{view}, which no contract describes{others}; restore the contract or "
            "remove the model, or name the contracts and the dbt project that belong together in factlog.toml"
        )


def check_macros(manifest: Manifest) -> None:
    """Raise UnusableInput where a model is of a time before the macros of the product were a package."""
    own = {macro["name"] for macro in project_macros(manifest).values() if macro["package_name"] != "factlog"}
    for node in relations(manifest).values():
        for name in CALLS.findall(node["raw_code"]):
            if name in own:
                continue
            instead = f"call factlog.{name}" if name in PACKAGED else "write it as a plain SELECT or a fact"
            raise UnusableInput(
                f"{node['original_file_path']}: calls {name}, which projects had a copy of before it came "
                f"with factlog; {instead} (see docs/how-to-upgrade.md)"
            )


def check_names(manifest: Manifest) -> None:
    """Raise UnusableInput where two relations differ by the case of their names alone.

    To DuckDB they are one: the one that is built last would be both, and be published as both.
    """
    seen: dict[bytes, Node] = {}
    for node in relations(manifest).values():
        # As DuckDB tells names apart, which is by A to Z alone.
        other = seen.setdefault(_relation_name(node).encode().lower(), node)
        if other is not node:
            raise UnusableInput(
                f"{node['original_file_path']}: makes {_relation_name(node)}, which DuckDB does not tell "
                f"from {_relation_name(other)} of {other['original_file_path']}; give one of them a name "
                "that differs by more than capital letters"
            )


def _relation_name(node: Node) -> str:
    return f"{node['schema']}.{node['alias']}"


def check_marts(manifest: Manifest, project: Path) -> None:
    """Raise UnusableInput where nothing would be published, or in the place of what factlog publishes."""
    if not marts(manifest):
        raise UnusableInput(
            f"{project}: publishes nothing; what analysts are to see is a model below "
            f"{project / 'models' / 'marts'} (see docs/how-to-add-a-report.md)"
        )
    for node in marts(manifest).values():
        if node["schema"].lower() in OWN_SCHEMAS:
            raise UnusableInput(
                f"{node['original_file_path']}: is published in the schema {node['schema']}, which is "
                "factlog's own in the file that analysts open; give it another"
            )


def unread_types(manifest: Manifest, contracts: Contracts) -> list[str]:
    """Return the newest major of each event type that no model reads."""
    read = {view for name in relations(manifest) for view in views_of(manifest, name)}
    return [contract.type for contract in contracts.newest() if contract.view_name not in read]


def format_unread(types: Sequence[str]) -> str:
    """Return one line on event types that no model reads."""
    more = f" and {len(types) - MOST_NAMED} more" if len(types) > MOST_NAMED else ""
    listed = f"{', '.join(types[:MOST_NAMED])}{more}"
    return f"No model reads {listed}. A staging model to begin with is written by: factlog contracts docs"
