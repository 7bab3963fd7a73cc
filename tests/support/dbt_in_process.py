"""dbt in this process, for tests that build so often that a process for each would cost too much.

Belongs here: a stand-in for `orchestration.dbt.process.run_dbt` that parses the project once, and lets go of
the warehouse when it ends. Not here: what is built. The product starts dbt as a process (see there).
"""

import contextlib
import os
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from unittest.mock import patch

from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from dbt.artifacts.schemas.run import RunExecutionResult
from dbt.cli.main import dbtRunner
from dbt.contracts.graph.manifest import Manifest

from event_archive import UnusableInput
from orchestration.dbt.packages import link_package
from orchestration.settings import Settings

NO_TESTS = ["--exclude-resource-type", "test", "--exclude-resource-type", "unit_test"]
SILENT = ["--quiet", "--no-use-colors", "--log-level-file", "none"]


class InProcess:
    """dbt over one project, parsed once."""

    def __init__(self, settings: Settings) -> None:
        parsed = invoke(None, settings, ["parse"], settings.dbt_target)
        assert isinstance(parsed, Manifest)
        self.manifest = parsed

    def run(
        self,
        settings: Settings,
        arguments: Sequence[str],
        *,
        target: Path | None = None,
        profiles: Path | None = None,
        **_: object,
    ) -> str:
        """Do as `run_dbt` does, but build without testing, and leave views be: they say what they said.

        `profiles`: a folder with another profile than the project's. What else it is given is for a process:
        a lock to hand on, somebody who hears how far it is.
        """
        command, *options = arguments
        if settings.warehouse.exists():
            options += ["--exclude", "config.materialized:view"]
        if profiles is not None:
            options += ["--profiles-dir", str(profiles)]
        if command == "build":
            options += NO_TESTS
        done = invoke(self.manifest, settings, [command, *options], target or settings.dbt_target)
        assert isinstance(done, RunExecutionResult)
        return "\n".join(str(result.message) for result in done.results if result.status != "success")


@cache
def parsed_once(settings: Settings) -> InProcess:
    """dbt over the project of an installation, parsed aside: nothing in its home is touched."""
    with tempfile.TemporaryDirectory() as aside:
        return InProcess(replace(settings, warehouse_file=Path(aside) / "warehouse.duckdb"))


def invoke(manifest: Manifest | None, settings: Settings, arguments: Sequence[str], target: Path) -> object:
    """Run one dbt command, with the environment that its process would have."""
    link_package(settings.dbt_project)
    project = str(settings.dbt_project)
    folders = ["--project-dir", project, "--target-path", str(target), "--log-path", str(target)]
    if "--profiles-dir" not in arguments:
        folders += ["--profiles-dir", project]
    with (
        patch.dict(os.environ, settings.environment()),
        patch.object(sys, "path", [*sys.path]),
        contextlib.chdir(project),
    ):
        try:
            done = dbtRunner(manifest).invoke([*arguments, *SILENT, *folders])
        finally:
            close()
    if done.exception is not None:
        raise UnusableInput(f"dbt {arguments[0]}: {done.exception}")
    return done.result


def close() -> None:
    """Close the warehouse, which dbt-duckdb keeps open for as long as the process lives."""
    with DuckDBConnectionManager._LOCK:
        if DuckDBConnectionManager._ENV is not None:
            DuckDBConnectionManager._ENV.close()
        DuckDBConnectionManager.close_all_connections()  # type: ignore[no-untyped-call,unused-ignore]
