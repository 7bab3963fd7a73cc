"""The simulation: the company's events over some days, the files they arrive in, and the truth about them.

Here: the whole, in order: `simulate` (events), `emit` (files in a folder). Not here: any of the steps.
Run it with `python -m examples.company.simulation FOLDER`.

The same seed gives the same records, names and order on every machine; compressed bytes are the same where
the libraries of zlib and zstd are.
"""

import argparse
import hashlib
import json
from collections import Counter
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

import orjson

from .announcements import (
    customer_events,
    editor_events,
    engine_events,
    price_list_events,
    usage_report_events,
)
from .billing import bill
from .event_files import EventFile, Faults, arrange
from .mistakes import ISSUED, PAID, make_mistakes
from .parties import make_parties
from .scenario import Scenario
from .translations import do_translations
from .wire import Event


@dataclass(frozen=True)
class Truth:
    """What was emitted, to compare with what landed and with what is derived from it.

    `mended`: events by how they mend an earlier one. `invoiced_minor` and `paid_minor` are the books with all
    mistakes mended, by the month that is invoiced, and currency.
    """

    first_day: date
    last_day: date
    events: dict[str, int]
    faults: Faults
    mended: dict[str, int]
    invoiced_minor: dict[str, int]
    paid_minor: dict[str, int]

    @property
    def accepted(self) -> int:
        """Distinct good events."""
        return sum(self.events.values())

    @property
    def duplicate(self) -> int:
        """Records that repeat a good one, but for those of the file that is repeated as a whole."""
        return self.faults.repeated_in_file + self.faults.repeated_in_other_file

    @property
    def rejected(self) -> int:
        """Records that are damaged, or in conflict with an earlier one."""
        return sum(self.faults.damaged.values())

    @property
    def received(self) -> int:
        """Records in all files, but for the one that is repeated as a whole."""
        return self.accepted + self.duplicate + self.rejected

    @property
    def written(self) -> int:
        """Records in all files."""
        return self.received + self.faults.in_repeated_file


@dataclass(frozen=True)
class Emitted:
    """The files in the folder, how many of them are new, and the truth about their content."""

    folder: Path
    files: tuple[Path, ...]
    new_files: int
    size_bytes: int
    digest: str
    truth: Truth


def simulate(scenario: Scenario) -> list[Event]:
    """Return all events of the company, in order of time."""
    parties = make_parties(scenario)
    work = do_translations(scenario, parties)
    events = [
        *customer_events(scenario, parties.customers),
        *editor_events(scenario, parties.editors),
        *engine_events(scenario, parties.engines),
        *price_list_events(scenario, parties.price_lists),
        *work.events,
        *make_mistakes(scenario, bill(scenario, parties, work)),
        *usage_report_events(scenario, parties.customers),
    ]
    # What would occur after the end is cut off; the events of an object end with it.
    end = scenario.end
    return sorted((event for event in events if event.at < end), key=lambda event: (event.at, event.id))


def compose(scenario: Scenario) -> tuple[list[EventFile], Truth]:
    """Return the files of the company's events, and the truth about them."""
    events = simulate(scenario)
    files, faults = arrange(scenario, events)
    counts = Counter(event.type for event in events)
    counted = {event_type: counts[event_type] for event_type in sorted(counts)}
    mended, invoiced, paid = _books(events)
    return files, Truth(scenario.first_day, scenario.last_day, counted, faults, mended, invoiced, paid)


def _books(events: list[Event]) -> tuple[dict[str, int], dict[str, int], dict[str, int]]:
    """Count the events that mend, and sum what is invoiced and paid by those that stand."""
    records = [orjson.loads(event.line) for event in events if event.type in (ISSUED, PAID)]
    mended = Counter(kind for record in records for kind in ("corrects", "voids") if kind in record)
    taken_away = {record[kind] for record in records for kind in ("corrects", "voids") if kind in record}
    months: dict[str, str] = {}
    invoiced: Counter[str] = Counter()
    paid: Counter[str] = Counter()
    for record in records:
        data = record["data"]
        is_invoice = record["type"] == ISSUED
        if is_invoice:
            months[record["object"]] = f"{data['period_start'][:7]} {data['currency']}"
        if record["id"] not in taken_away and "voids" not in record:
            book, amount = (invoiced, "total_minor") if is_invoice else (paid, "amount_minor")
            book[months[record["object"]]] += data[amount]
    return dict(sorted(mended.items())), dict(sorted(invoiced.items())), dict(sorted(paid.items()))


def emit(
    folder: Path, *, seed: int = 7, days: int = 90, scale: float = 1.0, always_newest: bool = False
) -> Emitted:
    """Write the files of a simulation into a folder, and leave alone those that are there already."""
    files, truth = compose(Scenario.sized(seed, days, scale, always_newest))
    folder.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    new_files = size = 0
    for file in files:
        content = file.content()
        size += len(content)
        digest.update(f"{file.name}\0".encode() + hashlib.sha256(file.text()).digest())
        path = folder / file.name
        if path.exists() and path.read_bytes() == content:
            continue
        new_files += 1
        # Under another name first: whoever lands the folder must not see half a file.
        unfinished = folder / f".{file.name}.part"
        unfinished.write_bytes(content)
        unfinished.replace(path)
    paths = tuple(folder / file.name for file in files)
    return Emitted(folder, paths, new_files, size, digest.hexdigest(), truth)


def report(emitted: Emitted) -> str:
    """Return what was emitted, as JSON."""
    truth = emitted.truth
    totals = ("written", "received", "accepted", "duplicate", "rejected")
    return json.dumps(
        {
            "folder": str(emitted.folder),
            "files": len(emitted.files),
            "new_files": emitted.new_files,
            "size_bytes": emitted.size_bytes,
            "digest": emitted.digest,
            **{name: getattr(truth, name) for name in totals},
            **asdict(truth),
        },
        indent=2,
        default=str,
    )


def main() -> None:
    """Emit a simulation from the command line."""
    parser = argparse.ArgumentParser(description="Simulate the example company, and write its event files.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--days", type=int, default=90)
    parser.add_argument("--scale", type=float, default=1.0, help="share of the usual customers and requests")
    arguments = parser.parse_args()
    print(report(emit(arguments.folder, seed=arguments.seed, days=arguments.days, scale=arguments.scale)))


if __name__ == "__main__":
    main()
