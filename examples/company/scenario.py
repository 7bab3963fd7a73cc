"""How much is simulated, from when to when. Not here: anything that happens in between."""

from dataclasses import dataclass
from datetime import date, timedelta

from .wire import day_start

# The day after a month's end, so that the last invoices (for March) are among the events.
LAST_DAY = date(2026, 4, 1)
# When the intakes of requests move from v1 of their contract to v2, as a share of the days: weeks apart.
MOVES = {"api": 0.35, "web": 0.5, "upload": 0.75}


@dataclass(frozen=True)
class Scenario:
    """The size of a simulation. Its days are whole UTC days, the last of them included."""

    seed: int = 7
    days: int = 90
    last_day: date = LAST_DAY
    customers: int = 120
    editors: int = 24
    requests_per_day: float = 735.0
    always_newest: bool = False  # no intake ever spoke an older major: the same facts otherwise

    def __post_init__(self) -> None:
        """Refuse what cannot be simulated."""
        if self.days < 2 or self.customers < 1 or self.editors < 4 or self.requests_per_day <= 0:
            raise ValueError(f"a simulation needs 2 days, a customer, 4 editors and requests, not {self}")

    def speaks_v1(self, channel: str, at: int) -> bool:
        """Return whether the intake of this channel has not yet moved to v2 at a moment."""
        return not self.always_newest and at < self.start + int(MOVES[channel] * (self.end - self.start))

    @classmethod
    def sized(
        cls, seed: int = 7, days: int = 90, scale: float = 1.0, always_newest: bool = False
    ) -> "Scenario":
        """Return a scenario with this share of the usual customers, editors and requests."""
        return cls(
            seed=seed,
            days=days,
            customers=max(6, int(120 * scale)),
            editors=max(4, int(24 * scale)),
            requests_per_day=735 * scale,
            always_newest=always_newest,
        )

    @property
    def first_day(self) -> date:
        """The first day simulated."""
        return self.last_day - timedelta(days=self.days - 1)

    @property
    def start(self) -> int:
        """The first moment simulated."""
        return day_start(self.first_day)

    @property
    def end(self) -> int:
        """The first moment no longer simulated."""
        return day_start(self.last_day + timedelta(days=1))
