"""What is wrong with an installation, and what to do about it: one list of what is looked at.

Belongs here: that list, the project, the clock and the daemon. Not here: packages (`installed`), what lies on
the disk (`places`), where things stand (`status`), and mending anything.

Here a clock does judge: whether it is right is one of the things that are looked at.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from event_archive import UnusableInput
from event_archive.store.landing_times import wrong_times
from event_archive.store.local import has_archive
from event_archive.wording import format_age, format_count
from orchestration.health.dagster_history import last_heartbeat
from orchestration.health.examined import NOTE, WELL, WRONG, Examined
from orchestration.health.installed import of_packages, of_python
from orchestration.health.places import of_disk, of_leftovers, of_locks, of_rights
from orchestration.settings import Settings

DBT_FILES = ("dbt_project.yml", "profiles.yml")
BEATS_EVERY = timedelta(minutes=2)
"""Dagster's daemons beat every half a minute."""


@dataclass(frozen=True)
class Examination:
    """One entry of the list: what is looked at, and how."""

    name: str
    look: Callable[[Settings], Iterator[Examined]]


def examine(settings: Settings | UnusableInput) -> Iterator[Examined]:
    """Look at everything; where the project's settings can't be read, at the installation alone."""
    yield from (*of_python(), *of_packages())
    if isinstance(settings, UnusableInput):
        yield Examined("project", WRONG, str(settings), "mend that line")
        return
    for examination in EXAMINATIONS:
        try:
            yield from examination.look(settings)
        except (UnusableInput, OSError) as error:
            yield Examined(examination.name, WRONG, str(error), "mend that")


def of_project(settings: Settings) -> Iterator[Examined]:
    """Whether there is a project, and a dbt project in it."""
    if "home" in settings.unnamed:
        yield Examined("project", WRONG, "there is no project here", "factlog init DIR, or go to its folder")
        return
    yield Examined("project", WELL, str(settings.project or settings.home))
    missing = [name for name in DBT_FILES if not (settings.dbt_project / name).is_file()]
    if missing:
        what = f"{settings.dbt_project}: has no {' and no '.join(missing)}"
        yield Examined("dbt project", WRONG, what, "let dbt_project in factlog.toml name its folder")
    else:
        yield Examined("dbt project", WELL, str(settings.dbt_project))


def of_contracts(settings: Settings) -> Iterator[Examined]:
    """Whether the contracts can be used, and the mappings of the inbox by them."""
    if "home" in settings.unnamed:
        return
    contracts = settings.load_contracts()
    settings.load_inbox_mappings()
    yield Examined("contracts", WELL, format_count(len(list(contracts)), "contract"))


def of_archive(settings: Settings) -> Iterator[Examined]:
    """Whether there is an archive, whose log can be read."""
    if "home" in settings.unnamed:
        return
    if not has_archive(settings.archive_root):
        what = f"{settings.archive_root}: there is no archive here"
        yield Examined(
            "archive", WRONG, what, "mount its disk, mend FACTLOG_HOME, or begin: factlog land PATH"
        )
        return
    commits = settings.open_archive(reads_contracts=False).log.commits()
    yield Examined("archive", WELL, f"{format_count(len(commits), 'commit')}; each byte: factlog verify")


def of_clock(settings: Settings) -> Iterator[Examined]:
    """Whether this machine's clock can be right, by the log."""
    if not has_archive(settings.archive_root):
        return
    commits = settings.open_archive(reads_contracts=False).log.commits()
    now = settings.limits.clock()
    if commits and commits[-1].landed_at > now + settings.clock_skew:
        ahead = format_age(commits[-1].landed_at - now)
        what = f"commit {commits[-1].sequence} landed {ahead} from now"
        yield Examined("clock", WRONG, what, "set this clock right, or land once with --accept-clock")
    elif wrong := wrong_times(commits, settings.limits):
        what = f"{format_count(len(wrong), 'commit')} landed while a clock was wrong, and it stays in the log"
        yield Examined("clock", NOTE, what, "factlog log")
    else:
        yield Examined("clock", WELL, f"{now:%Y-%m-%d %H:%M:%S}Z, later than every commit")


def of_daemon(settings: Settings) -> Iterator[Examined]:
    """Whether the daemon of the Dagster instance in the home is at work."""
    if "home" in settings.unnamed:
        return
    beat = last_heartbeat(settings)
    if beat is None:
        yield Examined(
            "daemon", NOTE, "has never run here: nothing lands or refreshes by itself", "factlog dev"
        )
        return
    age = datetime.now(UTC) - beat
    if age > BEATS_EVERY:
        what = f"does not run: it was last seen {format_age(age)} ago, so nothing lands by itself"
        yield Examined("daemon", NOTE, what, "factlog dev")
    else:
        yield Examined("daemon", WELL, "runs")


EXAMINATIONS = (
    Examination("project", of_project),
    Examination("contracts", of_contracts),
    Examination("rights", of_rights),
    Examination("archive", of_archive),
    Examination("clock", of_clock),
    Examination("disk", of_disk),
    Examination("locks", of_locks),
    Examination("leftovers", of_leftovers),
    Examination("daemon", of_daemon),
)
