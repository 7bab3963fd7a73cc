"""What the billing service gets wrong, and how it mends that: by later events that name the wrong ones.

Here: invoices with a wrong price, corrected weeks later; payments booked twice, of which the second is
voided; and events that were counted but never sent. Not here: what is right (see `billing`), nor what goes
wrong on the way (see `faults`). Everything is drawn from a stream of its own, so all other events are as
without mistakes.

Two of the mistakes are always there, for those who look them up in the middle: an invoice for January is
wrong until 5 March, and from 28 February to 4 March another one seems to have been paid twice.
"""

from collections import defaultdict
from collections.abc import Callable
from datetime import date
from typing import Any

import orjson

from .draw import Draw
from .scenario import Scenario
from .wire import DAY, HOUR, Event, day_of, day_start, make_event

ISSUED, REMINDED, PAID = "invoice.issued.v1", "invoice.reminded.v1", "invoice.paid.v1"
# The field by which an event of each type says what is owed or paid.
_AMOUNTS = {ISSUED: "total_minor", REMINDED: "open_minor", PAID: "amount_minor"}
_ISSUED_ON, _CORRECTED_ON = date(2026, 2, 1), date(2026, 3, 5)
_BOOKED_AGAIN_ON, _VOIDED_ON = date(2026, 2, 28), date(2026, 3, 4)
# For so many customers, one mistake of each kind that is mended, and one event that is never sent.
_CUSTOMERS_PER_MISTAKE, _CUSTOMERS_PER_LOSS = 15, 60
# Longer than that nothing stays wrong; what could still be wrong at the end of the simulation never is.
_LONGEST_WRONG, _LONGEST_TWICE = 36 * DAY, 15 * DAY

Record = dict[str, Any]
Story = list[Event]
"""The events of one invoice, in order of time."""


def make_mistakes(scenario: Scenario, events: list[Event]) -> list[Event]:
    """Return the events of the billing service with its mistakes in them, and with what mends these."""
    draw = Draw(scenario.seed, "mistakes")
    stories: defaultdict[str, Story] = defaultdict(list)
    for event in events:
        stories[orjson.loads(event.line)["object"]].append(event)
    flawless = [name for name, story in stories.items() if story[0].type == ISSUED]
    for number in range(max(1, scenario.customers // _CUSTOMERS_PER_MISTAKE)):
        is_known = number == 0
        fitting = [name for name in flawless if _can_be_wrong(scenario, stories[name], is_known)]
        for name in _chosen(draw, flawless, fitting):
            stories[name] = _with_wrong_price(draw, stories[name], is_known)
        fitting = [name for name in flawless if _can_be_paid_twice(scenario, stories[name], is_known)]
        for name in _chosen(draw, flawless, fitting):
            stories[name] = _with_second_payment(draw, stories[name], is_known)
    for _ in range(max(1, scenario.customers // _CUSTOMERS_PER_LOSS)):
        fitting = [name for name in flawless if _is_paid_before(scenario.end, stories[name])]
        for name in _chosen(draw, flawless, fitting):
            stories[name] = _with_one_never_sent(stories[name])
    return [event for story in stories.values() for event in story]


def _chosen(draw: Draw, flawless: list[str], fitting: list[str]) -> list[str]:
    """Take one of the invoices that fit: no invoice has two mistakes. None where none fits."""
    chosen = [draw.pick(fitting)] if fitting else []
    for name in chosen:
        flawless.remove(name)
    return chosen


def _can_be_wrong(scenario: Scenario, story: Story, is_known: bool) -> bool:
    if is_known:
        return day_of(story[0].at) == _ISSUED_ON and day_start(_CORRECTED_ON) + DAY <= scenario.end
    return story[0].at + _LONGEST_WRONG <= scenario.end


def _with_wrong_price(draw: Draw, story: Story, is_known: bool) -> Story:
    """Let an invoice name a wrong price, and the customer believe it, until it is corrected."""
    issued = story[0]
    day = day_start(_CORRECTED_ON) if is_known else issued.at + draw.whole(14 * DAY, _LONGEST_WRONG - DAY)
    corrected_at = _office_hour(draw, day)
    right = orjson.loads(issued.line)["data"]
    place = draw.whole(0, len(right["lines"]))
    rise = draw.pick((-1, 1, 2)) if right["lines"][place]["unit_price_minor"] > 1 else 1
    change = rise * right["lines"][place]["word_count"]

    def misprice(record: Record) -> None:
        if record["type"] == ISSUED:
            line = record["data"]["lines"][place]
            line["unit_price_minor"] += rise
            line["amount_minor"] += change
        record["data"][_AMOUNTS[record["type"]]] += change

    wrong = [_changed(event, misprice) if event.at < corrected_at else event for event in story]
    return _counted([*wrong, _mending(draw, issued, corrected_at, corrects=issued.id)])


def _can_be_paid_twice(scenario: Scenario, story: Story, is_known: bool) -> bool:
    if is_known:
        is_in_time = day_of(story[0].at) == _ISSUED_ON and _is_paid_before(day_start(_BOOKED_AGAIN_ON), story)
        return is_in_time and day_start(_VOIDED_ON) + DAY <= scenario.end
    return _is_paid_before(scenario.end - _LONGEST_TWICE, story)


def _with_second_payment(draw: Draw, story: Story, is_known: bool) -> Story:
    """Book a payment twice, and void the second booking."""
    paid = story[-1]
    again = day_start(_BOOKED_AGAIN_ON) if is_known else paid.at + draw.whole(1, 4) * DAY
    voided = day_start(_VOIDED_ON) if is_known else again + draw.whole(2, 10) * DAY
    second = _mending(draw, paid, _office_hour(draw, again))
    return _counted([*story, second, _mending(draw, paid, _office_hour(draw, voided), voids=second.id)])


def _is_paid_before(moment: int, story: Story) -> bool:
    return story[-1].type == PAID and story[-1].at < moment


def _with_one_never_sent(story: Story) -> Story:
    """Count an event before the payment that never leaves the service: its version is missing."""
    return [*story[:-1], _changed(story[-1], lambda record: record.update(objectversion=len(story) + 1))]


def _office_hour(draw: Draw, day: int) -> int:
    return day - day % DAY + draw.whole(8 * HOUR, 16 * HOUR)


def _mending(draw: Draw, like: Event, at: int, **names: str) -> Event:
    """Make an event that says what another one says, at another time; `names` what it corrects or voids."""
    record = orjson.loads(like.line)
    actor, object_, data = record["actor"], record["object"], record["data"]
    event = make_event(draw, like.service, like.type, at, actor=actor, object_=object_, data=data, version=1)
    return _changed(event, lambda record: record.update(names))._replace(is_mending=True)


def _counted(story: Story) -> Story:
    """Put the events of an invoice in order of time, and count them anew."""
    return [
        _changed(event, lambda record, number=number: record.update(objectversion=number))  # type: ignore[misc]
        for number, event in enumerate(sorted(story, key=lambda event: event.at), 1)
    ]


def _changed(event: Event, change: Callable[[Record], object]) -> Event:
    record: Record = orjson.loads(event.line)
    change(record)
    return event._replace(line=orjson.dumps(record))
