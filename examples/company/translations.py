"""The company's work: when customers request translations, by hour, day of the week and over time.

Not here: what becomes of a request (see `lifecycle`), nor what is owed for it (see `billing`).
"""

from bisect import bisect
from itertools import accumulate

from .draw import Draw
from .lifecycle import Translation, Work
from .parties import Parties
from .scenario import Scenario
from .wire import DAY, HOUR

# Requests per hour of a working day (UTC), as running totals.
_HOURS = tuple(accumulate((1, 1, 1, 1, 1, 2, 4, 8, 14, 16, 15, 13, 11, 14, 16, 15, 12, 9, 6, 4, 3, 2, 2, 1)))
_WEEKEND = 0.35


def _request_times(scenario: Scenario, draw: Draw) -> list[int]:
    times: list[int] = []
    for number in range(scenario.days):
        start = scenario.start + number * DAY
        # The first of January 1970 was a Thursday.
        is_weekend = (start // DAY + 3) % 7 >= 5
        growth = 0.8 + 0.4 * number / scenario.days
        wanted = (
            scenario.requests_per_day * growth * (_WEEKEND if is_weekend else 1) * (0.9 + 0.2 * draw.share())
        )
        hours = [bisect(_HOURS, draw.share() * _HOURS[-1]) for _ in range(int(wanted))]
        times += sorted(start + hour * HOUR + draw.whole(0, HOUR) for hour in hours)
    return times


def do_translations(scenario: Scenario, parties: Parties) -> Work:
    """Let the customers request translations, and do them."""
    draw = Draw(scenario.seed, "translations")
    work = Work([], [], [])
    totals = tuple(accumulate(customer.weight for customer in parties.customers))
    number = 0
    for requested_at in _request_times(scenario, draw):
        customer = draw.weighted(parties.customers, totals)
        # Who has no account, or no longer, requests nothing: the company grows with its customers.
        if customer.is_open_at(requested_at):
            number += 1
            Translation(scenario, draw, number, customer, parties, work).live(requested_at)
    return work
