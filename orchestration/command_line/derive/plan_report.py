"""The reports of what a build would do, as text and as JSON: `refresh --dry-run`, `replay --estimate`.

Belongs here: the reports of plans. Not here: the plans (`orchestration.planning.plan`, `.estimate`), options.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import date, datetime

from event_archive.wording import format_count
from orchestration.command_line import screen
from orchestration.planning.arrivals import Arrival
from orchestration.planning.estimate import Estimate, Planned
from orchestration.planning.plan import ModelPlan, Plan
from orchestration.planning.replay_days import format_days
from orchestration.warehouse.build_history import (
    ASSUMED_ROWS_PER_SECOND,
    ASSUMED_START_SECONDS,
    ExpectedDuration,
)
from orchestration.warehouse.requests import Days, ranges

SHOWN_RANGES = 3


def print_plan(planned: Planned) -> None:
    """Print what a refresh would do."""
    plan = planned.plan
    screen.print_lines(*format_situation(planned))
    if plan.is_nothing:
        screen.print_lines("Nothing new: a refresh would derive what is published already.")
        return
    if plan.landed:
        print_landed(plan.landed)
    if plan.corrections:
        screen.print_lines("", f"Corrections among them: {format_corrections(plan)}.")
    if plan.replays:
        screen.print_lines(
            "",
            f"Days still to be replayed, because a replay was killed or failed: {format_days(plan.replays)}",
        )
    screen.print_lines("")
    if plan.models:
        print_models("A refresh would derive:", plan.models, planned)
    else:
        screen.print_lines(
            "No model is derived from what landed, or all of it is derived but not published yet."
        )
    screen.print_lines("", f"{format_reading(planned)} All reports and tests follow.")
    screen.print_note("Nothing was written.")


def format_situation(planned: Planned) -> list[str]:
    """What is served, how far the log is, and who builds meanwhile."""
    plan, lines = planned.plan, []
    if planned.version is None:
        lines.append(f"Nothing is published yet. The log goes up to commit {plan.head}.")
    else:
        ahead = plan.head - plan.served
        since = f"; {format_count(ahead, 'commit')} landed since" if ahead else ", as the log does"
        lines.append(f"Version {planned.version} is published, up to commit {plan.served}{since}.")
    if plan.holder is not None:
        lines.append(
            f"The warehouse is held by {plan.holder}: what that has derived can't be seen, so this starts "
            "from what is published."
        )
    return lines


def print_landed(landed: Sequence[Arrival]) -> None:
    """Print what landed: a row per commit and event type."""
    groups: dict[tuple[int, str], list[Arrival]] = {}
    for arrival in landed:
        groups.setdefault((arrival.sequence, arrival.view), []).append(arrival)
    screen.print_lines("")
    screen.print_table(
        None,
        ["commit", "landed at", "origin", "events", "days", "rows", "late by"],
        [
            (
                str(sequence),
                arrivals[0].landed_at.replace(microsecond=0),
                arrivals[0].origin,
                view,
                format_some_days(ranges(arrival.day for arrival in arrivals)),
                sum(arrival.rows for arrival in arrivals),
                format_lateness(arrivals),
            )
            for (sequence, view), arrivals in groups.items()
        ],
    )


def print_models(title: str, models: Iterable[ModelPlan], planned: Planned) -> None:
    """Print the models that are not up to date."""
    screen.print_table(
        title,
        ["model", "days", "keys", "events", "because"],
        [
            (
                model.table,
                format_some_days(model.days),
                "all" if model.from_nothing else planned.keys.get(model.model, "-"),
                model.rows,
                format_reasons(model),
            )
            for model in models
        ],
    )


def format_reasons(model: ModelPlan) -> str:
    """Why a model is derived; where its code changed, which parts of it."""
    reasons = list(model.why)
    if model.parts:
        reasons[reasons.index("its code changed")] = f"its code changed: {', '.join(model.parts)}"
    return "; ".join(reasons)


def format_some_days(days: Sequence[Days]) -> str:
    """A few ranges of days, or their number and bounds where there are more."""
    if len(days) <= SHOWN_RANGES:
        return format_days(days)
    return f"{sum(span.length for span in days):,} days in [{days[0].first}, {days[-1].end})"


def format_lateness(arrivals: Iterable[Arrival]) -> str:
    """How late the latest of them is; empty where none is."""
    late = max(arrival.late_days for arrival in arrivals)
    return format_count(late, "day") if late else ""


def format_corrections(plan: Plan) -> str:
    """The numbers of corrections by kind and status."""
    counts = Counter((correction.kind, correction.status) for correction in plan.corrections)
    return ", ".join(
        f"{number:,} that {kind} ({status.replace('_', ' ')})"
        for (kind, status), number in sorted(counts.items())
    )


def format_reading(planned: Planned) -> str:
    """How many events a build reads, and how long it takes."""
    return f"{format_count(planned.plan.rows, 'event')} to read, {format_duration(planned.expected)}"


def format_duration(expected: ExpectedDuration) -> str:
    """How long a build takes, and how that is known."""
    if expected.noted_builds:
        builds = format_count(expected.noted_builds, "earlier build")
        return f"about {expected.seconds:.0f} s by {builds}."
    return (
        f"about {expected.seconds:.0f} s, assuming {ASSUMED_START_SECONDS:.0f} s and "
        f"{ASSUMED_ROWS_PER_SECOND:,.0f} events per second: no build is noted yet."
    )


def print_estimate(estimate: Estimate) -> None:
    """Print what a replay would read, and how long it would take."""
    planned = estimate.planned
    screen.print_lines(f"{format_count(estimate.days, 'day')}: {format_events(estimate)}.")
    if planned.plan.models:
        print_models("It would derive:", planned.plan.models, planned)
    screen.print_lines(format_reading(planned))
    screen.print_note("Nothing was started.")


def format_events(estimate: Estimate) -> str:
    """The number of events of the days that are replayed, and of the files that hold them."""
    return f"{format_count(estimate.rows, 'event')} in {format_count(estimate.files, 'file')}"


def plan_to_json(planned: Planned) -> dict[str, object]:
    """The JSON report of a plan."""
    plan = planned.plan
    version = planned.version
    return {
        "published": None if version is None else {"version": version, "sequence": plan.served},
        "head": plan.head,
        "held_by": plan.holder,
        "is_nothing": plan.is_nothing,
        "landings": landings_to_json(plan.landed),
        "corrections": [
            {"kind": kind, "status": status, "events": number}
            for (kind, status), number in sorted(
                Counter((correction.kind, correction.status) for correction in plan.corrections).items()
            )
        ],
        "replays": [asdict(days) for days in plan.replays],
        "models": [model_to_json(model, planned) for model in plan.models],
        **duration_to_json(planned),
    }


def duration_to_json(planned: Planned) -> dict[str, object]:
    """The JSON report of how long a build takes."""
    expected = planned.expected
    return {
        "events_read": planned.plan.rows,
        "expected_seconds": round(expected.seconds, 1),
        "noted_builds": expected.noted_builds,
    }


def landings_to_json(landed: Iterable[Arrival]) -> list[dict[str, object]]:
    """What each commit brought."""
    commits: dict[int, tuple[str, datetime, list[tuple[str, date, int, int]]]] = {}
    for arrival in landed:
        _, _, days = commits.setdefault(arrival.sequence, (arrival.origin, arrival.landed_at, []))
        days.append((arrival.view, arrival.day, arrival.rows, arrival.late_days))
    return [
        {
            "sequence": sequence,
            "origin": origin,
            "landed_at": landed_at,
            "events": [
                {"events": view, "day": day, "rows": rows, "late_days": late}
                for view, day, rows, late in days
            ],
        }
        for sequence, (origin, landed_at, days) in commits.items()
    ]


def model_to_json(model: ModelPlan, planned: Planned) -> dict[str, object]:
    """The JSON report of a model."""
    return {
        "table": model.table,
        "days": [asdict(days) for days in model.days],
        "day_count": sum(days.length for days in model.days),
        "keys": planned.keys.get(model.model),
        "events": model.rows,
        "because": model.why,
        "from_nothing": model.from_nothing,
        "changed_code": model.parts,
    }


def estimate_to_json(estimate: Estimate, asked: Sequence[Days]) -> dict[str, object]:
    """The JSON report of an estimate."""
    planned = estimate.planned
    return {
        "days": estimate.days,
        "ranges": [asdict(days) for days in asked],
        "files": estimate.files,
        "events": estimate.rows,
        "models": [model_to_json(model, planned) for model in planned.plan.models],
        **duration_to_json(planned),
    }
