"""The events that say who takes part, and how that changes: accounts, editors, engines, price lists.

Here: one function per kind of party. Not here: what the parties do with each other (see `translations`,
`billing`).
"""

from datetime import timedelta
from itertools import pairwise
from typing import Any

from .draw import Draw
from .parties import Customer, Editor, Engine, Pair, PriceList
from .scenario import Scenario
from .wire import DAY, HOUR, Event, day_of, make_event

_FIRST = ("Aster", "Birch", "Cobalt", "Delta", "Ember", "Fjord", "Granit", "Harbor", "Iris", "Juniper")
_SECOND = ("Verlag", "Labs", "Logistics", "Games", "Tours", "Médias", "Optik", "Foods", "Systems", "Légal")
_GIVEN = ("Mara", "Tomás", "Zoë", "Jürgen", "Aiko", "Søren", "Nadia", "Łukasz", "Inês", "Omar")
_FAMILY = ("Lind", "Prado", "Weiß", "Okada", "Nowak", "Costa", "Berg", "Rossi", "Diaz", "O’Neill")


def _pairs_data(pairs: tuple[Pair, ...]) -> list[dict[str, str]]:
    return [{"source_language": source, "target_language": target} for source, target in pairs]


def customer_events(scenario: Scenario, customers: list[Customer]) -> list[Event]:
    """Return what is said about the customers' accounts."""
    draw = Draw(scenario.seed, "customer events")
    events: list[Event] = []
    for customer in customers:
        party = f"customer/{customer.id}"
        address = f"{customer.id.replace('_', '-')}.example"
        registered = {
            "name": f"{draw.pick(_FIRST)} {draw.pick(_SECOND)}",
            "contact_email": f"office@{address}",
            "country": customer.country,
            "plan": customer.plans[0][1],
            "currency": customer.currency,
            "payment_terms_days": customer.payment_terms_days,
        }
        # What changes on an account, in order of time, so that the object's versions count up.
        story: list[tuple[int, str, str, dict[str, Any]]] = [
            (customer.registered_at, "registered", party if draw.chance(0.8) else "system/import", registered)
        ]
        for (_, before), (since, after) in pairwise(customer.plans):
            reason = draw.pick((None, None, "we grew", "fewer texts this quarter"))
            story.append(
                (since, "plan_changed", party, {"from_plan": before, "to_plan": after, "reason": reason})
            )
        if draw.chance(0.3):
            given, family = draw.pick(_GIVEN), draw.pick(_FAMILY)
            contact = {"contact_name": f"{given} {family}", "contact_email": f"contact@{address}"}
            at = customer.registered_at + draw.whole(1, 9 * scenario.days) * DAY // 10
            if customer.closed_at is None or at < customer.closed_at:
                story.append((at, "contact_changed", party, contact))
        if customer.closed_at is not None:
            why = draw.pick(("moved_to_competitor", "no_longer_needed", "price", "other"))
            story.append((customer.closed_at, "closed", party, {"reason": why}))
        story.sort(key=lambda entry: entry[0])
        for version, (at, verb, actor, data) in enumerate(story, 1):
            events.append(
                make_event(
                    draw,
                    "core",
                    f"customer.{verb}.v1",
                    at,
                    actor=actor,
                    object_=party,
                    data=data,
                    version=version,
                )
            )
    return events


def editor_events(scenario: Scenario, editors: list[Editor]) -> list[Event]:
    """Return what is said about the editors."""
    draw = Draw(scenario.seed, "editor events")
    return [
        make_event(
            draw,
            "core",
            "editor.joined.v1",
            editor.joined_at,
            actor="system/onboarding",
            object_=f"editor/{editor.id}",
            data={
                "name": f"{draw.pick(_GIVEN)} {draw.pick(_FAMILY)}",
                "email": f"{editor.id.replace('_', '-')}@editors.example",
                "country": draw.pick(("PT", "DE", "FR", "PL", "JP", "ES")),
                "language_pairs": _pairs_data(editor.pairs),
                "fee_per_word_minor": editor.fee_per_word_minor,
                "currency": editor.currency,
            },
            version=1,
        )
        for editor in editors
    ]


def engine_events(scenario: Scenario, engines: list[Engine]) -> list[Event]:
    """Return what is said about the engines: one event for each version that went live."""
    draw = Draw(scenario.seed, "engine events")
    events = []
    for engine in engines:
        previous = None
        for number, (since, version, _) in enumerate(engine.versions, 1):
            data = {
                "version": version,
                "previous_version": previous,
                "released_on": (day_of(since) - timedelta(days=draw.whole(2, 15))).isoformat(),
                "cost_per_million_words": draw.whole(80, 320) / 4,
                "language_pairs": _pairs_data(engine.pairs),
            }
            actor, object_ = f"operator/ops_{draw.whole(1, 4)}", f"engine/{engine.id}"
            events.append(
                make_event(
                    draw,
                    "core",
                    "engine.deployed.v1",
                    since,
                    actor=actor,
                    object_=object_,
                    data=data,
                    version=number,
                )
            )
            previous = version
    return events


def price_list_events(scenario: Scenario, lists: list[PriceList]) -> list[Event]:
    """Return what is said about prices."""
    draw = Draw(scenario.seed, "price list events")
    names = ("plan", "service_level", "currency")
    return [
        make_event(
            draw,
            "billing",
            "price_list.published.v1",
            price_list.published_at,
            actor="operator/ops_1",
            object_=f"price_list/{price_list.id}",
            data={
                "valid_from": price_list.valid_from.isoformat(),
                "prices": [
                    dict(zip(names, key, strict=True)) | {"unit_price_minor": price}
                    for key, price in price_list.prices.items()
                ],
            },
            version=1,
        )
        for price_list in lists
    ]


def usage_report_events(scenario: Scenario, customers: list[Customer]) -> list[Event]:
    """Return the downloads of usage reports: now and then a customer looks at its last four weeks."""
    draw = Draw(scenario.seed, "usage report events")
    events: list[Event] = []
    for number in range(scenario.days):
        day = scenario.first_day + timedelta(days=number)
        for customer in customers:
            at = scenario.start + number * DAY + draw.whole(7 * HOUR, 18 * HOUR)
            if not draw.chance(0.05) or not customer.is_open_at(at):
                continue
            data = {
                "customer_id": customer.id,
                "period_start": (day - timedelta(days=28)).isoformat(),
                "period_end": day.isoformat(),
                "file_format": draw.pick(("csv", "pdf", "xlsx")),
                "session_id": draw.uuid(),
            }
            actor, object_ = f"customer/{customer.id}", f"usage_report/rep_{len(events) + 1:06}"
            events.append(
                make_event(
                    draw,
                    "reporting",
                    "usage_report.downloaded.v1",
                    at,
                    actor=actor,
                    object_=object_,
                    data=data,
                )
            )
    return events
