"""What a build would do, in words and as JSON: for `refresh --dry-run` and `replay --estimate`.

Belongs here: the reports of plans. Not here: the plans (`orchestration.planning.estimate`,
`refresh_plan`), options.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import date, datetime

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
NOTHING_DONE = "Nothing was written."


def tell_plan(planned: Planned) -> None:
    """Say what a refresh would do."""
    plan = planned.plan
    screen.tell(*situation(planned))
    if plan.is_nothing:
        screen.tell("Nothing new: a refresh would derive what is published already.")
        return
    if plan.landed:
        tell_landed(plan.landed)
    if plan.corrections:
        screen.tell("", f"Corrections among them: {corrections(plan)}.")
    if plan.replays:
        screen.tell(
            "",
            f"Days still to be replayed, because a replay was killed or failed: {format_days(plan.replays)}",
        )
    screen.tell("")
    if plan.models:
        tell_models("A refresh would derive:", plan.models, planned)
    else:
        screen.tell("No model is derived from what landed, or all of it is derived but not published yet.")
    screen.tell(
        "", f"{plan.rows:,} events to read, {duration(planned.expected)} All reports and tests follow."
    )
    screen.say(NOTHING_DONE)


def situation(planned: Planned) -> list[str]:
    """Say what is served, how far the log is, and who builds meanwhile."""
    plan, said = planned.plan, []
    if planned.version is None:
        said.append(f"Nothing is published yet. The log goes up to commit {plan.head}.")
    else:
        ahead = plan.head - plan.served
        since = f"; {screen.counted(ahead, 'commit')} landed since" if ahead else ", as the log does"
        said.append(f"Version {planned.version} is published, up to commit {plan.served}{since}.")
    if plan.holder is not None:
        said.append(
            f"The warehouse is held by {plan.holder}: what that has derived can't be seen, so this starts "
            "from what is published."
        )
    return said


def tell_landed(landed: Sequence[Arrival]) -> None:
    """List what landed: a row per commit and event type."""
    groups: dict[tuple[int, str], list[Arrival]] = {}
    for one in landed:
        groups.setdefault((one.sequence, one.view), []).append(one)
    screen.tell("")
    screen.table(
        None,
        ["commit", "landed at", "origin", "events", "days", "rows", "late by"],
        [
            (
                str(sequence),
                arrived[0].landed_at.replace(microsecond=0),
                arrived[0].origin,
                view,
                shown_days(ranges(one.day for one in arrived)),
                sum(one.rows for one in arrived),
                lateness(arrived),
            )
            for (sequence, view), arrived in groups.items()
        ],
    )


def tell_models(title: str, models: Iterable[ModelPlan], planned: Planned) -> None:
    """List the models that are not up to date."""
    screen.table(
        title,
        ["model", "days", "keys", "events", "because"],
        [
            (
                one.table,
                shown_days(one.days),
                "all" if one.from_nothing else f"{planned.keys.get(one.model, 0):,}",
                one.rows,
                because(one),
            )
            for one in models
        ],
    )


def because(one: ModelPlan) -> str:
    """Say why a model is derived, and by which parts of its code."""
    reasons = list(one.why)
    if one.parts:
        reasons[reasons.index("its code changed")] = f"its code changed: {', '.join(one.parts)}"
    return "; ".join(reasons)


def shown_days(days: Sequence[Days]) -> str:
    """Name a few ranges, and count the days where there are more."""
    number = sum(one.length for one in days)
    if len(days) <= SHOWN_RANGES:
        return format_days(days)
    return f"{number:,} days in [{days[0].first}, {days[-1].end})"


def lateness(arrived: Iterable[Arrival]) -> str:
    """Say how late the latest of them is."""
    late = max(one.late_days for one in arrived)
    return screen.counted(late, "day") if late else ""


def corrections(plan: Plan) -> str:
    """Count corrections by what they do and whether they do it."""
    counts = Counter((one.kind, one.status) for one in plan.corrections)
    return ", ".join(
        f"{number:,} that {kind} ({status.replace('_', ' ')})"
        for (kind, status), number in sorted(counts.items())
    )


def duration(expected: ExpectedDuration) -> str:
    """Say how long it takes, and how that is known."""
    if expected.noted_builds:
        return f"about {expected.seconds:.0f} s by {screen.counted(expected.noted_builds, 'earlier build')}."
    return (
        f"about {expected.seconds:.0f} s, assuming {ASSUMED_START_SECONDS:.0f} s and "
        f"{ASSUMED_ROWS_PER_SECOND:,.0f} events per second: no build is noted yet."
    )


def tell_estimate(estimate: Estimate) -> None:
    """Say what a replay would read, and how long it would take."""
    planned = estimate.planned
    screen.tell(f"{screen.counted(estimate.days, 'day')}: {events_of(estimate)}.")
    if planned.plan.models:
        tell_models("It would derive:", planned.plan.models, planned)
    screen.tell(f"{planned.plan.rows:,} events to read, {duration(planned.expected)}")
    screen.say("Nothing was started.")


def events_of(estimate: Estimate) -> str:
    """Count the events of the days that are replayed, and the files that hold them."""
    return f"{screen.counted(estimate.rows, 'event')} in {screen.counted(estimate.files, 'file')}"


def plan_record(planned: Planned) -> dict[str, object]:
    """Give the JSON report of a plan."""
    plan = planned.plan
    version = planned.version
    return {
        "published": None if version is None else {"version": version, "sequence": plan.served},
        "head": plan.head,
        "held_by": plan.holder,
        "is_nothing": plan.is_nothing,
        "landings": landings(plan.landed),
        "corrections": [
            {"kind": kind, "status": status, "events": number}
            for (kind, status), number in sorted(
                Counter((one.kind, one.status) for one in plan.corrections).items()
            )
        ],
        "replays": [asdict(one) for one in plan.replays],
        "models": [model_record(one, planned) for one in plan.models],
        **duration_record(planned),
    }


def duration_record(planned: Planned) -> dict[str, object]:
    """Give the JSON report of how long a build takes."""
    expected = planned.expected
    return {
        "events_read": planned.plan.rows,
        "expected_seconds": round(expected.seconds, 1),
        "noted_builds": expected.noted_builds,
    }


def landings(landed: Iterable[Arrival]) -> list[dict[str, object]]:
    """Give what each commit brought."""
    found: dict[int, tuple[str, datetime, list[tuple[str, date, int, int]]]] = {}
    for one in landed:
        _, _, brought = found.setdefault(one.sequence, (one.origin, one.landed_at, []))
        brought.append((one.view, one.day, one.rows, one.late_days))
    return [
        {
            "sequence": sequence,
            "origin": origin,
            "landed_at": landed_at,
            "events": [
                {"events": view, "day": day, "rows": rows, "late_days": late}
                for view, day, rows, late in brought
            ],
        }
        for sequence, (origin, landed_at, brought) in found.items()
    ]


def model_record(one: ModelPlan, planned: Planned) -> dict[str, object]:
    """Give the JSON report of one model."""
    return {
        "table": one.table,
        "days": [asdict(days) for days in one.days],
        "day_count": sum(days.length for days in one.days),
        "keys": planned.keys.get(one.model),
        "events": one.rows,
        "because": one.why,
        "from_nothing": one.from_nothing,
        "changed_code": one.parts,
    }


def estimate_record(estimate: Estimate, asked: Sequence[Days]) -> dict[str, object]:
    """Give the JSON report of an estimate."""
    planned = estimate.planned
    return {
        "days": estimate.days,
        "ranges": [asdict(one) for one in asked],
        "files": estimate.files,
        "events": estimate.rows,
        "models": [model_record(one, planned) for one in planned.plan.models],
        **duration_record(planned),
    }
