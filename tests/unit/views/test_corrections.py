"""Which events stand, where later ones correct or void earlier ones: given these, expect those."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from event_archive.limits import CLOCK_SKEW
from event_archive.views.corrections import (
    ANOTHER_OBJECT,
    ANOTHER_TYPE,
    CIRCLE,
    CORRECTS,
    IN_EFFECT,
    LATER,
    NAMES_WAITING,
    NOT_LANDED,
    SUPERSEDED,
    TAKEN_BACK,
    VOIDS,
    WAITING,
    Decision,
    Fact,
    decide,
)

FIRST = datetime(2026, 1, 1, tzinfo=UTC)


def fact(
    event_id: str, day: float, kind: str | None = None, target_id: str | None = None, about: str = "1"
) -> Fact:
    moment = FIRST + timedelta(days=day)
    sequence = int(day) + 1
    return Fact(
        "/billing", event_id, "invoice", about, "issued", moment, moment.date(), sequence, kind, target_id
    )


def decided(*facts: Fact) -> Decision:
    return decide([event for event in facts if event.kind], [event for event in facts if not event.kind])


def in_effect(*facts: Fact) -> list[str]:
    removed = {event_id for _, event_id in decided(*facts).removed}
    return [event.event_id for event in facts if event.event_id not in removed]


def statuses(*facts: Fact) -> dict[str, str]:
    return {event_id: status for (_, event_id), status in decided(*facts).statuses.items()}


def reasons(*facts: Fact) -> dict[str, str]:
    return {event_id: reason for (_, event_id), reason in decided(*facts).reasons.items()}


def known_at(event_id: str, *facts: Fact) -> int:
    return decided(*facts).chains["/billing", event_id].known_sequence


ISSUED = fact("issued", 0)
CORRECTED = fact("corrected", 5, CORRECTS, "issued")


def test_a_correction_stands_in_the_place_of_what_it_names() -> None:
    assert in_effect(ISSUED, CORRECTED) == ["corrected"]
    assert decided(ISSUED, CORRECTED).place_of(CORRECTED.key) == ISSUED


def test_the_last_of_several_corrections_stands_whichever_it_names() -> None:
    by_original = fact("again", 7, CORRECTS, "issued")
    by_correction = fact("again", 7, CORRECTS, "corrected")
    for again in (by_original, by_correction):
        assert in_effect(ISSUED, CORRECTED, again) == ["again"]
        assert decided(ISSUED, CORRECTED, again).place_of(again.key) == ISSUED
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


def test_what_names_nothing_that_is_there_waits_and_counts_as_nothing() -> None:
    assert in_effect(CORRECTED) == []
    assert statuses(CORRECTED, fact("void", 3, VOIDS, "nothing")) == {"corrected": WAITING, "void": WAITING}
    assert reasons(CORRECTED) == {"corrected": NOT_LANDED}
    assert in_effect(CORRECTED, ISSUED) == ["corrected"], "it takes effect when what it names lands"


def test_what_names_a_waiting_correction_waits_with_it() -> None:
    void, again = fact("void", 9, VOIDS, "corrected"), fact("again", 10, CORRECTS, "void")
    assert in_effect(CORRECTED, void, again) == []
    assert reasons(CORRECTED, void, again) == {
        "corrected": NOT_LANDED,
        "void": NAMES_WAITING,
        "again": NAMES_WAITING,
    }
    assert in_effect(CORRECTED, void, ISSUED) == ["issued"]
    assert in_effect(CORRECTED, void, again, ISSUED) == ["again"]


def test_only_an_event_of_the_same_object_and_type_can_be_named() -> None:
    other = fact("corrected", 5, CORRECTS, "issued", about="2")
    paid = replace(CORRECTED, verb="paid")
    elsewhere = replace(CORRECTED, source="/core")
    assert in_effect(ISSUED, other) == in_effect(ISSUED, paid) == in_effect(ISSUED, elsewhere) == ["issued"]
    assert reasons(ISSUED, other) == {"corrected": ANOTHER_OBJECT}
    assert reasons(ISSUED, paid) == {"corrected": ANOTHER_TYPE}
    assert reasons(ISSUED, elsewhere) == {"corrected": NOT_LANDED}


def test_a_later_event_can_be_named_as_far_as_two_clocks_may_disagree() -> None:
    at_once = fact("corrected", 0, CORRECTS, "issued")
    skewed = replace(at_once, occurred_at=FIRST - CLOCK_SKEW)
    earlier = replace(at_once, occurred_at=FIRST - CLOCK_SKEW - timedelta(microseconds=1))
    assert in_effect(ISSUED, at_once) == in_effect(ISSUED, skewed) == ["corrected"]
    assert in_effect(ISSUED, earlier) == ["issued"]
    assert reasons(ISSUED, earlier) == {"corrected": LATER}


def test_what_names_a_correction_comes_after_it_whatever_its_clock_says() -> None:
    again = replace(fact("again", 5, CORRECTS, "corrected"), occurred_at=CORRECTED.occurred_at - CLOCK_SKEW)
    assert in_effect(ISSUED, CORRECTED, again) == ["again"]
    back = replace(again, kind=VOIDS)
    assert in_effect(ISSUED, CORRECTED, back) == ["issued"]
    between = replace(again, event_id="between", target_id="issued")
    assert in_effect(ISSUED, CORRECTED, between) == ["corrected"]


def test_those_that_name_each_other_and_what_names_them_wait() -> None:
    first, second = fact("one", 3, VOIDS, "other"), fact("other", 3, CORRECTS, "one")
    third = fact("third", 4, VOIDS, "one")
    assert reasons(third, first, second) == {"one": CIRCLE, "other": CIRCLE, "third": NAMES_WAITING}
    assert reasons(second, first, third) == reasons(third, first, second)
    assert in_effect(first, second, third) == []


def test_a_chain_is_known_with_the_last_event_of_it_that_lands() -> None:
    original, void = replace(ISSUED, sequence=9), fact("void", 7, VOIDS, "corrected")
    assert known_at("corrected", ISSUED, CORRECTED, void) == 6
    assert known_at("void", ISSUED, CORRECTED, void) == 8
    assert known_at("corrected", original, CORRECTED, void) == 9
    assert known_at("void", original, CORRECTED, void) == 9
    changed = {
        event_id: sequence for (_, event_id), sequence in decided(ISSUED, CORRECTED, void).changed.items()
    }
    assert changed == {"issued": 8, "corrected": 8, "void": 8}
