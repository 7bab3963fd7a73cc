"""How many cases a property tries: so many in every run, and a thousand times as many in `make hunt`.

Belongs here: the profile's name and the numbers. Not here: the properties (beside each stands its bound).
"""

from hypothesis import settings

HUNT = "hunt"
TIMES_AS_MANY = 1000


def examples(in_every_run: int) -> int:
    """How many cases a property tries under the profile that was chosen."""
    return in_every_run * TIMES_AS_MANY if is_hunting() else in_every_run


def is_hunting() -> bool:
    """Whether this is `make hunt`: what is found there is new, so nothing is the same every time."""
    return settings.get_current_profile_name() == HUNT
