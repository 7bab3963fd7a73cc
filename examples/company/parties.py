"""Who takes part: customers, editors and engines, and the price lists.

Here: what they are and how they change over time. Not here: the events that say so (see `announcements`),
their work (see `translations`), nor money that is owed (see `billing`).
"""

from dataclasses import dataclass
from datetime import date

from .draw import Draw
from .scenario import Scenario
from .wire import DAY, HOUR, day_of, day_start

Pair = tuple[str, str]
PLANS = ("starter", "business", "enterprise")
LEVELS = ("machine", "edited")
CURRENCIES = ("EUR", "GBP", "USD")
_TARGETS: tuple[Pair, ...] = (
    ("en", "de"),
    ("en", "fr"),
    ("en", "es"),
    ("en", "pt"),
    ("en", "it"),
    ("en", "ja"),
)
_SOURCES: tuple[Pair, ...] = (
    ("de", "en"),
    ("fr", "en"),
    ("es", "en"),
    ("nl", "en"),
    ("pl", "en"),
    ("de", "sv"),
)
PAIRS = _TARGETS + _SOURCES
_COUNTRIES = (("DE", "EUR"), ("FR", "EUR"), ("ES", "EUR"), ("NL", "EUR"), ("GB", "GBP"), ("US", "USD"))
_PRICES = {"starter": (3, 12), "business": (2, 10), "enterprise": (1, 8)}


@dataclass(frozen=True)
class Customer:
    """A customer: when it came and went, the plans it was on (since when), and its habits."""

    id: str
    registered_at: int
    closed_at: int | None
    country: str
    currency: str
    payment_terms_days: int
    plans: tuple[tuple[int, str], ...]
    weight: float
    pairs: tuple[Pair, ...]
    edited_share: float
    channel: str
    pays_late: bool

    def is_open_at(self, moment: int) -> bool:
        """Return whether the account is open at a moment."""
        return self.registered_at < moment and (self.closed_at is None or moment < self.closed_at)

    def plan_at(self, moment: int) -> str:
        """Return the plan in force at a moment."""
        return [plan for since, plan in self.plans if since <= moment][-1]


@dataclass(frozen=True)
class Editor:
    """An editor: the pairs taken, the fee per word, and the words edited per hour."""

    id: str
    joined_at: int
    pairs: tuple[Pair, ...]
    fee_per_word_minor: int
    currency: str
    words_per_hour: int


@dataclass(frozen=True)
class Engine:
    """An engine: the pairs served, and its versions (since when, name, quality from 0 to 1)."""

    id: str
    pairs: tuple[Pair, ...]
    milliseconds_per_word: int
    has_confidence: bool
    versions: tuple[tuple[int, str, float], ...]

    def version_at(self, moment: int) -> tuple[str, float]:
        """Return the version that is live at a moment, and its quality."""
        return [(name, quality) for since, name, quality in self.versions if since <= moment][-1]


@dataclass(frozen=True)
class PriceList:
    """A price list: prices per word by plan, service level and currency, from a moment on."""

    id: str
    published_at: int
    valid_from: date
    prices: dict[tuple[str, str, str], int]


@dataclass(frozen=True)
class Parties:
    """All who take part."""

    customers: list[Customer]
    editors: list[Editor]
    engines: list[Engine]
    price_lists: list[PriceList]


def make_parties(scenario: Scenario) -> Parties:
    """Return all who take part."""
    return Parties(
        make_customers(scenario), make_editors(scenario), make_engines(scenario), make_price_lists(scenario)
    )


