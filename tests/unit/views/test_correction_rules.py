"""Corrections at random: given events that name each other anyhow, expect what the rules of the page say.

Belongs here: properties, and proof that a broken rule breaks them. Not here: one case after the other
(`test_corrections`).
"""

import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from types import ModuleType

import pytest
from hypothesis import find, given, settings
from hypothesis import strategies as st

from event_archive.views import corrections
from event_archive.views.corrections import CORRECTS, VOIDS, Decision, Fact, decide
from support.hunting import examples
from support.standing import Rules

FIRST = datetime(2026, 1, 1, tzinfo=UTC)


def decided(*facts: Fact) -> Decision:
    return decide([event for event in facts if event.kind], [event for event in facts if not event.kind])


@st.composite
def families(draw: st.DrawFn) -> list[Fact]:
    """A few events that correct and void each other at random, also in one instant or by slow clocks."""
    count = draw(st.integers(1, 8))
    events = []
    for number in range(count):
        kind = draw(st.sampled_from([None, CORRECTS, VOIDS])) if number else None
        target_id = f"e{draw(st.integers(0, count))}" if kind else None
        moment = draw(st.integers(0, 4)) + draw(st.sampled_from([0, 0, 1, 5])) / 1440
        about = draw(st.sampled_from(["1", "1", "1", "2"]))
        verb = draw(st.sampled_from(["issued", "issued", "issued", "paid"]))
        at = FIRST + timedelta(days=moment)
        event = Fact("/billing", f"e{number}", "invoice", about, verb, at, at.date(), number, kind, target_id)
        events.append(event)
    return events


@given(families(), st.randoms())
def test_one_event_at_most_stands_in_each_place_whatever_the_order_of_arrival(
    facts: list[Fact], random: Random
) -> None:
    shuffled = sorted(facts, key=lambda _: random.random())
    result = decided(*facts)
    assert decided(*shuffled) == result
    corrected = [
        correction
        for correction in facts
        if correction.kind == CORRECTS and correction.key not in result.removed
    ]
    places = [place.key for correction in corrected if (place := result.place_of(correction.key))]
    assert len(places) == len(set(places)) == len(corrected), "and none that waits"
    assert all(place in result.removed for place in places)


def is_by_the_rules(facts: list[Fact], decide: Callable[..., Decision] = decide) -> bool:
    backwards = facts[::-1]
    result = decide(
        [event for event in backwards if event.kind], [event for event in backwards if not event.kind]
    )
    stands = [event for event in facts if event.key not in result.removed]
    found = {(event.key, (result.place_of(event.key) or event).key) for event in stands}
    return found == {(event.key, place.key) for event, place in Rules(facts).standing()}


@settings(max_examples=examples(400))
@given(families())
def test_what_stands_is_what_the_rules_say(facts: list[Fact]) -> None:
    assert is_by_the_rules(facts)


BROKEN_RULES = {
    "one of another object can be named": ("(target.object_type, target.object_id) != ", "() == "),
    "one of another type can be named": ("target.verb != fact.verb", "False"),
    "a later one can be named": ("LATER if target.occurred_at > fact.occurred_at + CLOCK_SKEW else ", ""),
    "clocks never disagree": (" + CLOCK_SKEW", ""),
    "what waits counts": ("|= {fact.key for fact in correcting}", "|= {fact.key for fact in in_order}"),
    "what names one that waits does not": (
        "reason = NAMES_WAITING\n\n",
        "reason, fact = None, correction\n\n",
    ),
    "what names another goes by its clock": (
        "max(fact.occurred_at, since), depth + 1",
        "fact.occurred_at, 1",
    ),
    "of one instant any is last": ("(fact.occurred_at, 1, fact.event_id)", '(fact.occurred_at, 1, "")'),
    "a void takes back corrections alone": ("fact.kind == CORRECTS or (", "fact.kind == CORRECTS or not ("),
    "what is taken back has its effect": ("if fact.key in taken_back:", "if False:"),
    "a void that is voided voids": (" and fact.key not in taken_back", ""),
}


@pytest.mark.parametrize("rule", BROKEN_RULES)
def test_a_broken_rule_is_found(rule: str) -> None:
    right, wrong = BROKEN_RULES[rule]
    source = Path(corrections.__file__).read_text()
    assert source.count(right) == 1, f"{rule}: the module reads otherwise by now; break it as it is"
    module = ModuleType("broken")
    sys.modules["broken"] = module
    exec(source.replace(right, wrong), module.__dict__)
    find(
        families(),
        lambda facts: not is_by_the_rules(facts, module.decide),
        settings=settings(max_examples=examples(5000), database=None),
    )


@given(families(), st.randoms())
def test_what_waits_changes_nothing_for_all_else(facts: list[Fact], random: Random) -> None:
    everything = decided(*facts)
    waiting = [event for event in facts if event.key in everything.reasons]
    left = [event for event in facts if event not in waiting]
    without = decided(*left)
    assert without.removed == everything.removed - everything.reasons.keys()
    assert without.chains == everything.chains
    assert without.statuses == {
        key: status for key, status in everything.statuses.items() if key not in everything.reasons
    }


@given(families(), st.data())
def test_what_took_effect_does_not_wait_again_whatever_else_lands(
    facts: list[Fact], data: st.DataObject
) -> None:
    before = decided(*facts[: data.draw(st.integers(0, len(facts)))])
    assert before.chains.items() <= decided(*facts).chains.items()
