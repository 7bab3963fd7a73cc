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


class _Sending:
    """The files while they are filled: which record lies in which of them, and where in it."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.draw = Draw(scenario.seed, "files")
        self.contents: dict[FileKey, list[tuple[float, bytes]]] = {}
        # Of what may be repeated or damaged: the event, and its place.
        self.events: list[Event] = []
        self.places: list[_Place] = []
        self.taken: set[int] = set()
        self.late = self.displaced = 0
        # One file is sent twice as a whole; nothing in it is damaged, so that it holds only what is good.
        self.repeated_file: FileKey = ("core", scenario.days * 2 // 5)

    def send(self, event: Event) -> None:
        """Put an event into a file: some come late, some out of order."""
        regular = _regular_file(self.scenario, event)
        if event.is_mending:
            # In its place and untouched: where everything else comes does not depend on mistakes.
            lines = self.contents.setdefault(regular, [])
            lines.append((float(len(lines)), event.line))
            return
        file = _delayed_file(self.scenario, self.draw, event, regular)
        self.late += file != regular
        lines = self.contents.setdefault(file, [])
        position = float(len(lines))
        if self.draw.chance(0.02):
            self.displaced += 1
            position += self.draw.whole(-300, 300)
        self.events.append(event)
        self.places.append(_Place(file, position))
        lines.append((position, event.line))

    def choose(self, fits: Callable[[int], bool]) -> int:
        """Draw an event that fits, and that nothing has happened to yet."""
        while True:
            index = self.draw.whole(0, len(self.events))
            if index not in self.taken and fits(index):
                self.taken.add(index)
                return index

    def repeat_in_file(self) -> None:
        """Send an event again, later in its file."""
        index = self.choose(lambda index: True)
        file, position = self.places[index]
        self.contents[file].append((position + 0.5 + self.draw.whole(0, 400), self.events[index].line))

    def repeat_in_other_file(self) -> None:
        """Send an event again in one of the next files."""
        index = self.choose(lambda index: _next_file(self.places[index].file) in self.contents)
        file, position = self.places[index]
        other = [later for step in range(1, 8) if (later := _next_file(file, step)) in self.contents]
        self.contents[self.draw.pick(other)].append((position + 0.5, self.events[index].line))

    def add_damaged(self, kind: str) -> None:
        """Send a damaged record beside a good one."""

        def fits(index: int) -> bool:
            file = self.places[index].file
            is_readable = kind not in UNREADABLE or _encoding(file) != "json"
            return file != self.repeated_file and is_readable and can_damage(kind, self.events[index])

        index = self.choose(fits)
        file, position = self.places[index]
        # Damage comes first and the good record after it; a conflict after the record that it contradicts.
        offset = 0.5 + self.draw.whole(0, 200) if kind == "conflict" else -0.5
        self.contents[file].append((position + offset, damage(kind, self.events[index], self.draw)))

    def file(self, key: FileKey, addition: str = "") -> EventFile:
        """The file as it is sent."""
        return _event_file(self.scenario, key, self.contents[key], addition)


def arrange(scenario: Scenario, events: list[Event]) -> tuple[list[EventFile], Faults]:
    """Return the files of these events (in order of time), as they are sent, and what went wrong."""
    sending = _Sending(scenario)
    for event in events:
        sending.send(event)
    repeats = max(10, len(sending.events) // 700)
    for _ in range(repeats):
        sending.repeat_in_file()
    for _ in range(2 * repeats):
        sending.repeat_in_other_file()
    damaged: Counter[str] = Counter()
    for number in range(max(3 * len(KINDS), len(sending.events) // 900)):
        kind = KINDS[number % len(KINDS)]
        sending.add_damaged(kind)
        damaged[kind] += 1
    files = [sending.file(key) for key in sorted(sending.contents)]
    again = sending.file(sending.repeated_file, ".repeated")
    faults = Faults(sending.late, sending.displaced, repeats, 2 * repeats, len(again.records), dict(damaged))
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