def make_customers(scenario: Scenario) -> list[Customer]:
    """Return the customers: most are there from the first day, the others come over time."""
    draw = Draw(scenario.seed, "customers")
    customers = []
    for number in range(1, scenario.customers + 1):
        registered_at = scenario.start + draw.whole(6 * HOUR, 8 * HOUR)
        if draw.chance(0.35):
            registered_at += draw.whole(1, scenario.days) * DAY
        closes_at = registered_at + draw.whole(10, 120) * DAY
        closed_at = closes_at if draw.chance(0.12) and closes_at < scenario.end else None
        plans = [(registered_at, draw.weighted(PLANS, (0.5, 0.85, 1.0)))]
        changed_at = registered_at + draw.whole(3 * DAY, 70 * DAY)
        while draw.chance(0.3) and changed_at < (closed_at or scenario.end):
            plans.append((changed_at, draw.pick([plan for plan in PLANS if plan != plans[-1][1]])))
            changed_at += draw.whole(10 * DAY, 40 * DAY)
        first_pair = draw.whole(0, len(PAIRS))
        country, currency = draw.pick(_COUNTRIES)
        customers.append(
            Customer(
                id=f"cus_{number:04}",
                registered_at=registered_at,
                closed_at=closed_at,
                country=country,
                currency=currency,
                payment_terms_days=draw.pick((14, 14, 30)),
                plans=tuple(plans),
                weight=1 + draw.skewed(0, 1200) / 100,
                pairs=tuple(PAIRS[(first_pair + step) % len(PAIRS)] for step in range(draw.whole(1, 4))),
                edited_share=draw.whole(15, 85) / 100,
                channel=draw.pick(("api", "api", "upload", "web")),
                pays_late=draw.chance(0.2),
            )
        )
    return customers


def make_editors(scenario: Scenario) -> list[Editor]:
    """Return the editors; together they take every pair from the first day."""
    draw = Draw(scenario.seed, "editors")
    editors = []
    for number in range(1, scenario.editors + 1):
        is_early = number <= (2 * scenario.editors + 2) // 3
        joined_at = scenario.start + draw.whole(5 * HOUR, 6 * HOUR)
        # The first three take all twelve pairs between them, four each.
        first = (number - 1) * 4 + (number - 1) // 3
        pairs = tuple(PAIRS[(first + step) % len(PAIRS)] for step in range(4 if is_early else 3))
        editors.append(
            Editor(
                id=f"edi_{number:02}",
                joined_at=joined_at if is_early else joined_at + draw.whole(1, scenario.days) * DAY,
                pairs=pairs,
                fee_per_word_minor=draw.whole(3, 7),
                currency=draw.pick(("EUR", "EUR", "GBP", "USD")),
                words_per_hour=draw.whole(500, 1600),
            )
        )
    return editors


def make_engines(scenario: Scenario) -> list[Engine]:
    """Return the engines: two of them get a better version on the way, one a worse one."""
    start, span = scenario.start + 4 * HOUR, scenario.days * DAY
    third, half, later = (start + span * part // 100 for part in (33, 50, 70))
    return [
        Engine("nova", PAIRS, 9, True, ((start, "2.0", 0.80), (third, "2.1", 0.85), (later, "2.2", 0.84))),
        Engine("lingua", _SOURCES, 6, False, ((start, "7", 0.76), (half, "8", 0.70))),
        Engine("kite", _TARGETS, 22, True, ((start, "0.9", 0.78), (half, "1.0", 0.90))),
    ]


def make_price_lists(scenario: Scenario) -> list[PriceList]:
    """Return the price lists: one from the first day, a dearer one in the last third."""
    second = scenario.start + (scenario.days * 2 // 3) * DAY
    result = []
    for number, (published_at, starts_at, rise) in enumerate(
        ((scenario.start + 3 * HOUR, scenario.start, 0), (second - 9 * DAY // 2, second, 1)), 1
    ):
        prices = {
            (plan, level, currency): _PRICES[plan][place]
            + (rise if level == "edited" else 0)
            + (currency == "USD")
            for plan in PLANS
            for place, level in enumerate(LEVELS)
            for currency in CURRENCIES
        }
        result.append(
            PriceList(f"prl_{number:03}", max(published_at, scenario.start), day_of(starts_at), prices)
        )
    return result


def price_per_word(lists: list[PriceList], customer: Customer, level: str, requested_at: int) -> int:
    """Return the price per word of what is requested at a moment."""
    in_force = [prices for prices in lists if day_start(prices.valid_from) <= requested_at][-1]
    return in_force.prices[customer.plan_at(requested_at), level, customer.currency]
