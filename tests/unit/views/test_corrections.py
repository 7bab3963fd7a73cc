"""Which events stand, where later ones correct or void earlier ones: given these, expect those."""

from datetime import UTC, datetime, timedelta
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from event_archive.views.corrections import (
    CORRECTS,
    IN_EFFECT,
    SUPERSEDED,
    TAKEN_BACK,
    UNMATCHED,
    VOIDS,
    Decision,
    Fact,
    decide,
)

FIRST = datetime(2026, 1, 1, tzinfo=UTC)


def fact(
    event_id: str, day: int, kind: str | None = None, target_id: str | None = None, about: str = "1"
) -> Fact:
    moment = FIRST + timedelta(days=day)
    return Fact("/billing", event_id, "invoice", about, moment, moment.date(), day + 1, kind, target_id)


def decided(*facts: Fact) -> Decision:
    return decide([event for event in facts if event.kind], [event for event in facts if not event.kind])


def in_effect(*facts: Fact) -> list[str]:
    removed = {event_id for _, event_id in decided(*facts).removed}
    return [event.event_id for event in facts if event.event_id not in removed and event.kind != VOIDS]


def statuses(*facts: Fact) -> dict[str, str]:
    return {event_id: status for (_, event_id), status in decided(*facts).statuses.items()}


ISSUED = fact("issued", 0)
CORRECTED = fact("corrected", 5, CORRECTS, "issued")


def test_a_correction_stands_in_the_place_of_what_it_names() -> None:
    assert in_effect(ISSUED, CORRECTED) == ["corrected"]
    assert decided(ISSUED, CORRECTED).places["/billing", "corrected"] == ISSUED


def test_the_last_of_several_corrections_stands_whichever_it_names() -> None:
    by_original = fact("again", 7, CORRECTS, "issued")
    by_correction = fact("again", 7, CORRECTS, "corrected")
    for again in (by_original, by_correction):
        assert in_effect(ISSUED, CORRECTED, again) == ["again"]
        assert decided(ISSUED, CORRECTED, again).places["/billing", "again"] == ISSUED
        assert statuses(ISSUED, CORRECTED, again) == {"corrected": SUPERSEDED, "again": IN_EFFECT}


def test_a_voided_event_does_not_stand_nor_does_what_stood_in_its_place() -> None:
    void = fact("void", 9, VOIDS, "issued")
    assert in_effect(ISSUED, void) == []
    assert in_effect(ISSUED, CORRECTED, void) == []


def test_a_correction_after_the_void_stands() -> None:
    assert in_effect(ISSUED, fact("void", 3, VOIDS, "issued"), CORRECTED) == ["corrected"]


def test_a_correction_that_is_voided_leaves_what_it_corrected() -> None:
    void = fact("void", 9, VOIDS, "corrected")
    assert in_effect(ISSUED, CORRECTED, void) == ["issued"]
    assert statuses(ISSUED, CORRECTED, void) == {"corrected": TAKEN_BACK, "void": IN_EFFECT}


def test_a_void_that_is_voided_has_no_effect() -> None:
    void, back = fact("void", 2, VOIDS, "issued"), fact("back", 3, VOIDS, "void")
    assert in_effect(ISSUED, void, back) == ["issued"]
    assert in_effect(ISSUED, void, back, fact("no", 4, VOIDS, "back")) == []


def test_what_names_nothing_stands_by_itself_until_it_does() -> None:
    assert in_effect(CORRECTED) == ["corrected"]
    assert statuses(CORRECTED, fact("void", 3, VOIDS, "nothing")) == {
        "corrected": UNMATCHED,
        "void": UNMATCHED,
    }
    assert in_effect(CORRECTED, fact("void", 9, VOIDS, "corrected")) == []


def test_only_an_earlier_event_about_the_same_object_can_be_named() -> None:
    other = fact("corrected", 5, CORRECTS, "issued", about="2")
    later = fact("issued", 6)
    assert in_effect(ISSUED, other) == ["issued", "corrected"]
    assert in_effect(later, CORRECTED) == ["issued", "corrected"]
    at_once = fact("at-once", 0, CORRECTS, "issued")
    assert in_effect(ISSUED, at_once) == ["at-once"]


def test_two_that_name_each_other_do_not_both_count() -> None:
    first, second = fact("one", 3, VOIDS, "other"), fact("other", 3, VOIDS, "one")
    assert statuses(first, second) == {"one": UNMATCHED, "other": IN_EFFECT}


@st.composite
def families(draw: st.DrawFn) -> list[Fact]:
    """A few events of one object that correct and void each other at random, also in one instant."""
    count = draw(st.integers(1, 8))
    events = []
    for number in range(count):
        kind = draw(st.sampled_from([None, CORRECTS, VOIDS])) if number else None
        target_id = f"e{draw(st.integers(0, count - 1))}" if kind else None
        events.append(fact(f"e{number}", draw(st.integers(0, 4)), kind, target_id))
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
    places = [
        result.places[correction.key].key for correction in corrected if correction.key in result.places
    ]
    assert len(places) == len(set(places))
    assert all(place in result.removed for place in places)
