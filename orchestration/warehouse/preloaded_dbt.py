"""dbt as it is before the first build of a process: imported, and with its code made.

Belongs here: what is done once for all builds that are forked (`dbt_server`). Not here: anything of a
project. dbt makes the code that checks, reads and writes a kind of thing when it first meets one, and that
takes it longer than the things do: reading a project that is parsed 0.2 s, and 0.03 the second time. What it
imports for one of its commands alone, and the product for contracts with upcasts, is imported here as well.
"""

import inspect
from contextlib import suppress
from itertools import chain
from multiprocessing import resource_tracker
from pathlib import Path
from typing import Any

import dbt.adapters.duckdb.environments.local
import dbt.adapters.duckdb.impl
import dbt.task.build  # noqa: F401
from dbt.adapters.duckdb.credentials import DuckDBCredentials
from dbt.artifacts.resources.types import NodeType
from dbt.cli.main import cli
from dbt.contracts import project, selection
from dbt.contracts.graph import nodes, unparsed
from dbt.contracts.graph.manifest import Manifest
from dbt.contracts.graph.model_config import RESOURCE_TYPES
from dbt.parser.manifest import extended_mashumuro_decoder
from dbt_common.dataclass_schema import dbtClassMixin

import event_archive.registry.upcast_expression  # noqa: F401
import orchestration.warehouse.dbt_plugin  # noqa: F401

__all__ = ["cli", "warm_up"]
CHECKED: tuple[type[dbtClassMixin], ...] = (
    project.ProjectFlags,
    project.ProfileConfig,
    project.Project,
    project.PackageConfig,
    project.Configuration,
    selection.SelectorFile,
    DuckDBCredentials,
    *(RESOURCE_TYPES[kind] for kind in (NodeType.Model, NodeType.Source, NodeType.Test)),
    nodes.ModelNode,
    nodes.GenericTestNode,
    unparsed.UnparsedModelUpdate,
    unparsed.UnparsedSourceDefinition,
)


def warm_up(parsed: Path) -> None:
    """Have dbt make its code. `parsed`: an example, a project that it has parsed; nothing of it is kept."""
    with suppress(Exception):  # of another release of dbt: then each build makes its own
        describe_checked()
    with suppress(Exception):
        read_and_write(parsed)
    # An adapter asks for each of its flags where it was called from; Python then reads where its modules lie,
    # once: 0.2 s.
    inspect.stack()
    stop_resource_tracker()


def describe_checked() -> None:
    """Describe what may stand in projects, profiles and what is read of them, by which these are checked."""
    for kind in CHECKED:
        kind.json_schema()


def read_and_write(parsed: Path) -> None:
    """Read a project that is parsed, and turn its nodes into what is written of them."""
    manifest = Manifest.from_msgpack(parsed.read_bytes(), decoder=extended_mashumuro_decoder)
    groups: Any = (manifest.nodes, manifest.sources, manifest.macros, manifest.docs, manifest.exposures)
    for node in chain.from_iterable(group.values() for group in groups):
        node.to_resource().to_dict(omit_none=False)


def stop_resource_tracker() -> None:
    """End the process that Python starts with the first lock, as in each manifest: a dbt starts its own."""
    tracker: Any = resource_tracker._resource_tracker
    with suppress(Exception):
        tracker._stop()
