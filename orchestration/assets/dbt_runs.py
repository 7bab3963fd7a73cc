"""dbt for a run of Dagster: a process over the models that the run chose, and what it says as events.

Belongs here: starting it, listening to it, and what a run says that it could not build. Not here: what is
built and recorded (`selected_build`), and what is reported of it (`models`, `refreshed_models`).
"""

import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import dagster as dg
from dagster_dbt import DbtCliInvocation
from dagster_dbt.asset_utils import get_subset_selection_for_context
from packaging.version import Version

from orchestration.assets.dbt_events import with_shown_metadata
from orchestration.assets.dbt_translator import Translator
from orchestration.dbt.process import RUN_RESULTS, dbt_executable, first_lines
from orchestration.dbt.serving import dbt_command
from orchestration.full_disk import full
from orchestration.names import REFRESH_JOB
from orchestration.selected_build import Built
from orchestration.settings import Settings

EVERYTHING = ["--select", "fqn:*"]
LONGEST = 500


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
    """The dbt of a run of Dagster. `lock`: that of the warehouse, which dbt inherits.

    `indirect_selection`: which tests of what is chosen belong to it, as dbt calls that; none for its default.
    """

    context: dg.AssetExecutionContext | dg.OpExecutionContext
    translator: Translator
    lock: int
    indirect_selection: str | None = None

    def events(self, settings: Settings, selected: Sequence[str]) -> Iterator[Any]:
        """Build what is `selected`, by dbt's options, or else everything; hand on what dbt says of each.

        Of a model that is in the project only since the code location was loaded, Dagster knows nothing yet.
        """
        invocation = self._start(settings, selected)
        unknown = set()
        for message in invocation.stream_raw_events():
            name = message.raw_event["data"].get("node_info", {}).get("unique_id", "")
            if message.is_result_event and name not in self.translator.manifest["nodes"]:
                unknown.add(name)
                continue
            events = message.to_default_asset_events(
                self.translator.manifest, self.translator, self.context, settings.dbt_target
            )
            yield from map(with_shown_metadata, events)
        if unknown:
            listed = ", ".join(sorted(unknown))
            self.context.log.info(f"reload the definitions to see what the project has since: {listed}")
        if not (settings.dbt_target / RUN_RESULTS).exists():
            raise dg.Failure(could_not_work(invocation, settings), allow_retries=False)

    def _start(self, settings: Settings, selected: Sequence[str]) -> DbtCliInvocation:
        """Start dbt.

        Not through DbtCliResource: it asks `dbt --version` first, which asks the package index on the
        internet, and opens an adapter on the warehouse in this process as well. Nor does it hand on the lock:
        if this process is killed, whoever comes next waits for dbt.
        """
        started = subprocess.Popen(
            [*dbt_command(settings, dbt_executable()), "--no-use-colors", "build", *(selected or EVERYTHING)],
            cwd=settings.dbt_project,
            env=dbt_environment(settings, self.indirect_selection),
            pass_fds=[self.lock],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        return DbtCliInvocation(
            process=started,
            manifest=self.translator.manifest,
            dagster_dbt_translator=self.translator,
            project_dir=settings.dbt_project,
            target_path=settings.dbt_target,
            raise_on_error=False,
            context=self.context,
            cli_version=Version(version("dbt-core")),
        )


def chosen_by(context: dg.AssetExecutionContext, translator: Translator) -> tuple[list[str], str | None]:
    """dbt's options for the models that a person chose, and which of their tests belong to them."""
    return get_subset_selection_for_context(
        context=context,
        manifest=translator.manifest,
        select=EVERYTHING[-1],
        exclude=None,
        selector=None,
        dagster_dbt_translator=translator,
        current_dbt_indirect_selection_env=None,
    )


def could_not_work(invocation: DbtCliInvocation, settings: Settings) -> str:
    """What is wrong with the project, in one line: dbt's words, without its stack."""
    said = " ".join(" ".join(invocation._error_messages).split())
    return (
        f"Mend the dbt project, then start `{REFRESH_JOB}` again: {first_lines(said)[:LONGEST]}; "
        f"details: {settings.dbt_target / 'dbt.log'}"
    )


def raise_if_failed(built: Built | None) -> None:
    """Fail the run where a model or a test of it failed; first of all with what to do."""
    every = [check for check in built.checks if not check.passed] if built else []
    if not every:
        return
    # What is skipped is so because of something else that failed.
    failed = [check for check in every if not check.detail.startswith("skipped")] or every
    if cause := full("; ".join(check.detail for check in failed)):
        raise dg.Failure(cause, allow_retries=False)
    tests, models = [check for check in failed if check.is_test], [c for c in failed if not c.is_test]
    named = "; ".join(f"{check.name} ({check.detail[:LONGEST]})" for check in (models or tests))
    what = "SQL of" if models else "events, or the model, that fails"
    raise dg.Failure(
        f"Mend the {what} {named}; then start `{REFRESH_JOB}` again. "
        "Until then what was published before is served.",
        metadata={"failed": dg.MetadataValue.int(len(failed))},
        allow_retries=False,
    )
