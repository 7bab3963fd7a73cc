"""Words of messages: numbers of things as a person would say them, and texts of inputs.

Belongs here: what messages of every room share. Not here: layout of the screen, and messages themselves.
"""

import json
from collections.abc import Iterable
from datetime import timedelta
from difflib import get_close_matches
from json import JSONDecodeError

SHOWN = 60  # characters of a text
LONGEST_NAME = 200  # characters of what may be a name mistyped: comparing takes the square of its length


def format_count(number: int, thing: str) -> str:
    """Format a number of things, with the noun in the plural unless there is one of them."""
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"


def format_age(age: timedelta) -> str:
    """Format how long something has lasted, in the largest unit of which there is one at least."""
    for unit in ("day", "hour", "minute"):
        number = age // timedelta(**{f"{unit}s": 1})
        if number:
            return format_count(number, unit)
    return "less than a minute"


def did_you_mean(name: str, known: Iterable[str], otherwise: str = "") -> str:
    """Return a question for what somebody meant who mistyped a name; `otherwise`, where nothing is near."""
    by_folded = {each.casefold(): each for each in known}
    near = get_close_matches(name[:LONGEST_NAME].casefold(), by_folded, 1)
    return f"did you mean {by_folded[near[0]]}?" if near else otherwise


def json_fault(error: JSONDecodeError) -> str:
    """Return what Python's reader says about JSON, without the words that wait for a place."""
    return error.msg.removesuffix(" at").removesuffix(" starting")


def agree(number: int, one: str, several: str) -> str:
    """Return the word that goes with a number of things: `is` with one, `are` with several or none."""
    return one if number == 1 else several


def shown(text: str) -> str:
    """Return a text of an input as a message shows it: in quotes, in one line, not too long."""
    quoted = json.dumps(text.encode("utf-8", "replace").decode(), ensure_ascii=False)
    return quoted if len(quoted) <= SHOWN else f'{quoted[: SHOWN - 2]}…"'
