"""The checks of a publishing: one list that makes them, describes them and says how they are shown.

Belongs here: that list, and the checks in it. Publishing waits for all but those that only warn. Not here:
tests of rows (dbt's), of which the last check gives the outcomes as they were recorded (`build_record`), what
follows where one fails (`publishing.publish`), and checks of what is not about to be published
(`automation.nightly_checks`, `assets.quarantine`).
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import duckdb

from event_archive import Archive
from event_archive.sql_text import literal
from event_archive.store.commit import Commit
from event_archive.store.inputs import agrees_with_files
from event_archive.verification import verify_commits
from event_archive.views.corrections import WAITING
from event_archive.wording import agree, format_age, format_count
from orchestration.warehouse.build_record import Build
from orchestration.warehouse.outcomes import Check, NodeCheck, recorded_outcomes

ARCHIVE_CHAIN, CONSERVATION, MODELS_TESTED = "archive_chain", "conservation", "models_tested"
NOTHING_WAITS = "no_correction_waits"
SHOWN_FINDINGS = 5


@dataclass(frozen=True)
class Inspected:
    """What is checked: the archive, the warehouse (open, and in use), and the last build of it, if any.

    `after`: a commit up to which the archive was checked before. Committed files never change, so that a
    publishing checks the chain and what came since; the nightly check reads everything again.
    """

    archive: Archive
    connection: duckdb.DuckDBPyConnection
    build: Build | None
    after: int = 0


@dataclass(frozen=True)
class PublishingCheck:
    """One entry of the list: the name and description that are shown, and how it is made.

    `only_warns`: it keeps nothing from being published.

    `run` gives a check of that name; that of the models is followed by one per node of dbt. `requires`: the
    name of a check without which this one says nothing, so that it is left out where that does not pass.
    """

    name: str
    description: str
    run: Callable[[Inspected], list[Check]]
    requires: str | None = None
    only_warns: bool = False


def run_checks(inspected: Inspected) -> list[Check]:
    """Run every check of the list; without a build of the warehouse, only that of the models."""
    checks: list[Check] = []
    for entry in CHECKS:
        passed = {check.name for check in checks if check.passed}
        if (inspected.build or entry.name == MODELS_TESTED) and entry.requires in (None, *passed):
            checks += entry.run(inspected)
    return checks


def shown_checks(checks: Iterable[Check]) -> list[Check]:
    """One check per entry of the list, in its order; those of dbt's nodes are folded into that of the models.

    An entry that was not run is left out. Raises LookupError for a check that the list does not know.
    """
    of_entries: dict[str, list[Check]] = {entry.name: [] for entry in CHECKS}
    for check in checks:
        name = MODELS_TESTED if isinstance(check, NodeCheck) else check.name
        if name not in of_entries:
            raise LookupError(f"{name}: not in the list of checks that publishing waits for")
        of_entries[name].append(check)
    models = of_entries.pop(MODELS_TESTED)
    shown = [check for of_entry in of_entries.values() for check in of_entry]
    return [*shown, models_as_one(models)]


def models_as_one(checks: Sequence[Check]) -> Check:
    """How models and tests fared, as one check that names those that failed."""
    failed = [check for check in checks if not check.passed]
    reasons = "; ".join(f"{check.name}: {check.detail}" for check in failed)
    detail = reasons or f"{format_count(len(checks), 'result')}, all of them hold"
    return Check(MODELS_TESTED, not failed, blocking=True, detail=detail)


def check_chain(inspected: Inspected) -> list[Check]:
    """Check the archive's bytes against its log."""
    findings = verify_commits(inspected.archive, after=inspected.after)
    shown = "; ".join(f"{finding.path}: {finding.problem}" for finding in findings[:SHOWN_FINDINGS])
    since = f" since commit {inspected.after}" if inspected.after else ""
    detail = shown or f"every byte committed{since} is as it was"
    return [Check(ARCHIVE_CHAIN, not findings, blocking=True, detail=detail)]


def check_conservation(inspected: Inspected) -> list[Check]:
    """Check the counts of the log against each other, and against what dbt reads."""
    commits = inspected.archive.log.commits(inspected.build.sequence if inspected.build else 0)
    return [conservation(commits, inspected.connection, after=inspected.after)]


