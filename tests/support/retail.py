"""A shop's tills: facts whose keys are not the id of the object that events are about, some of them null.

Belongs here: its events, building its facts in this process, and what they have to hold. Not here: tests. A
line of an invoice is the object; invoices, customers (of whom one is unknown) and what each bought are facts.
"""

import json
import random
import shutil
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from pathlib import Path
from unittest.mock import patch

import duckdb

from event_archive import Source, land
from orchestration import refresh
from orchestration.settings import PROJECT, Settings
from support.dbt_in_process import parsed_once

RETAIL = PROJECT / "tests" / "pipeline" / "retail"
NO_LOCK = -1
TABLES = ("customer_products", "customers", "invoice_days", "invoices", "large_invoices", "last_sales")
Row = tuple[object, ...]


@dataclass(frozen=True)
class Line:
    """One event about a line of an invoice; `corrects` and `voids` name an earlier one."""

    id: str
    line: str
    invoice: str
    amount: int
    customer: str | None = "c1"
    product: str = "p1"
    day: int = 2
    verb: str = "sold"
    corrects: str | None = None
    voids: str | None = None

    @property
    def json(self) -> dict[str, object]:
        """The event as CloudEvents JSON."""
        mending = {"corrects": self.corrects, "voids": self.voids}
        return {
            "specversion": "1.0",
            "id": self.id,
            "source": "/tills",
            "type": f"line.{self.verb}.v1",
            "time": f"2026-01-{self.day:02}T12:00:00Z",
            "actor": "clerk/1",
            "object": f"line/{self.line}",
            **{name: value for name, value in mending.items() if value},
            "data": {
                "invoice_id": self.invoice,
                "product_id": self.product,
                "customer_id": self.customer,
                "quantity": 1,
                "amount_minor": self.amount,
            },
        }


def installation(folder: Path, *, own_project: bool = False) -> Settings:
    """An installation of the shop with an empty archive; `own_project`: its dbt project may be changed."""
    project = RETAIL / "dbt_project"
    if own_project:
        project = Path(shutil.copytree(project, folder / "dbt_project", symlinks=True))
    settings = Settings(home=folder / "home", contracts=RETAIL / "contracts", dbt_project=project)
    settings.open_archive(may_create=True)
    return settings


def land_lines(settings: Settings, lines: Iterable[Line]) -> None:
    """Land these events as one file; none may be refused."""
    path = settings.home / "lines.ndjson"
    path.write_text("".join(json.dumps(line.json) + "\n" for line in lines))
    assert land(settings.open_archive(), Source(path.name, path)).counts.rejected == 0


def build(settings: Settings, *, from_nothing: bool = False) -> None:
    """Build everything over the log as it is, as a refresh does, in this process and without tests."""
    with patch("orchestration.refresh.run_dbt", partial(parsed_once(parsing(settings)).run)):
        refresh.build(settings, settings.open_archive(), NO_LOCK, from_nothing=from_nothing)


def parsing(settings: Settings) -> Settings:
    """The settings by which the project is parsed: the same for every home, so that it is parsed once."""
    return Settings(home=PROJECT / "var", contracts=settings.contracts, dbt_project=settings.dbt_project)


def rows(settings: Settings, table: str) -> list[Row]:
    """The rows of a fact, without what says when something landed."""
    with closing(duckdb.connect(settings.warehouse, read_only=True)) as connection:
        selected = connection.sql(f"SELECT * EXCLUDE (first_sequence, last_sequence) FROM sales.{table}")
        return sorted(selected.fetchall(), key=repr)


def facts(settings: Settings) -> dict[str, list[Row]]:
    """The rows of every fact."""
    return {table: rows(settings, table) for table in TABLES}


def from_nothing(settings: Settings) -> Settings:
    """The same log derived from nothing, beside."""
    other = replace(settings, warehouse_file=settings.home / "from-nothing" / "warehouse.duckdb")
    shutil.rmtree(other.warehouse.parent, ignore_errors=True)
    other.warehouse.parent.mkdir()
    build(other, from_nothing=True)
    return other


