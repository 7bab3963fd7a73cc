"""What dbt's nodes are in Dagster: their keys, groups, days, versions and dependencies.

Belongs here: what is true of a node whether or not it is built. Not here: building it (`models`).
"""

import re
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings, DbtProject

from event_archive import Archive
from event_archive.registry.contract import view_of
from event_archive.views.segment_sql import SCHEMA
from orchestration.assets.code_places import code_places
from orchestration.assets.event_partitions import event_key
from orchestration.assets.keys import FACTS_GROUP, LOG, REPORTS_GROUP, STAGING_GROUP
from orchestration.dbt.graph import Manifest, data_tests, is_daily, views_of
from orchestration.dbt.kinds import MARTS, folders, relations
from orchestration.dbt.sentences import sentence
from orchestration.warehouse.model_code import code_version

PROJECT_ID = "dagster_dbt/project_id"


def with_attached_tests(manifest: Manifest) -> Manifest:
    """The manifest for Dagster: a test of several models is a check of the first that it names.

    Without that, dagster-dbt reports such a test as an observation of all of them, in words about itself.
    """
    nodes = dict(manifest["nodes"])
    for unique_id, node in data_tests(manifest).items():
        models = [name for name in node["depends_on"]["nodes"] if name in relations(manifest)]
        meta = node["config"].get("meta") or {}
        if node.get("attached_node") or len(models) < 2 or "dagster" in meta:
            continue
        first = nodes[models[0]]
        ref = {"name": first["name"], "package": first["package_name"], "version": first.get("version")}
        nodes[unique_id] = {
            **node,
            "config": {**node["config"], "meta": {**meta, "dagster": {"ref": ref}}},
        }
    return {**manifest, "nodes": nodes}


class Translator(DagsterDbtTranslator):
    """Gives dbt's nodes their keys, groups, partitions and versions."""

    def __init__(
        self,
        archive: Archive,
        manifest: Mapping[str, Any],
        partitions: dg.DailyPartitionsDefinition,
        project: Path,
    ) -> None:
        super().__init__(DagsterDbtTranslatorSettings(enable_duplicate_source_asset_keys=True))
        self._events = {contract.view_name: event_key(contract) for contract in archive.contracts.newest()}
        self._contracts = archive.contracts
        self.manifest = manifest
        self._partitions = partitions
        self._project = project

    def get_asset_spec(
        self, manifest: Mapping[str, Any], unique_id: str, project: DbtProject | None
    ) -> dg.AssetSpec:
        """Make a daily model depend on its events directly, day by day.

        The views between them have no days, so through these alone no day of it would ever look out of date.
        """
        spec = super().get_asset_spec(manifest, unique_id, project)
        # An id of dbt's that says nothing to a person; its `unique_id` stays, by which dagster-dbt selects.
        spec = spec.replace_attributes(
            metadata={name: value for name, value in spec.metadata.items() if name != PROJECT_ID}
        )
        node = manifest["nodes"].get(unique_id)
        if node and node["package_name"] == manifest["metadata"]["project_name"]:
            file = self._project / node["original_file_path"]
            spec = spec.merge_attributes(metadata=code_places([(file, 1)]))
        if spec.partitions_def is None:
            return spec
        known = {dep.asset_key for dep in spec.deps}
        keys = {self._events[view] for view in views_of(manifest, unique_id) if view in self._events}
        return spec.replace_attributes(deps=[*spec.deps, *map(dg.AssetDep, sorted(keys - known))])

    def get_asset_check_spec(
        self,
        asset_spec: dg.AssetSpec,
        manifest: Mapping[str, Any],
        unique_id: str,
        project: DbtProject | None,
    ) -> dg.AssetCheckSpec | None:
        """A test says what it asks, in a sentence."""
        spec = super().get_asset_check_spec(asset_spec, manifest, unique_id, project)
        if spec is None:
            return None
        return dg.AssetCheckSpec(
            spec.name,
            asset=spec.asset_key,
            description=sentence(manifest["nodes"][unique_id]),
            additional_deps=spec.additional_deps,
            metadata=spec.metadata,
            blocking=spec.blocking,
        )

    def get_code_version(self, dbt_resource_props: Mapping[str, Any]) -> str | None:
        """Version a model by all code that it is derived by: its own, and that of everything below it."""
        if dbt_resource_props["resource_type"] == "source":
            return None
        return code_version(self.manifest, self._contracts, dbt_resource_props["unique_id"])

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> dg.AssetKey:
        """The key of a model: its schema and name. That of a source: its event type, or the log for all.

        A source that is not the archive has a key of its own: nothing is known of when it changes.
        """
        if dbt_resource_props["resource_type"] == "source":
            if dbt_resource_props["schema"] != SCHEMA:
                return dg.AssetKey([as_key(dbt_resource_props[part]) for part in ("source_name", "name")])
            return self._events.get(view_of(dbt_resource_props["identifier"]), LOG)
        return dg.AssetKey([as_key(dbt_resource_props["schema"]), as_key(dbt_resource_props["alias"])])

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str | None:
        """Group models by what they are on the way: facts, reports, and all that is only a step to these."""
        kind = dbt_resource_props["resource_type"]
        if kind == "source":
            return None
        if kind == "snapshot" or dbt_resource_props["config"].get("materialized") == "fact":
            return FACTS_GROUP
        return REPORTS_GROUP if folders(dbt_resource_props)[:1] == [MARTS] else STAGING_GROUP

    def get_partitions_def(
        self, dbt_resource_props: Mapping[str, Any]
    ) -> dg.PartitionsDefinition[str] | None:
        """The partitions of the models that dbt tags `daily` are the days of the events."""
        is_model = dbt_resource_props["resource_type"] == "model"
        return self._partitions if is_model and is_daily(dbt_resource_props) else None

    def get_owners(self, dbt_resource_props: Mapping[str, Any]) -> Sequence[str] | None:
        """The owner that dbt declares, else the folder's name as a team."""
        declared = super().get_owners(dbt_resource_props)
        return declared or [f"team:{as_word((folders(dbt_resource_props) or ['models'])[-1])}"]


def as_key(name: str) -> str:
    """A name in the characters that Dagster allows in keys; with others replaced, it stays unlike any."""
    word = as_word(name)
    return word if word == name else f"{word}_{sha256(name.encode()).hexdigest()[:6]}"


def as_word(folder: str) -> str:
    """A folder's name in the characters that Dagster allows in groups and teams."""
    return re.sub(r"[^A-Za-z0-9_]", "_", folder)
