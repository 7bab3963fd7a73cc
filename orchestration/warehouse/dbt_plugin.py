"""The dbt-duckdb plugin: dbt finds the archive as the views `events.*`, over one fixed cut of the log.

Belongs here: what happens when a dbt process connects to the warehouse. Not here: what the views say
(that is the archive's) and what is remembered of the build (`build_record`). `dbt parse` never connects,
so it needs no archive.

The profile says only the file's name: what stands in a profile is part of what dbt has parsed, and a project
is parsed once for every home.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dbt.adapters.duckdb.credentials import DuckDBCredentials
from dbt.adapters.duckdb.plugins import BasePlugin
from dbt_common.exceptions import DbtRuntimeError
from dbt_common.invocation import get_invocation_id
from duckdb import DuckDBPyConnection

from event_archive import UnusableInput, create_views
from event_archive.store.commit import segments_of
from orchestration.settings import WAREHOUSE, Settings
from orchestration.warehouse.build_record import begin_build
from orchestration.warehouse.engine import in_one_transaction, limit_engine
from orchestration.warehouse.requests import derives_everything, request_sample


class Plugin(BasePlugin):  # type: ignore[misc,unused-ignore]
    """Create the views once per dbt process: dbt-duckdb keeps one connection, with a cursor per thread."""

    read_only = False

    def update_connection_config(self, creds: DuckDBCredentials, config: dict[str, Any]) -> None:
        """Say where the warehouse lies, and remember whether dbt only reads.

        Who only reads finds the views that the last writer made. Where there is no archive, no warehouse is
        made that would look as if it was derived from one.
        """
        self.read_only = str(config.get("access_mode", "")).upper() == "READ_ONLY"
        with errors_of_dbt():
            settings = Settings.from_environment()
            if not self.read_only:
                settings.require_archive()
            if creds.path == WAREHOUSE:
                creds.path = str(located(settings.warehouse, creds.database))

    def configure_connection(self, conn: DuckDBPyConnection) -> None:
        """Fix the cut, create the views over it, and record that a build begins."""
        if self.read_only:
            return
        with errors_of_dbt():
            # What dbt has read of the project stays until it ends: nobody need look through it for garbage.
            gc.freeze()
            settings = Settings.from_environment()
            limit_engine(conn, settings, settings.warehouse)
            archive = settings.open_archive()
            if derives_everything(conn) and not settings.sample_days:
                archive.files.read_anew(segments_of(archive.log.commits(settings.cut)))
            with in_one_transaction(conn):
                cut = create_views(conn, archive, settings.cut, settings.as_of)
            begin_build(conn, archive, cut, as_of=settings.as_of, build_id=get_invocation_id())
            request_sample(conn, settings.sample_days)


@contextmanager
def errors_of_dbt() -> Iterator[None]:
    """Raise what users are meant to read as dbt's own error: it prints any other with a traceback."""
    try:
        yield
    except UnusableInput as error:
        raise DbtRuntimeError(str(error)) from None


def located(warehouse: Path, database: str) -> Path:
    """The file of the warehouse; raises UnusableInput where dbt would look for its tables by another name."""
    if warehouse.stem != database:
        raise UnusableInput(
            f"FACTLOG_WAREHOUSE={warehouse}: dbt calls tables by the file's name, and the project's are "
            f"{database}.…; name a file {WAREHOUSE}, in any folder"
        )
    return warehouse
