"""The life of one translation, step by step, from `requested` to `rated` or `cancelled`.

Here: which steps follow which, how long they take, and what is owed for them. Not here: when requests
come and from whom (see `translations`).
"""

from typing import Any, NamedTuple

from .draw import Draw
from .parties import PAIRS, Customer, Pair, Parties, price_per_word
from .scenario import Scenario
from .wire import DAY, HOUR, MINUTE, SECOND, Event, make_event, utc_text

_COMMENTS = ("Perfect.", "Parfait, merci !", "ganz gut", "Names were wrong.", "第三段落が変です", "ok 👍")
_CANCEL_REASONS = ("customer_request", "duplicate_request", "unsupported_content", "too_late")


class Delivery(NamedTuple):
    """What is owed by a customer for one translation."""

    at: int
    customer_id: str
    service_level: str
    plan: str
    unit_price_minor: int
    word_count: int
    price_minor: int


class Edit(NamedTuple):
    """What is owed to an editor for one text."""

    at: int
    editor_id: str
    word_count: int
    fee_minor: int


class Work(NamedTuple):
    """Everything that was done, also what would be done after the simulation's end."""

    events: list[Event]
    deliveries: list[Delivery]
    edits: list[Edit]


class Translation:
    """One translation. Each of its events has a version, and was caused by the one before."""

    def __init__(
        self,
        scenario: Scenario,
        draw: Draw,
        number: int,
        customer: Customer,
        parties: Parties,
        work: Work,
    ) -> None:
        """Take up a request of this customer."""
        self.scenario, self.draw, self.customer = scenario, draw, customer
        self.parties, self.work = parties, work
        self.object = f"translation/trn_{number:06}"
        self.party = f"customer/{customer.id}"
        self.pair: Pair = draw.pick(customer.pairs)
        self.words = 5 + draw.skewed(0, 4000)
        self.level = "edited" if draw.chance(customer.edited_share) else "machine"
        self.correlation = draw.uuid()
        self.version = 0
        self.last_id: str | None = None

    def live(self, requested_at: int) -> None:
        """Go through all steps."""
        draw = self.draw
        self.request(requested_at)
        is_cancelled = draw.chance(0.035)
        if is_cancelled and (self.level == "machine" or draw.chance(0.3)):
            self.cancel(requested_at + draw.whole(500, 4000))
            return
        at, quality = self.machine_translate(requested_at)
        if self.level == "edited":
            at = self.edit(at, quality)
            if is_cancelled:
                # The editor is paid all the same, the customer is not billed.
                self.cancel(at + draw.whole(20 * SECOND, 5 * MINUTE))
                return
        at = self.deliver(at, requested_at)
        if draw.chance(0.25):
            self.rate(at, quality)

    def add(
        self, verb: str, at: int, actor: str, data: dict[str, Any], *, major: int = 1, part: str = ""
    ) -> None:
        """Add the next event of this translation."""
        self.version += 1
        event = make_event(
            self.draw,
            "core",
            f"translation.{verb}.v{major}",
            at,
            actor=actor,
            object_=self.object,
            data=data,
            correlation=self.correlation,
            causation=self.last_id,
            version=self.version,
            part=part,
        )
        self.work.events.append(event)
        self.last_id = event.id

    def request(self, at: int) -> None:
        """Ask for it."""
        draw, customer = self.draw, self.customer
        data = {
            "customer_id": customer.id,
            "document_id": draw.uuid(),
            "source_language": self.pair[0],
            "target_language": self.pair[1],
            "word_count": self.words,
            "service_level": self.level,
            "channel": customer.channel,
            "wanted_by": utc_text(at + draw.whole(4, 72) * HOUR) if draw.chance(0.2) else None,
        }
        if customer.channel == "api" and draw.chance(0.15):
            # A field that the contract does not name: producers may add one, and it must be kept.
            data["client_version"] = f"4.{draw.whole(0, 9)}"
        by_system = customer.channel == "api" and draw.chance(0.3)
        actor, part = "system/scheduler" if by_system else self.party, f"/{customer.channel}"
        if self.scenario.speaks_v1(customer.channel, at):
            self.add("requested", at, actor, as_v1(data), part=part)
        else:
            self.add("requested", at, actor, data, major=2, part=part)

    def machine_translate(self, requested_at: int) -> tuple[int, float]:
        """Let an engine translate it; return when it had, and how good it is."""
        draw = self.draw
        engine = draw.pick([engine for engine in self.parties.engines if self.pair in engine.pairs])
        # Engines queue when many texts come at once, and there are fewest of them for Japanese.
        longest_wait = 4 * MINUTE if "ja" in self.pair else 90 * SECOND
        duration = 200 + self.words * engine.milliseconds_per_word + draw.whole(0, 400)
        at = requested_at + 4 * SECOND + draw.skewed(0, longest_wait) + duration
        version, quality = engine.version_at(at)
        confidence = round(quality * 1000 + draw.whole(-90, 90)) / 1000 if engine.has_confidence else None
        data = {
            "engine_id": engine.id,
            "engine_version": version,
            "word_count": self.words,
            "duration_ms": duration,
            "confidence": confidence,
        }
        self.add("machine_translated", at, f"engine/{engine.id}", data)
        if draw.chance(0.3):
            self.score_quality(at, engine.id, version, quality)
        return at, quality

    def score_quality(self, at: int, engine_id: str, version: str, quality: float) -> None:
        """Let the reporting service score what the engine made: an event of another service."""
        draw = self.draw
        data = {
            "engine_id": engine_id,
            "engine_version": version,
            "metric": "comet" if draw.chance(0.8) else "chrf",
            "score": (round(quality * 1000) + draw.whole(-200, 100)) / 1000,
        }
        at += MINUTE + draw.skewed(0, 6 * HOUR)
        event_type, actor = "translation.quality_scored.v1", "system/quality_model"
        self.work.events.append(
            make_event(
                draw,
                "reporting",
                event_type,
                at,
                actor=actor,
                object_=self.object,
                data=data,
                correlation=self.correlation,
            )
        )

    def edit(self, translated_at: int, quality: float) -> int:
        """Let an editor edit it; return when it was done."""
        draw = self.draw
        assigned_at = translated_at + 30 * SECOND + draw.skewed(0, 20 * MINUTE)
        editors = self.parties.editors
        editor = draw.pick([e for e in editors if self.pair in e.pairs and e.joined_at < assigned_at])
        due_at = utc_text(assigned_at + 48 * HOUR)
        self.add("assigned", assigned_at, "system/dispatcher", {"editor_id": editor.id, "due_at": due_at})
        # The editors of some pairs have more on their desks than those of others.
        backlog = (12 + 4 * PAIRS.index(self.pair)) * HOUR
        started_at = assigned_at + 5 * MINUTE + draw.skewed(0, backlog)
        edited_at = started_at + 2 * MINUTE + self.words * HOUR // editor.words_per_hour
        share_changed = (1 - quality) * (0.3 + draw.share())
        data = {
            "editor_id": editor.id,
            "started_at": utc_text(started_at),
            "word_count": self.words,
            "words_changed": int(self.words * share_changed),
            "fee_minor": self.words * editor.fee_per_word_minor,
            "currency": editor.currency,
        }
        self.add("edited", edited_at, f"editor/{editor.id}", data)
        self.work.edits.append(Edit(edited_at, editor.id, self.words, self.words * editor.fee_per_word_minor))
        return edited_at

    def deliver(self, done_at: int, requested_at: int) -> int:
        """Hand it to the customer, who owes its price from then on; return when."""
        customer, words = self.customer, self.words
        at = done_at + 500 + self.draw.skewed(0, 20 * SECOND if self.level == "machine" else 40 * MINUTE)
        plan = customer.plan_at(requested_at)
        price = price_per_word(self.parties.price_lists, customer, self.level, requested_at)
        data = {
            "customer_id": customer.id,
            "service_level": self.level,
            "plan": plan,
            "word_count": words,
            "unit_price_minor": price,
            "price_minor": words * price,
            "currency": customer.currency,
        }
        self.add("delivered", at, "system/delivery", data)
        self.work.deliveries.append(Delivery(at, customer.id, self.level, plan, price, words, words * price))
        return at

    def rate(self, delivered_at: int, quality: float) -> None:
        """Let the customer rate it, within a week."""
        draw, customer = self.draw, self.customer
        at = delivered_at + 20 * MINUTE + draw.skewed(0, 6 * DAY)
        # What an editor went over is better, and says less about the engine.
        expected = 4 * quality if self.level == "machine" else 2 * quality + 2
        score = int(expected + 2 * draw.share()) - (2 if draw.chance(0.05) else 0)
        comment = draw.pick(_COMMENTS) if draw.chance(0.2) else None
        if customer.is_open_at(at):
            data = {"customer_id": customer.id, "score": max(1, min(5, score)), "comment": comment}
            self.add("rated", at, self.party, data)

    def cancel(self, at: int) -> None:
        """Call it off."""
        actor = self.party if self.draw.chance(0.8) else "system/scheduler"
        data = {"customer_id": self.customer.id, "reason": self.draw.pick(_CANCEL_REASONS)}
        self.add("cancelled", at, actor, data)


def as_v1(data: dict[str, Any]) -> dict[str, Any]:
    """Return what an intake says that has not yet moved: the same request, as v1 of the contract has it."""
    older = dict(data)
    older["language_pair"] = f"{older.pop('source_language')}>{older.pop('target_language')}"
    older["words"] = older.pop("word_count")
    if older["channel"] == "upload" and older["words"] % 3 == 0:
        older["channel"] = "fax"
    return older
