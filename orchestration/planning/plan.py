"""What a refresh or a replay would derive, and why: from the log, dbt's graph and how the warehouse stands.

Belongs here: pure functions from these to a plan. Not here: reading them (`warehouse_state`, `touched`), and
wording a plan (`command_line.plans`). It says beforehand what dbt's macros `keys_to_derive` and
`should_full_refresh` decide in the build.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from event_archive.registry.contract import Contracts
from event_archive.store.commit import Commit
from orchestration.dbt.graph import Manifest, Node, facts, is_daily, models, table_of, views_of
from orchestration.planning.arrivals import Arrival, arrivals
from orchestration.warehouse.model_code import changed_since
from orchestration.warehouse.requests import EVERYTHING, Days, ranges
from orchestration.warehouse.state import WarehouseState


@dataclass(frozen=True)
class Correction:
    """An event that corrects or voids another, and the day on which that takes effect, if it does."""

    kind: str
    status: str
    object_type: str
    object_id: str
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
        return sum(one.rows for one in self.models if one.is_fact)

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
    """Tell what a build would do; `served`: up to which commit the served dataset goes.

    `replay`: days that it is asked for besides those that the warehouse already was.
    """
    every, known = arrivals(commits, contracts), tuple(corrections)
    days = (*state.replays, *replay)
    changed = {one.model: one.parts for one in changed_since(state.noted, manifest, contracts)}
    all_again = from_nothing or EVERYTHING in state.again or not state.goes_forward
    found = []
    known_facts = facts(manifest)
    for unique_id, node in models(manifest).items():
        is_fact = unique_id in known_facts
        if not (is_fact or is_daily(node)):
            continue
        again = all_again or unique_id in state.again or unique_id in changed
        after = state.read_until.get(unique_id) if is_fact and state.holder is None else served
        views = views_of(manifest, unique_id)
        one = model_plan(
            unique_id,
            node,
            [arrival for arrival in every if arrival.view in views],
            of_objects(manifest, contracts, unique_id, known),
            after=after,
            is_fact=is_fact,
            replays=days,
            again=again,
            parts=changed.get(unique_id, ()),
        )
        if one.rows or one.why:
            found.append(one)
    landed = tuple(one for one in every if one.sequence > served)
    new = tuple(one for one in known if one.known_sequence > served)
    head = commits[-1].sequence if commits else 0
    models_planned = tuple(sorted(found, key=lambda one: one.table))
    return Plan(head, served, state.holder, landed, new, days, models_planned)


def model_plan(
    unique_id: str,
    node: Node,
    feeding: Sequence[Arrival],
    corrections: Sequence[Correction],
    *,
    after: int | None,
    is_fact: bool,
    replays: Sequence[Days],
    again: bool,
    parts: tuple[str, ...],
) -> ModelPlan:
    """Plan one model; `feeding`: all that ever arrived for it. `after` is None where it was never built."""
    from_nothing = again or after is None
    until = 0 if after is None else after
    new = [one for one in feeding if one.sequence > until]
    placed = corrected_days(corrections, until)
    replayed = [one for one in feeding if any(one.day in days for days in replays)]
    why = [
        *(["not built yet"] if after is None else []),
        *(["its code changed"] if parts else []),
        *(["all of it is still to be derived again"] if again and not parts and after is not None else []),
        *(["events landed"] if new and after is not None else []),
        *(["corrections took effect"] if placed and after is not None else []),
        *(["days are replayed"] if replayed else []),
    ]
    if from_nothing:
        read, days = list(feeding), {one.day for one in feeding}
    else:
        read = list({id(one): one for one in [*new, *replayed]}.values())
        days = {one.day for one in read} | placed
    return ModelPlan(
        unique_id,
        table_of(node),
        tuple(ranges(days)),
        sum(one.rows for one in read),
        tuple(why),
        until,
        is_fact,
        from_nothing or not is_fact,
        parts,
    )


def object_types(manifest: Manifest, contracts: Contracts, unique_id: str) -> set[str]:
    """Name the types of the objects whose events feed a model."""
    views = views_of(manifest, unique_id)
    return {contract.object_type for contract in contracts.newest() if contract.view_name in views}


def of_objects(
    manifest: Manifest, contracts: Contracts, unique_id: str, corrections: Iterable[Correction]
) -> list[Correction]:
    """Keep the corrections about objects whose events feed a model."""
    types = object_types(manifest, contracts, unique_id)
    return [one for one in corrections if one.object_type in types]


def corrected_days(corrections: Iterable[Correction], after: int) -> set[date]:
    """List the days on which corrections take effect that became known after a sequence."""
    return {one.place_date for one in corrections if one.known_sequence > after and one.place_date}
