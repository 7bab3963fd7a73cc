"""What a refresh or a replay would derive, and why: from the log, dbt's graph and the state of the warehouse.

Belongs here: pure functions from these to a plan. Not here: reading them (`warehouse.state`,
`key_counts`), and how a plan is shown (`command_line.derive.plan_report`). It says beforehand what dbt's
macros `find_keys_to_derive` and `noted_of_fact` decide in the build.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from event_archive.registry.contract import ALL_EVENTS, Contracts
from event_archive.store.commit import Commit
from orchestration.dbt.graph import Manifest, Node, is_daily, is_fact, models, table_of, views_of
from orchestration.planning.arrivals import Arrival, arrivals
from orchestration.warehouse.model_code import changed_since
from orchestration.warehouse.requests import EVERYTHING, Days, ranges
from orchestration.warehouse.state import WarehouseState


@dataclass(frozen=True)
class Correction:
    """An event that corrects or voids another, and the day on which that takes effect, if it does.

    `view`: the one that shows both, as they are of one type.
    """

    kind: str
    status: str
    view: str
    place_date: date | None
    known_sequence: int


@dataclass(frozen=True)
class ModelPlan:
    """One model that is not up to date. `days`: of the events for which it is derived again.

    `why`: in plain words. `parts`: the code that is not as it was. `after`: the sequence up to which it has
    read. `rows`: the events that it reads because of all this. What is no fact is built from nothing always.
    """

    model: str
    table: str
    days: tuple[Days, ...]
    rows: int
    why: tuple[str, ...]
    after: int
    is_fact: bool
    from_nothing: bool
    parts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Plan:
    """What a build up to commit `head` would do. `landed`: what the served dataset does not hold yet."""

    head: int
    served: int
    holder: str | None
    landed: tuple[Arrival, ...]
    corrections: tuple[Correction, ...]
    replays: tuple[Days, ...]
    models: tuple[ModelPlan, ...]

    @property
    def rows(self) -> int:
        """How many events facts read in it."""
        return sum(model.rows for model in self.models if model.is_fact)

    @property
    def is_nothing(self) -> bool:
        """Whether it would derive what is there already."""
        return self.head == self.served and not self.models


def plan(
    manifest: Manifest,
    contracts: Contracts,
    commits: Sequence[Commit],
    state: WarehouseState,
    *,
    served: int,
    corrections: Iterable[Correction] = (),
    replay: Iterable[Days] = (),
    from_nothing: bool = False,
) -> Plan:
    """Return what a build would do; `served`: up to which commit the served dataset goes.

    `replay`: days that it is asked for besides those that the warehouse already was.
    """
    all_arrivals, all_corrections = arrivals(commits, contracts), tuple(corrections)
    days = (*state.replays, *replay)
    changed = {fact.model: fact.parts for fact in changed_since(state.parts, manifest, contracts)}
    rebuild_all = from_nothing or EVERYTHING in state.rebuilds or not state.goes_forward
    planned = []
    for unique_id, node in models(manifest).items():
        if not (is_fact(node) or is_daily(node)):
            continue
        views = views_of(manifest, unique_id)
        model = model_plan(
            unique_id,
            node,
            [arrival for arrival in all_arrivals if arrival.view in views],
            of_views(views, all_corrections),
            after=state.read_until.get(unique_id) if is_fact(node) and state.holder is None else served,
            replays=days,
            rebuild=rebuild_all or unique_id in state.rebuilds or unique_id in changed,
            parts=changed.get(unique_id, ()),
        )
        if model.rows or model.why:
            planned.append(model)
    return Plan(
        head=commits[-1].sequence if commits else 0,
        served=served,
        holder=state.holder,
        landed=tuple(arrival for arrival in all_arrivals if arrival.sequence > served),
        corrections=tuple(correction for correction in all_corrections if correction.known_sequence > served),
        replays=days,
        models=tuple(sorted(planned, key=lambda model: model.table)),
    )


def model_plan(
    unique_id: str,
    node: Node,
    feeding: Sequence[Arrival],
    corrections: Sequence[Correction],
    *,
    after: int | None,
    replays: Sequence[Days],
    rebuild: bool,
    parts: tuple[str, ...],
) -> ModelPlan:
    """Plan one model; `feeding`: all that ever arrived for it. `after` is None where it was never built."""
    from_nothing = rebuild or after is None
    until = 0 if after is None else after
    new = [arrival for arrival in feeding if arrival.sequence > until]
    corrected = corrected_days(corrections, until)
    replayed = [arrival for arrival in feeding if any(arrival.day in days for days in replays)]
    why = [
        *(["not built yet"] if after is None else []),
        *(["its code changed"] if parts else []),
        *(["all of it is still to be derived again"] if rebuild and not parts and after is not None else []),
        *(["events landed"] if new and after is not None else []),
        *(["corrections took effect"] if corrected and after is not None else []),
        *(["days are replayed"] if replayed else []),
    ]
    if from_nothing:
        read, days = list(feeding), {arrival.day for arrival in feeding}
    else:
        read = list({id(arrival): arrival for arrival in [*new, *replayed]}.values())
        days = {arrival.day for arrival in read} | corrected
    return ModelPlan(
        unique_id,
        table_of(node),
        tuple(ranges(days)),
        sum(arrival.rows for arrival in read),
        tuple(why),
        until,
        is_fact(node),
        from_nothing or not is_fact(node),
        parts,
    )


def of_views(views: Collection[str], corrections: Iterable[Correction]) -> list[Correction]:
    """The corrections of events of these views."""
    return [correction for correction in corrections if {correction.view, ALL_EVENTS} & {*views}]


def corrected_days(corrections: Iterable[Correction], after: int) -> set[date]:
    """The days on which corrections take effect that became known after a sequence."""
    return {
        correction.place_date
        for correction in corrections
        if correction.known_sequence > after and correction.place_date
    }