def standing(landed: Sequence[Line]) -> list[Line]:
    """What stands of these events: each at its place, with what was corrected and voided left out.

    Written from the rules alone. A correction counts once what it names stands, or stood; the last one of a
    place counts, in the order of (time, id).
    """
    by_id = {line.id: line for line in landed}
    mending = sorted(
        (line for line in landed if line.corrects or line.voids), key=lambda line: (line.day, line.id)
    )

    def root(line: Line) -> Line | None:
        named = line.corrects or line.voids
        if named is None:
            return line
        target = by_id.get(named)
        if target is None or target.line != line.line or target.verb != line.verb:
            return None
        is_earlier = (
            (target.day, target.id) < (line.day, line.id)
            if target.corrects or target.voids
            else (target.day <= line.day)
        )
        return root(target) if is_earlier else None

    taken_back: set[str] = set()
    for line in reversed(mending):
        if line.voids and root(line) and line.id not in taken_back and by_id[line.voids] in mending:
            taken_back.add(line.voids)
    in_place: dict[str, Line | None] = {
        line.id: line for line in landed if not line.corrects and not line.voids
    }
    for line in mending:
        place = root(line)
        if place is None or line.id in taken_back:
            continue
        if line.corrects:
            in_place[place.id] = replace(line, day=place.day)
        elif by_id[line.voids or ""] == place:
            in_place[place.id] = None
    return [line for line in in_place.values() if line]


def expected(landed: Sequence[Line]) -> Mapping[str, list[Row]]:
    """What the facts hold by what stands of these events."""
    groups: dict[str, dict[Row, list[Line]]] = {table: defaultdict(list) for table in TABLES}
    for line in standing(landed):
        groups["customers"][line.customer,].append(line)
        groups["customer_products"][line.customer, line.product].append(line)
        if line.verb == "sold":
            groups["invoices"][line.invoice,].append(line)
            groups["last_sales"][line.customer, line.product].append(line)
            groups["large_invoices"][line.invoice,].append(line)
            groups["invoice_days"][line.invoice, f"2026-01-{line.day:02}"].append(line)
    return {table: _rows(table, of_table) for table, of_table in groups.items()}


def _rows(table: str, groups: Mapping[Row, Sequence[Line]]) -> list[Row]:
    def signed(line: Line) -> int:
        return line.amount if line.verb == "sold" else -line.amount

    def count(lines: Sequence[Line], verb: str) -> int:
        return sum(line.verb == verb for line in lines)

    def values(lines: Sequence[Line]) -> Row:
        total = sum(map(signed, lines))
        last = max(lines, key=lambda line: (line.day, line.id))
        return {
            "customers": (len(lines), total),
            "customer_products": (count(lines, "sold"), count(lines, "returned")),
            "invoices": (len(lines), total, min(f"2026-01-{line.day:02}" for line in lines)),
            "large_invoices": (len(lines),),
            "last_sales": (last.id, last.amount, len(lines)),
            "invoice_days": (len(lines),),
        }[table]

    shown = {key: lines for key, lines in groups.items() if table != "large_invoices" or len(lines) > 1}
    return sorted(((*key, *values(lines)) for key, lines in shown.items()), key=repr)


def as_text(found: Mapping[str, list[Row]]) -> dict[str, list[Row]]:
    """Rows with their days as texts."""
    return {table: sorted((_texts(row) for row in of_table), key=repr) for table, of_table in found.items()}


def _texts(row: Row) -> Row:
    return tuple(value.isoformat() if isinstance(value, date) else value for value in row)


def dealt(seed: int, count: int = 60) -> list[Line]:
    """Events at random: sold and returned, corrected (to another invoice, too), voided, in chains."""
    chance = random.Random(seed)
    lines: list[Line] = []
    for number in range(count):
        earlier = [line for line in lines if line.day <= 25]
        kind = chance.choice(["new", "new", "corrects", "voids"]) if earlier else "new"
        new = Line(
            f"e{number:03}",
            f"l{number}",
            chance.choice(["i1", "i2", "i3", "i4"]),
            chance.randint(1, 999),
            chance.choice([None, "c1", "c2"]),
            chance.choice(["p1", "p2"]),
            chance.randint(2, 20),
            chance.choice(["sold", "sold", "returned"]),
        )
        if kind != "new":
            named = chance.choice(earlier)
            new = replace(
                new, line=named.line, verb=named.verb, day=min(named.day + chance.randint(0, 3), 28)
            )
            # Now and then it names what never lands.
            name = named.id if chance.random() < 0.85 else f"{named.id}-mistyped"
            new = replace(new, corrects=name) if kind == "corrects" else replace(new, voids=name)
        lines.append(new)
    return lines
