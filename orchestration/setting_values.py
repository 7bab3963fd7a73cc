"""Values of settings and options: a text read as a folder, a size, a number, a day or a moment.

Belongs here: reading one value, and the one line that says what is wrong with it. Not here: which settings
there are (`settings`).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from difflib import get_close_matches
from pathlib import Path
from zoneinfo import ZoneInfo, available_timezones

from event_archive import UnusableInput

UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
SIZE = re.compile(r"(\d{1,18})\s*([KMG]?)(?:i?B)?", re.IGNORECASE)
MOST_BYTES = 1 << 50
MANY = 10**9
UTC_ZONE = ZoneInfo("UTC")
AGE = re.compile(r"([0-9]{1,6})([hd]?)")
AGE_UNITS = {"h": "hours", "d": "days"}
FEWEST_VERSIONS = 2
"""The one that is served, and the one before it, which `factlog published serve` goes back to."""


@dataclass(frozen=True)
class Retention:
    """Which published versions are kept: so many of the newest, or each for so long after its successor."""

    count: int | None = None
    age: timedelta | None = None

    def __str__(self) -> str:
        """Return it as a setting is written."""
        if self.age is None:
            return str(self.count)
        hours = self.age // timedelta(hours=1)
        return f"{hours // 24}d" if hours % 24 == 0 else f"{hours}h"


class GivenValues(dict[str, str]):
    """Values by the name of their variable. `named`: how whoever wrote one calls it, where that is no
    variable: `project/factlog.toml: memory = 1G`.
    """

    named: Mapping[str, str]

    def __init__(self, environment: Mapping[str, str], others: Mapping[str, tuple[str, str]]) -> None:
        super().__init__({name: value for name, (value, _) in others.items()} | dict(environment))
        self.named = {name: place for name, (_, place) in others.items() if name not in environment}


def shown(given: Mapping[str, str], name: str) -> str:
    """Return a value with its name, as its reader wrote it: for the error."""
    place = given.named.get(name) if isinstance(given, GivenValues) else None
    return place or f"{name}={given[name]}"


def absolute(path: str | Path, name: str) -> Path:
    """Return a path as it is from every folder: `~` and `..` are followed, a symbolic link stays what it is.

    `name`: of the setting or option, for the error where there is no such user's folder.
    """
    try:
        full = Path(path).expanduser().absolute()
    except RuntimeError:
        raise UnusableInput(f"{name}={path}: no such user; name the folder by its path") from None
    if not is_text(str(full)):
        raise UnusableInput(f"{name}={path}: no path in UTF-8; name a folder that has one")
    # What `..` means behind a symbolic link, only the file system knows.
    return full.resolve() if ".." in full.parts else full


def is_text(given: str) -> bool:
    """Whether what came from the outside is UTF-8 throughout; Python marks each byte that is not."""
    return not any("\ud800" <= character <= "\udfff" for character in given)


def folder(given: Mapping[str, str], name: str, default: Path) -> Path:
    """Read a folder that must exist."""
    path = absolute(given.get(name, default), name)
    if name in given and not path.is_dir():
        raise UnusableInput(f"{shown(given, name)}: no such folder; name an existing one")
    return path


def file(given: Mapping[str, str], name: str) -> Path | None:
    """Read a file, which need not be there yet."""
    return absolute(given[name], name) if name in given else None


def size(given: Mapping[str, str], name: str, default: int, at_least: str = "256M") -> int:
    """Read a number of bytes, such as 512M or 2G."""
    if name not in given:
        return default
    bytes_ = _bytes_of(given[name])
    if bytes_ < _bytes_of(at_least):
        raise UnusableInput(
            f"{shown(given, name)}: not a size of at least {at_least}; write it like 512M or 2G"
        )
    if bytes_ > MOST_BYTES:
        raise UnusableInput(f"{shown(given, name)}: more than any machine has; write it like 512M or 2G")
    return bytes_


def _bytes_of(text: str) -> int:
    match = SIZE.fullmatch(text)
    return int(match[1]) * UNITS[match[2].upper()] if match else 0


def whole(given: Mapping[str, str], name: str, default: int, *, at_least: int, at_most: int = MANY) -> int:
    """Read a whole number within bounds."""
    if name not in given:
        return default
    number = whole_number(given[name])
    if number is None or not at_least <= number <= at_most:
        bounds = f"of at least {at_least}{up_to(at_most)}"
        raise UnusableInput(f"{shown(given, name)}: not a whole number {bounds}")
    return number


def seconds(given: Mapping[str, str], name: str, default: timedelta) -> timedelta:
    """Read a whole number of seconds."""
    return timedelta(seconds=whole(given, name, int(default.total_seconds()), at_least=0))


def up_to(at_most: int) -> str:
    """Return the upper bound as a message words it, where it is one that anybody meets."""
    return f" and at most {at_most}" if at_most < MANY else ""


def whole_number(text: str) -> int | None:
    """Return the number that digits stand for; None where there is anything else, or far too many."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else None


def day(given: Mapping[str, str], name: str) -> date | None:
    """Read a day."""
    if name not in given:
        return None
    try:
        return date.fromisoformat(given[name])
    except ValueError:
        raise UnusableInput(f"{shown(given, name)}: not a day; write it like 2026-01-31") from None


def days(given: Mapping[str, str], name: str) -> tuple[date, ...]:
    """Read days with commas between them."""
    given_days = [text.strip() for text in given.get(name, "").split(",") if text.strip()]
    try:
        return tuple(date.fromisoformat(text) for text in given_days)
    except ValueError:
        raise UnusableInput(
            f"{shown(given, name)}: not days; write them like 2026-01-31,2026-02-01"
        ) from None


def moment(text: str, option: str) -> datetime:
    """Read a moment: a day (its start) or a time, in UTC where it names no offset.

    `option` stands before the text in the error where that is none: `FACTLOG_AS_OF=`, or `--as-of ` with
    its space.
    """
    try:
        read = datetime.fromisoformat(text)
        return read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)
    except (ValueError, OverflowError):
        raise UnusableInput(
            f"{option}{text}: not a time; write it like 2026-03-03 or 2026-03-03T12:00:00Z"
        ) from None


def zone(given: Mapping[str, str], name: str, default: ZoneInfo) -> ZoneInfo:
    """Read a time zone by its name in the IANA database."""
    if name not in given:
        return default
    try:
        return ZoneInfo(given[name])
    # A name with `..` in it, or one that is a folder of the database, is an error of another kind.
    except (KeyError, ValueError, OSError):
        nearest = get_close_matches(given[name], available_timezones(), 1)
        meant = f"did you mean {nearest[0]}?" if nearest else "write it like Europe/Berlin, or UTC"
        raise UnusableInput(f"{shown(given, name)}: there is no such time zone; {meant}") from None


def retention(given: Mapping[str, str], name: str) -> Retention | None:
    """Read how many published versions are kept, or for how long."""
    if name not in given:
        return None
    parts = AGE.fullmatch(given[name])
    number = int(parts[1]) if parts else 0
    if parts and parts[2] and number >= 1:
        return Retention(age=timedelta(**{AGE_UNITS[parts[2]]: number}))
    if parts and not parts[2] and number >= FEWEST_VERSIONS:
        return Retention(count=number)
    raise UnusableInput(
        f"{shown(given, name)}: neither a number of versions, at least {FEWEST_VERSIONS}, nor an age; write "
        "it like 30, 90d or 12h"
    )
