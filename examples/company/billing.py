"""What the company is owed and owes: invoices, reminders and payments, and payouts to editors.

Here: months, and sums of what was delivered and edited in them. Not here: prices and fees (they were fixed
when the work was done, see `lifecycle`).
"""

from collections import defaultdict
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any, NamedTuple

from .draw import Draw
from .lifecycle import Delivery, Edit, Work
from .parties import Customer, Editor, Parties
from .scenario import Scenario
from .wire import DAY, HOUR, SECOND, Event, day_of, day_start, make_event


class Month(NamedTuple):
    """A calendar month, half-open."""

    start: date
    end: date

    @property
    def name(self) -> str:
        """The month as it stands in ids."""
        return f"{self.start:%Y_%m}"


def closed_months(scenario: Scenario) -> Iterator[Month]:
    """Yield the months that end while the simulation runs, so that their first day after is simulated."""
    start = scenario.first_day.replace(day=1)
    while (end := (start + timedelta(days=32)).replace(day=1)) <= scenario.last_day:
        yield Month(start, end)
        start = end


def bill(scenario: Scenario, parties: Parties, work: Work) -> list[Event]:
    """Return all events of the billing service, but for price lists."""
    draw = Draw(scenario.seed, "billing")
    customers = {customer.id: customer for customer in parties.customers}
    editors = {editor.id: editor for editor in parties.editors}
    events: list[Event] = []
    for month in closed_months(scenario):
        start, end = day_start(month.start), day_start(month.end)
        delivered: defaultdict[str, list[Delivery]] = defaultdict(list)
        for delivery in work.deliveries:
            if start <= delivery.at < end:
                delivered[delivery.customer_id].append(delivery)
        for place, customer_id in enumerate(sorted(delivered)):
            issued_at = end + 2 * HOUR + place * SECOND
            events += _invoice(draw, month, issued_at, customers[customer_id], delivered[customer_id])
        edited: defaultdict[str, list[Edit]] = defaultdict(list)
        for edit in work.edits:
            if start <= edit.at < end:
                edited[edit.editor_id].append(edit)
        for place, editor_id in enumerate(sorted(edited)):
            sent_at = end + 6 * HOUR + place * SECOND
            events.append(_payout(draw, month, sent_at, editors[editor_id], edited[editor_id]))
    return events


def invoice_lines(deliveries: list[Delivery]) -> list[dict[str, Any]]:
    """Return the lines of an invoice: one for each service level, plan and price."""
    groups: defaultdict[tuple[str, str, int], list[Delivery]] = defaultdict(list)
    for delivery in deliveries:
        groups[delivery.service_level, delivery.plan, delivery.unit_price_minor].append(delivery)
    return [
        {
            "line_number": number,
            "service_level": level,
            "plan": plan,
            "unit_price_minor": price,
            "translation_count": len(groups[level, plan, price]),
            "word_count": sum(delivery.word_count for delivery in groups[level, plan, price]),
            "amount_minor": sum(delivery.price_minor for delivery in groups[level, plan, price]),
        }
        for number, (level, plan, price) in enumerate(sorted(groups), 1)
    ]


def _invoice(
    draw: Draw, month: Month, issued_at: int, customer: Customer, deliveries: list[Delivery]
) -> list[Event]:
    """Return an invoice and what follows: reminders while it is due, and mostly a payment."""
    object_, party = f"invoice/inv_{month.name}_{customer.id[4:]}", f"customer/{customer.id}"
    lines = invoice_lines(deliveries)
    total = sum(line["amount_minor"] for line in lines)
    due_date = day_of(issued_at) + timedelta(days=customer.payment_terms_days)
    issued = {
        "customer_id": customer.id,
        "period_start": month.start.isoformat(),
        "period_end": month.end.isoformat(),
        "due_date": due_date.isoformat(),
        "currency": customer.currency,
        "total_minor": total,
        "lines": lines,
    }
    story: list[tuple[int, str, str, dict[str, Any]]] = [(issued_at, "issued", "system/invoicing", issued)]
    due_at = day_start(due_date)
    if customer.pays_late:
        paid_at = due_at + draw.whole(1 * DAY, 25 * DAY)
    else:
        paid_at = issued_at + draw.whole(1 * DAY, (customer.payment_terms_days - 1) * DAY)
    is_paid = draw.chance(0.95)
    for number, after in enumerate((3, 10, 20), 1):
        reminded_at = due_at + after * DAY + 7 * HOUR + draw.whole(0, HOUR)
        if is_paid and paid_at < reminded_at:
            break
        owed = {"reminder_number": number, "open_minor": total, "currency": customer.currency}
        story.append((reminded_at, "reminded", "system/dunning", {"customer_id": customer.id} | owed))
    method = draw.pick(("bank_transfer", "card", "direct_debit"))
    if is_paid:
        paid = {
            "payment_id": draw.uuid(),
            "amount_minor": total,
            "currency": customer.currency,
            "method": method,
        }
        actor = "system/payments" if method == "direct_debit" else party
        story.append((paid_at, "paid", actor, {"customer_id": customer.id} | paid))
    return [
        make_event(
            draw,
            "billing",
            f"invoice.{verb}.v1",
            at,
            actor=actor,
            object_=object_,
            data=data,
            version=version,
        )
        for version, (at, verb, actor, data) in enumerate(story, 1)
    ]


def _payout(draw: Draw, month: Month, sent_at: int, editor: Editor, edits: list[Edit]) -> Event:
    data = {
        "editor_id": editor.id,
        "period_start": month.start.isoformat(),
        "period_end": month.end.isoformat(),
        "translation_count": len(edits),
        "word_count": sum(edit.word_count for edit in edits),
        "total_minor": sum(edit.fee_minor for edit in edits),
        "currency": editor.currency,
        "account": f"{'*' * 14}{1000 + int(editor.id[4:])}",
    }
    object_ = f"payout/pay_{month.name}_{editor.id[4:]}"
    return make_event(
        draw,
        "billing",
        "payout.sent.v1",
        sent_at,
        actor="system/payouts",
        object_=object_,
        data=data,
        version=1,
    )