def conservation(
    commits: Iterable[Commit], connection: duckdb.DuckDBPyConnection, *, after: int = 0
) -> Check:
    """Check that no record is lost between what was received, after commit `after`, and what dbt reads."""
    problems = []
    accepted = 0
    for commit in commits:
        if commit.sequence <= after:
            continue
        counts = commit.counts
        accepted += counts.accepted
        if not counts.conserved:
            problems.append(f"commit {commit.sequence}: {counts} do not add up")
        if not agrees_with_files(commit):
            problems.append(f"commit {commit.sequence}: {counts} are not those of the files it names")
    # The number stands in the text, so that only the files of these commits are opened.
    row = connection.execute(
        f"SELECT count(*) FROM events.all_events WHERE sequence > {int(after)}"
    ).fetchone()
    readable = row[0] if row else 0
    if readable != accepted:
        landed = f"{format_count(accepted, 'event')} {agree(accepted, 'was', 'were')} accepted"
        problems.append(f"{landed}, and dbt reads {readable}")
    since = f" since commit {after}" if after else ""
    held = f"{format_count(accepted, 'accepted event')}{since}, all readable"
    detail = "; ".join(problems[:SHOWN_FINDINGS]) or held
    return Check(CONSERVATION, passed=not problems, blocking=True, detail=detail)


def check_models(inspected: Inspected) -> list[Check]:
    """Check how the models and their tests fared in the last build: as a whole, and one by one."""
    build = inspected.build
    if build is None or build.complete is None:
        detail = "the warehouse was last built by hand, so its tests are unknown; run `factlog refresh`"
        return [Check(MODELS_TESTED, passed=False, blocking=True, detail=detail)]
    detail = (
        "every model was built and tested"
        if build.complete
        else "only a part of the models was built and tested"
    )
    whole = Check(MODELS_TESTED, passed=build.complete, blocking=True, detail=detail)
    return [whole, *recorded_outcomes(inspected.connection)]


def check_corrections(inspected: Inspected) -> list[Check]:
    """Check whether a correction waits for what it names, and since when.

    A warehouse that an older factlog built does not say: no check then, and it is not published either.
    """
    known = inspected.connection.execute(
        "SELECT count(*) FROM duckdb_columns() WHERE database_name = current_database() "
        "AND schema_name = 'events' AND table_name = 'corrections' AND column_name = 'waits_because'"
    ).fetchall()
    if known == [(0,)]:
        return []
    rows = inspected.connection.execute(
        "SELECT count(*), min(landed_at), "
        "min_by(row(event_id, corrected_event_id, waits_because), landed_at) "
        f"FROM events.corrections WHERE status = {literal(WAITING)}"
    ).fetchall()
    [(count, since, oldest)] = rows
    if not count:
        return [
            Check(NOTHING_WAITS, passed=True, blocking=False, detail="every correction names what is there")
        ]
    waiting = f"{format_count(count, 'correction')} {agree(count, 'waits and counts', 'wait and count')}"
    event_id, named, reason = oldest
    detail = (
        f"{waiting} as nothing, the oldest for {format_age(datetime.now(UTC) - since)}: {event_id} names "
        f"{named}, which is {reason}; see: factlog corrections"
    )
    return [Check(NOTHING_WAITS, passed=False, blocking=False, detail=detail)]


CHECKS = (
    PublishingCheck(
        ARCHIVE_CHAIN,
        "The log's chain holds, and every byte committed since the last version is as it says.",
        check_chain,
    ),
    PublishingCheck(
        CONSERVATION,
        "Received = accepted + duplicate + rejected + ignored in every commit; dbt reads what is accepted.",
        check_conservation,
        requires=ARCHIVE_CHAIN,
    ),
    PublishingCheck(
        NOTHING_WAITS,
        "Every correction names an event that is there. A warning: one that waits counts as nothing, until "
        "what it names lands. See them with `factlog corrections`.",
        check_corrections,
        only_warns=True,
    ),
    PublishingCheck(
        MODELS_TESTED,
        "The last build covered every model, and every blocking test of it passed.",
        check_models,
    ),
)
"""All checks of a publishing, in the order in which they are run and shown; those of the models come last."""
