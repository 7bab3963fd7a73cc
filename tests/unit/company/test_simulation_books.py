"""The example company's story is consistent: invoices, payouts, prices, lives of translations, references.

What its files look like, and what is wrong in them: see `test_simulation`.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from examples.company.billing import bill
from examples.company.mistakes import make_mistakes
from examples.company.parties import make_parties
from examples.company.scenario import Scenario
from examples.company.simulation import simulate
from examples.company.translations import do_translations

Record = dict[str, Any]
SCENARIO = Scenario(requests_per_day=40)


@pytest.fixture(scope="module")
def emitted() -> list[Record]:
    """The events of a company with all its customers, who ask for little; in order of time."""
    return [json.loads(event.line) for event in simulate(SCENARIO)]


@pytest.fixture(scope="module")
def events(emitted: list[Record]) -> dict[str, list[Record]]:
    """The events that stand, by type: without those that are corrected or voided, and those that void."""
    mended = {name for record in emitted if (name := mends(record))}
    result: defaultdict[str, list[Record]] = defaultdict(list)
    for record in emitted:
        if record["id"] not in mended and "voids" not in record:
            result[record["type"].rpartition(".v")[0]].append(record)
    return result


def mends(record: Record) -> str | None:
    name: str | None = record.get("corrects", record.get("voids"))
    return name


def occurred_at(record: Record) -> datetime:
    return datetime.fromisoformat(record["time"]).astimezone(UTC)


def month_of(record: Record) -> str:
    return f"{occurred_at(record):%Y-%m}"


def closed(records: list[Record]) -> Iterator[Record]:
    """Yield the records of the months that were invoiced: all but the last day's."""
    return (record for record in records if month_of(record) < "2026-04")


def test_invoices_add_up_to_what_was_delivered(events: dict[str, list[Record]]) -> None:
    delivered: Counter[tuple[str, ...]] = Counter()
    for record in closed(events["translation.delivered"]):
        data = record["data"]
        assert data["price_minor"] == data["word_count"] * data["unit_price_minor"]
        delivered[data["customer_id"], month_of(record), data["currency"]] += data["price_minor"]
    invoiced: Counter[tuple[str, ...]] = Counter()
    for record in events["invoice.issued"]:
        data = record["data"]
        assert "corrects" in record or data["period_end"] == str(occurred_at(record).date())
        assert [line["line_number"] for line in data["lines"]] == list(range(1, len(data["lines"]) + 1))
        assert all(x["amount_minor"] == x["word_count"] * x["unit_price_minor"] for x in data["lines"])
        assert sum(line["amount_minor"] for line in data["lines"]) == data["total_minor"]
        key = (data["customer_id"], data["period_start"][:7], data["currency"])
        assert key not in invoiced
        invoiced[key] = data["total_minor"]
    assert invoiced == delivered
    assert {month for _, month, _ in invoiced} == {"2026-01", "2026-02", "2026-03"}


def test_payments_are_of_what_the_invoice_said_then(
    emitted: list[Record], events: dict[str, list[Record]]
) -> None:
    said: dict[str, Record] = {}
    paid = {record["id"]: record for record in events["invoice.paid"]}
    for record in emitted:
        if record["type"] == "invoice.issued.v1":
            said[record["object"]] = record
        elif record["id"] in paid:
            invoice = said[record["object"]]
            assert record["data"]["amount_minor"] == invoice["data"]["total_minor"]
            assert record["data"]["customer_id"] == invoice["data"]["customer_id"]
            assert occurred_at(record) > occurred_at(invoice)
    assert len({record["object"] for record in paid.values()}) == len(paid)
    assert 0.3 < len(paid) / len(said) < 0.95
    assert events["invoice.reminded"]


def test_billing_mends_its_mistakes_by_events_that_name_them(emitted: list[Record]) -> None:
    by_id = {record["id"]: record for record in emitted}
    mending = [record for record in emitted if mends(record)]
    assert Counter((record["type"], "voids" in record) for record in mending) == {
        ("invoice.issued.v1", False): 8,
        ("invoice.paid.v1", True): 8,
    }
    periods = set()
    for record in mending:
        wrong = by_id[mends(record) or ""]
        assert (wrong["source"], wrong["object"]) == (record["source"], record["object"])
        periods.add((f"{occurred_at(wrong):%m-%d}", f"{occurred_at(record):%m-%d}"))
        if "corrects" in record:
            prices = (
                [line["unit_price_minor"] for line in invoice["data"]["lines"]] for invoice in (wrong, record)
            )
            assert sum(before != after for before, after in zip(*prices, strict=True)) == 1
            assert 14 <= (occurred_at(record) - occurred_at(wrong)).days <= 36
        else:
            assert wrong["data"] == record["data"]
    # Those that the how-to pages look at from 3 March.
    assert {("02-01", "03-05"), ("02-28", "03-04")} <= periods


def test_mistakes_leave_all_other_events_as_they_are() -> None:
    parties = make_parties(SCENARIO)
    right = bill(SCENARIO, parties, do_translations(SCENARIO, parties))
    made = make_mistakes(SCENARIO, right)
    assert {event.id for event in right} == {event.id for event in made if not event.is_mending}
    touched = {json.loads(event.line)["object"] for event in set(made) - set(right)}
    assert len(touched) == 8 + 8 + 2
    assert make_mistakes(SCENARIO, right) == made


