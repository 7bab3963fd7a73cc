"""dbt for a run of Dagster: a process over the models that the run chose, and what it says as events.

Belongs here: starting it and listening to it. Not here: what is built and recorded (`selected_build`), and
what is reported of it (`models`).
"""

import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from typing import Any

import dagster as dg
from dagster_dbt import DbtCliInvocation
from dagster_dbt.asset_utils import get_subset_selection_for_context
from packaging.version import Version

from orchestration.assets.dbt_translator import Translator
from orchestration.dbt.graph import Manifest
from orchestration.dbt.process import RUN_RESULTS, dbt_executable
from orchestration.dbt.serving import dbt_command
from orchestration.settings import Settings

EVERYTHING = ["--select", "fqn:*"]


def dbt_environment(settings: Settings, indirect_selection: str | None) -> dict[str, str]:
    """The environment of the dbt process: its settings, and the log format that dagster-dbt reads."""
    chosen = {"DBT_INDIRECT_SELECTION": indirect_selection} if indirect_selection else {}
    return {
        **settings.environment(),
        **chosen,
        "DBT_LOG_FORMAT": "json",
        "DBT_PROFILES_DIR": str(settings.dbt_project),
        "DBT_PROJECT_DIR": str(settings.dbt_project),
        "DBT_TARGET_PATH": str(settings.dbt_target),
        "DBT_LOG_PATH": str(settings.dbt_target),
        "PYTHONUNBUFFERED": "1",
    }


@dataclass(frozen=True)
class DbtRun:
    """The dbt of a run of Dagster. `lock`: that of the warehouse, which dbt inherits."""

    context: dg.AssetExecutionContext
    manifest: Manifest
    translator: Translator
    lock: int

    @property
    def is_of_everything(self) -> bool:
        """Whether the run is of all models and their checks, and not of some that a person chose."""
        return self._chosen[0] == EVERYTHING

    def events(self, settings: Settings, selected: Sequence[str] = ()) -> Iterator[Any]:
        """Build the models that the run chose, or of these what is `selected`; hand on what dbt says of each.

        Of a model that is in the project only since the code location was loaded, Dagster knows nothing yet.
        """
        invocation = self._start(settings, selected)
        unknown = set()
        for message in invocation.stream_raw_events():
            name = message.raw_event["data"].get("node_info", {}).get("unique_id", "")
            if message.is_result_event and name not in self.manifest["nodes"]:
                unknown.add(name)
                continue
            yield from message.to_default_asset_events(
                self.manifest, self.translator, self.context, settings.dbt_target
            )
        if unknown:
            listed = ", ".join(sorted(unknown))
            self.context.log.info(f"reload the definitions to see what the project has since: {listed}")
        if not (settings.dbt_target / RUN_RESULTS).exists():
            raise dg.Failure(f"dbt could not work: {invocation.get_error()}", allow_retries=False)

    @cached_property
    def _chosen(self) -> tuple[list[str], str | None]:
        """dbt's options for what the run chose."""
        return get_subset_selection_for_context(
            context=self.context,
            manifest=self.manifest,
            select=EVERYTHING[-1],
            exclude=None,
            selector=None,
            dagster_dbt_translator=self.translator,
            current_dbt_indirect_selection_env=None,
        )

    def _start(self, settings: Settings, selected: Sequence[str]) -> DbtCliInvocation:
        """Start dbt.

        Not through DbtCliResource: it asks `dbt --version` first, which asks the package index on the
        internet, and opens an adapter on the warehouse in this process as well. Nor does it hand on the lock:
        if this process is killed, whoever comes next waits for dbt.
        """
        chosen, indirect = self._chosen
        started = subprocess.Popen(
            [*dbt_command(settings, dbt_executable()), "--no-use-colors", "build", *(selected or chosen)],
            cwd=settings.dbt_project,
            env=dbt_environment(settings, indirect),
            pass_fds=[self.lock],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        return DbtCliInvocation(
            process=started,
            manifest=self.manifest,
            dagster_dbt_translator=self.translator,
            project_dir=settings.dbt_project,
            target_path=settings.dbt_target,
            raise_on_error=False,
            context=self.context,
            cli_version=Version(version("dbt-core")),
        )
