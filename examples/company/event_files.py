"""The files in which the company's events arrive, with what goes wrong on the way.

Here: which event comes in which file and where: late, repeated, out of order, damaged; and the encodings.
Not here: what a damaged record looks like (see `faults`), nor writing to disk (see `simulation`).
"""

import gzip
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from io import BytesIO
from typing import NamedTuple

import zstandard

from .draw import Draw
from .faults import KINDS, UNREADABLE, can_damage, damage
from .scenario import Scenario
from .wire import DAY, HOUR, Event

_ENCODINGS = {
    "core": ("ndjson.gz", "ndjson.zst", "ndjson", "ndjson.zst", "json", "ndjson.gz"),
    "billing": ("ndjson", "json"),
    "reporting": ("ndjson.zst",),
}
# The core service has one file for each day, the others one for each week.
_DAYS_PER_FILE = {"core": 1, "billing": 7, "reporting": 7}
FileKey = tuple[str, int]


@dataclass(frozen=True)
class EventFile:
    """One file: the day it is sent, its name, its encoding (the name's end), and its records in order."""

    day: date
    name: str
    encoding: str
    records: tuple[bytes, ...]

    def text(self) -> bytes:
        """Return the file's bytes before compression."""
        if self.encoding == "json":
            return b"[\n" + b",\n".join(self.records) + b"\n]\n"
        return b"\n".join(self.records) + b"\n"

    def content(self) -> bytes:
        """Return the file's bytes."""
        if self.encoding.endswith(".gz"):
            # GzipFile and not gzip.compress: its header names no operating system and no time.
            buffer = BytesIO()
            with gzip.GzipFile("", "wb", compresslevel=6, fileobj=buffer, mtime=0) as file:
                file.write(self.text())
            return buffer.getvalue()
        if self.encoding.endswith(".zst"):
            return zstandard.ZstdCompressor(level=3).compress(self.text())
        return self.text()


@dataclass(frozen=True)
class Faults:
    """How many of the records are what: late and displaced ones are good, the others are not new."""

    late: int
    displaced: int
    repeated_in_file: int
    repeated_in_other_file: int
    in_repeated_file: int
    damaged: dict[str, int]


class _Place(NamedTuple):
    file: FileKey
    position: float


def arrange(scenario: Scenario, events: list[Event]) -> tuple[list[EventFile], Faults]:
    """Return the files of these events (in order of time), as they are sent, and what went wrong."""
    draw = Draw(scenario.seed, "files")
    contents: dict[FileKey, list[tuple[float, bytes]]] = {}
    places: list[_Place] = []
    late = displaced = 0
    for event in events:
        regular = _regular_file(scenario, event)
        if event.is_mending:
            # In its place and untouched: where everything else comes does not depend on mistakes.
            lines = contents.setdefault(regular, [])
            lines.append((float(len(lines)), event.line))
            continue
        file = _delayed_file(scenario, draw, event, regular)
        late += file != regular
        lines = contents.setdefault(file, [])
        position = float(len(lines))
        if draw.chance(0.02):
            displaced += 1
            position += draw.whole(-300, 300)
        places.append(_Place(file, position))
        lines.append((position, event.line))

    events = [event for event in events if not event.is_mending]
    # One file is sent twice as a whole; nothing in it is damaged, so that it holds only what is good.
    repeated_file: FileKey = ("core", scenario.days * 2 // 5)
    taken: set[int] = set()

    def choose(fits: Callable[[int], bool]) -> int:
        while True:
            index = draw.whole(0, len(events))
            if index not in taken and fits(index):
                taken.add(index)
                return index

    repeats = max(10, len(events) // 700)
    for _ in range(repeats):
        index = choose(lambda index: True)
        file, position = places[index]
        contents[file].append((position + 0.5 + draw.whole(0, 400), events[index].line))
    for _ in range(2 * repeats):
        index = choose(lambda index: _next_file(places[index].file) in contents)
        file, position = places[index]
        other = [later for step in range(1, 8) if (later := _next_file(file, step)) in contents]
        contents[draw.pick(other)].append((position + 0.5, events[index].line))
    damaged: Counter[str] = Counter()
    for number in range(max(3 * len(KINDS), len(events) // 900)):
        kind = KINDS[number % len(KINDS)]

        def fits(index: int, kind: str = kind) -> bool:
            file = places[index].file
            is_readable = kind not in UNREADABLE or _encoding(file) != "json"
            return file != repeated_file and is_readable and can_damage(kind, events[index])

        index = choose(fits)
        file, position = places[index]
        # Damage comes first and the good record after it; a conflict after the record that it contradicts.
        offset = 0.5 + draw.whole(0, 200) if kind == "conflict" else -0.5
        contents[file].append((position + offset, damage(kind, events[index], draw)))
        damaged[kind] += 1

    files = [_event_file(scenario, key, contents[key]) for key in sorted(contents)]
    again = _event_file(scenario, repeated_file, contents[repeated_file], ".repeated")
    faults = Faults(late, displaced, repeats, 2 * repeats, len(again.records), dict(damaged))
    return sorted([*files, again], key=lambda file: (file.day, file.name)), faults


def _regular_file(scenario: Scenario, event: Event) -> FileKey:
    return event.service, (event.at - scenario.start) // DAY // _DAYS_PER_FILE[event.service]


def _delayed_file(scenario: Scenario, draw: Draw, event: Event, regular: FileKey) -> FileKey:
    """Return the file in which an event really arrives: some are late, by up to three weeks."""
    service, number = regular
    hour = event.at % DAY // HOUR
    if service == "core" and number % 13 == 5 and 10 <= hour < 14:
        # A network outage: half of what happened then came one to three days later.
        delay = draw.whole(1, 4) if draw.chance(0.5) else 0
    else:
        delay = 1 + draw.skewed(0, 21) if draw.chance(0.003) else 0
    later = number + -(-delay // _DAYS_PER_FILE[service])
    if later * _DAYS_PER_FILE[service] >= scenario.days:
        return regular
    return service, later


def _next_file(file: FileKey, step: int = 1) -> FileKey:
    return file[0], file[1] + step


def _encoding(file: FileKey) -> str:
    choices = _ENCODINGS[file[0]]
    return choices[file[1] % len(choices)]


def _event_file(
    scenario: Scenario, key: FileKey, lines: list[tuple[float, bytes]], addition: str = ""
) -> EventFile:
    service, number = key
    day = scenario.first_day + timedelta(days=min((number + 1) * _DAYS_PER_FILE[service], scenario.days) - 1)
    encoding = _encoding(key)
    ordered = sorted(lines, key=lambda entry: entry[0])
    return EventFile(
        day, f"{service}-{day.isoformat()}{addition}.{encoding}", encoding, tuple(line for _, line in ordered)
    )