def test_of_two_invoices_an_event_was_counted_and_never_sent(emitted: list[Record]) -> None:
    versions: defaultdict[str, list[int]] = defaultdict(list)
    for record in emitted:
        if "objectversion" in record:
            versions[record["object"]].append(record["objectversion"])
    missing = {
        object_: set(range(1, max(numbers))) - set(numbers)
        for object_, numbers in versions.items()
        if sorted(numbers) != list(range(1, len(numbers) + 1))
    }
    assert [len(numbers) for numbers in missing.values()] == [1, 1]
    assert all(object_.startswith("invoice/") for object_ in missing)


def test_payouts_add_up_to_what_was_edited(events: dict[str, list[Record]]) -> None:
    earned: Counter[tuple[str, str]] = Counter()
    for record in closed(events["translation.edited"]):
        data = record["data"]
        assert record["actor"] == f"editor/{data['editor_id']}"
        assert data["words_changed"] <= data["word_count"]
        assert datetime.fromisoformat(data["started_at"]) < occurred_at(record)
        earned[data["editor_id"], month_of(record)] += data["fee_minor"]
    sent = {
        (record["data"]["editor_id"], record["data"]["period_start"][:7]): record["data"]["total_minor"]
        for record in events["payout.sent"]
    }
    assert sent == earned
    assert len(sent) == len(events["payout.sent"])


def test_prices_follow_the_plan_and_price_list_at_the_request(events: dict[str, list[Record]]) -> None:
    requested = {record["object"]: record for record in events["translation.requested"]}
    plans: defaultdict[str, list[tuple[datetime, str]]] = defaultdict(list)
    for record in events["customer.registered"]:
        plans[record["object"]].append((occurred_at(record), record["data"]["plan"]))
    for record in events["customer.plan_changed"]:
        assert plans[record["object"]][-1][1] == record["data"]["from_plan"]
        plans[record["object"]].append((occurred_at(record), record["data"]["to_plan"]))
    assert events["customer.plan_changed"]
    lists = [record["data"] for record in events["price_list.published"]]
    used = set()
    for record in events["translation.delivered"]:
        data, request = record["data"], requested[record["object"]]
        at = occurred_at(request)
        assert request["data"]["customer_id"] == data["customer_id"]
        assert [plan for since, plan in plans[f"customer/{data['customer_id']}"] if since <= at][-1] == data[
            "plan"
        ]
        in_force = [prices for prices in lists if prices["valid_from"] <= str(at.date())][-1]
        used.add(in_force["valid_from"])
        names = ("plan", "service_level", "currency")
        (price,) = [
            price["unit_price_minor"]
            for price in in_force["prices"]
            if all(price[name] == data[name] for name in names)
        ]
        assert price == data["unit_price_minor"]
    assert len(used) == 2


def test_a_translation_lives_in_order(events: dict[str, list[Record]]) -> None:
    lives: defaultdict[str, list[Record]] = defaultdict(list)
    for event_type, records in events.items():
        if event_type.startswith("translation.") and event_type != "translation.quality_scored":
            for record in records:
                lives[record["object"]].append(record)
    kinds: Counter[tuple[str, ...]] = Counter()
    for life in lives.values():
        life.sort(key=lambda record: record["objectversion"])
        assert [record["objectversion"] for record in life] == list(range(1, len(life) + 1))
        assert life == sorted(life, key=occurred_at)
        assert len({record["correlationid"] for record in life}) == 1
        assert [r.get("causationid") for r in life] == [None, *(record["id"] for record in life[:-1])]
        kinds[tuple(record["type"].split(".")[1] for record in life)] += 1
    words = {verbs: set(verbs) for verbs in kinds}
    assert all(verbs[0] == "requested" for verbs in kinds)
    assert not [verbs for verbs, seen in words.items() if {"cancelled", "delivered"} <= seen]
    assert not [verbs for verbs, seen in words.items() if "rated" in seen and "delivered" not in seen]
    assert kinds["requested", "machine_translated", "delivered"]
    assert kinds["requested", "machine_translated", "assigned", "edited", "delivered", "rated"]
    assert kinds["requested", "cancelled"]
    assert kinds["requested", "machine_translated", "assigned", "edited", "cancelled"]


def test_everybody_named_was_introduced_before(events: dict[str, list[Record]]) -> None:
    introduced = {
        record["object"].split("/")[1]: occurred_at(record)
        for event_type in ("customer.registered", "editor.joined", "engine.deployed")
        for record in reversed(events[event_type])
    }
    for records in events.values():
        for record in records:
            for name in ("customer_id", "editor_id", "engine_id"):
                if name in record["data"]:
                    assert introduced[record["data"][name]] < occurred_at(record), record
    closed_at = {record["object"]: occurred_at(record) for record in events["customer.closed"]}
    for record in events["translation.requested"]:
        party = f"customer/{record['data']['customer_id']}"
        assert party not in closed_at or occurred_at(record) < closed_at[party]


def test_some_events_carry_a_field_that_the_open_contract_does_not_name(
    events: dict[str, list[Record]],
) -> None:
    unnamed = [r for r in events["translation.requested"] if "client_version" in r["data"]]
    assert 0 < len(unnamed) < len(events["translation.requested"]) / 5
