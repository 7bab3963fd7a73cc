"""Where everything lies and how much it may use: the one place that reads the environment.

Belongs here: names, defaults and bounds of settings, and the paths that follow from them. Not here: how a
value is read (`setting_values`), what a project's file may hold (`project_file`), and what is done there.
Nothing heavy is imported at the top, because every `factlog` command starts here.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from event_archive import Limits, UnusableInput
from orchestration.project_file import NO_PROJECT, current_folder, read_nearest
from orchestration.setting_values import (
    UTC_ZONE,
    GivenValues,
    Retention,
    absolute,
    day,
    days,
    file,
    folder,
    moment,
    retention,
    seconds,
    size,
    whole,
    zone,
)

if TYPE_CHECKING:
    from event_archive import Archive
    from event_archive.mapping.mapping import Mapping as RecordMapping
    from event_archive.registry.contract import Contracts

PROJECT = Path(__file__).resolve().parents[1]
MOST_THREADS, WAREHOUSE, DBT_FOLDER = 1024, "warehouse.duckdb", "dbt"
FOLDERS = ("home", "contracts", "dbt_project")


@dataclass(frozen=True)
class Settings:
    """One installation: its folders and its bounds.

    `cut` and `as_of` bound what dbt reads: the commits up to and with that sequence, the events that had
    occurred before that moment; with `sample_days`, facts hold the keys that have events on one of these.
    `warehouse_file`: where dbt builds, if not in the warehouse of `home`. `accepts_clock`: the clock is
    right, also where it says what can hardly be; for one command, so no variable of the environment says it.
    `time_zone`: in which people are shown moments. `retention`: which published versions are kept, or None
    for all. `inbox_mappings`: the mapping file of each folder of the inbox that has one. `project`: where
    `factlog.toml` lies. `unnamed`: the folders that nothing names.
    """

    home: Path
    contracts: Path = PROJECT / "event_archive" / "contracts"
    dbt_project: Path = PROJECT / "dbt_project"
    memory_bytes: int = 1 << 30
    build_memory_bytes: int = 3 << 30
    max_record_bytes: int = 16 << 20
    max_input_bytes: int = 16 << 30
    threads: int = 2
    clock_skew: timedelta = timedelta(minutes=5)
    time_zone: ZoneInfo = UTC_ZONE
    retention: Retention | None = None
    accepts_clock: bool = False
    first_day: date | None = None
    cut: int | None = None
    as_of: datetime | None = None
    sample_days: tuple[date, ...] = ()
    warehouse_file: Path | None = None
    inbox_mappings: tuple[tuple[str, Path], ...] = ()
    project: Path | None = None
    unnamed: frozenset[str] = frozenset()

    @classmethod
    def from_environment(
        cls, environment: Mapping[str, str] | None = None, start: Path | None = None
    ) -> "Settings":
        """Read FACTLOG_*, then the project's file for what is not set, and take the default for the rest.

        The project is the one that FACTLOG_PROJECT names, or the nearest from `start` upwards: the current
        folder, where no other is given.
        """
        environment = {
            name: value.strip()
            for name, value in (os.environ if environment is None else environment).items()
            if name.startswith("FACTLOG_") and value.strip()
        }
        start = start or current_folder()
        project = read_nearest(environment, start)
        given = GivenValues(environment, project.variables() if project else {})
        base = project.folder if project else start
        return cls(
            home=absolute(given.get("FACTLOG_HOME", base / "var"), "FACTLOG_HOME"),
            contracts=folder(given, "FACTLOG_CONTRACTS", base / "contracts"),
            dbt_project=folder(given, "FACTLOG_DBT_PROJECT", base / "dbt_project"),
            memory_bytes=size(given, "FACTLOG_MEMORY", cls.memory_bytes),
            build_memory_bytes=size(given, "FACTLOG_BUILD_MEMORY", cls.build_memory_bytes),
            max_record_bytes=size(given, "FACTLOG_MAX_RECORD", cls.max_record_bytes, at_least="1M"),
            max_input_bytes=size(given, "FACTLOG_MAX_INPUT", cls.max_input_bytes, at_least="1M"),
            threads=whole(
                given, "FACTLOG_THREADS", min(os.cpu_count() or 2, 8), at_least=1, at_most=MOST_THREADS
            ),
            clock_skew=seconds(given, "FACTLOG_CLOCK_SKEW", cls.clock_skew),
            time_zone=zone(given, "FACTLOG_TIME_ZONE", cls.time_zone),
            retention=retention(given, "FACTLOG_RETENTION"),
            first_day=day(given, "FACTLOG_FIRST_DAY"),
            cut=whole(given, "FACTLOG_CUT", 0, at_least=0) if "FACTLOG_CUT" in given else None,
            as_of=(moment(given["FACTLOG_AS_OF"], "FACTLOG_AS_OF=") if "FACTLOG_AS_OF" in given else None),
            sample_days=days(given, "FACTLOG_SAMPLE_DAYS"),
            warehouse_file=file(given, "FACTLOG_WAREHOUSE"),
            inbox_mappings=project.inbox_mappings if project else (),
            project=base if project else None,
            unnamed=frozenset(
                name for name in FOLDERS if project is None and f"FACTLOG_{name.upper()}" not in given
            ),
        )

    @property
    def inbox(self) -> Path:
        """The folder that producers drop files in."""
        return self.home / "inbox"

    @property
    def archive_root(self) -> Path:
        """The folder of the archive."""
        return self.home / "archive"

    @property
    def warehouse(self) -> Path:
        """The DuckDB file that dbt builds in."""
        return self.warehouse_file or self.home / WAREHOUSE

    @property
    def published(self) -> Path:
        """The folder of the published versions."""
        return self.home / "published"

    @property
    def dagster_home(self) -> Path:
        """The folder of the Dagster instance."""
        return self.home / "dagster"

    @property
    def dbt_target(self) -> Path:
        """The folder of dbt's manifest, results and logs: state, so it lies beside the warehouse."""
        return self.warehouse.parent / DBT_FOLDER

    @property
    def limits(self) -> Limits:
        """What a landing may use."""
        return Limits(
            memory_bytes=self.memory_bytes,
            threads=self.threads,
            max_record_bytes=self.max_record_bytes,
            max_input_bytes=self.max_input_bytes,
            clock_skew=self.clock_skew,
            accepts_clock=self.accepts_clock,
        )

    def require(self, *names: str) -> None:
        """Raise UnusableInput where nothing says which folder is meant: state is not left about in any."""
        if self.unnamed & {*names}:
            raise UnusableInput(NO_PROJECT.format(current_folder()))

    def load_contracts(self) -> "Contracts":
        """Read the contracts; raises UnusableInput."""
        from event_archive.registry.contract import load_contracts

        self.require("contracts")
        return load_contracts(self.contracts)

    def load_mapping(self, file: Path, contracts: "Contracts | None" = None) -> "RecordMapping":
        """Read a mapping, and hold it against the contracts, which may be known; raises UnusableInput."""
        from event_archive.mapping.contract_check import load_checked_mapping

        return load_checked_mapping(file, contracts or self.load_contracts(), self.limits)

    def load_inbox_mappings(self) -> "dict[str, RecordMapping]":
        """Read the mapping of each folder of the inbox that has one."""
        contracts = self.load_contracts() if self.inbox_mappings else None
        return {folder: self.load_mapping(file, contracts) for folder, file in self.inbox_mappings}

    def open_archive(self, *, may_create: bool = False, reads_contracts: bool = True) -> "Archive":
        """Open the archive with the contracts; raises UnusableInput where either can't be used.

        `may_create`: begin an archive where there is none, for whoever brings events; but not where something
        was derived from one, which is lost then: another log would have other commits under its numbers.
        `reads_contracts`: not for whoever reads the log alone, and need not wait for their check.
        """
        from event_archive import Archive
        from event_archive.registry.contract import Contracts
        from event_archive.store.local import has_archive

        self.require("home")
        contracts = self.load_contracts() if reads_contracts else Contracts([])
        derived = [self.warehouse, *sorted(self.published.rglob("*.json"))]
        if may_create and not has_archive(self.archive_root):
            for path in filter(Path.exists, derived):
                raise UnusableInput(
                    f"{self.archive_root}: there is no archive here, but {path} was derived from one; "
                    "mount its disk, or restore it from a copy. To begin a new one, move that file away first"
                )
        return Archive(self.archive_root, contracts, may_create=may_create)

    def require_archive(self) -> None:
        """Raise UnusableInput where there is no archive: before waiting, or writing beside it."""
        from event_archive.store.local import LocalStorage

        self.require("home")
        LocalStorage(self.archive_root)

    def require_foreign(self, foreign: Path) -> None:
        """Raise UnusableInput for a file in what is factlog's own: nobody else writes there."""
        resolved = foreign.parent.resolve() / foreign.name
        own = [self.archive_root, self.published, self.inbox, self.warehouse]
        for place in (path.resolve() for path in own):
            if resolved == place or place in resolved.parents:
                raise UnusableInput(f"{foreign}: {place} is factlog's own; name a file somewhere else")

    def environment(self) -> dict[str, str]:
        """Return the environment of a process that reads these settings again, with telemetry off."""
        return {
            **os.environ,
            "FACTLOG_PROJECT": str(self.project or ""),
            "FACTLOG_HOME": str(self.home),
            "FACTLOG_CONTRACTS": str(self.contracts),
            "FACTLOG_DBT_PROJECT": str(self.dbt_project),
            "FACTLOG_MEMORY": str(self.memory_bytes),
            "FACTLOG_BUILD_MEMORY": str(self.build_memory_bytes),
            "FACTLOG_MAX_RECORD": str(self.max_record_bytes),
            "FACTLOG_MAX_INPUT": str(self.max_input_bytes),
            "FACTLOG_THREADS": str(self.threads),
            "FACTLOG_CLOCK_SKEW": str(int(self.clock_skew.total_seconds())),
            "FACTLOG_TIME_ZONE": self.time_zone.key,
            "FACTLOG_RETENTION": str(self.retention or ""),
            "FACTLOG_FIRST_DAY": self.first_day.isoformat() if self.first_day else "",
            "FACTLOG_CUT": "" if self.cut is None else str(self.cut),
            "FACTLOG_AS_OF": "" if self.as_of is None else self.as_of.isoformat(),
            "FACTLOG_SAMPLE_DAYS": ",".join(map(date.isoformat, self.sample_days)),
            "FACTLOG_WAREHOUSE": str(self.warehouse_file or ""),
            "DAGSTER_HOME": str(self.dagster_home),
            "DAGSTER_DISABLE_TELEMETRY": "yes",
            "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
            "DO_NOT_TRACK": "1",
        }
