"""Facts over events that a wider mapping made others: given a remap, expect what a build from nothing gives.

Belongs here: keys that events had before a remap and have no more, and those that they have since. Not here:
which events stand (`unit/landing/test_remap`).
"""

import json
from datetime import date
from pathlib import Path

from event_archive import Source, land
from event_archive.mapping.mapping import Mapping, load_mapping
from event_archive.remapping.remap import remap
from orchestration.assets.event_partitions import materializations
from support.retail import Line, build, facts, from_nothing, installation, land_lines, rows

MAPPING = """
choose: kind
event:
  id: id
  source: {$constant: /tills}
  time: at
  actor: {clerk: till}
  object: {line: line}
rules:
  sold:
    type: line.sold.v1
    data: {invoice_id: %s, %s}
  gift: {%s}
"""
REST = "product_id: {$constant: p1}, customer_id: customer, quantity: {$constant: 1}, amount_minor: amount"
GIFT = "type: line.returned.v1, data: {invoice_id: receipt, " + REST + "}"


def mapping(folder: Path, invoice: str, gift: str) -> Mapping:
    path = folder / "mapping.yaml"
    path.write_text(MAPPING % (invoice, REST, gift))
    return load_mapping(path)


def sold(number: int, bill: str, receipt: str, amount: int, kind: str = "sold") -> dict[str, object]:
    at = f"2026-01-{number:02}T12:00:00Z"
    own = {"id": f"t{number}", "line": f"line-{number}", "bill": bill, "receipt": receipt, "amount": amount}
    return own | {"kind": kind, "at": at, "till": "1", "customer": None if number % 2 else f"c{bill}"}


def test_a_fact_derives_the_keys_again_that_events_had_and_have(tmp_path: Path) -> None:
    settings = installation(tmp_path)
    archive = settings.open_archive()
    path = tmp_path / "tills.ndjson"
    records = [
        sold(2, "b1", "i1", 10),
        sold(3, "b2", "i1", 20),
        sold(4, "b2", "i2", 40),
        sold(5, "b3", "i9", 5, "gift"),
    ]
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    narrow = mapping(tmp_path, "bill", "ignore: nobody counts them")
    assert land(archive, Source("tills", path), mapping=narrow).counts.accepted == 3
    land_lines(settings, [Line("1", "z", "b1", 100), Line("9", "line-4", "i2", 7, corrects="t4", day=9)])
    build(settings)
    assert ("b2", 1, 20, date(2026, 1, 3)) in rows(settings, "invoices")
    result = remap(archive, mapping(tmp_path, "receipt", GIFT))
    assert result.commit
    assert result.events.changed == {"line.returned.v1": 0, "line.sold.v1": 3}
    build(settings)
    assert [row[:3] for row in rows(settings, "invoices")][:2] == [("b1", 1, 100), ("i1", 2, 30)]
    assert facts(settings) == facts(from_nothing(settings))
    reported = materializations(archive, [result.commit], threads=1)
    days = {(event.asset_key.path[-1], event.partition) for event in reported}
    assert {("sold", f"2026-01-0{day}") for day in (2, 3, 4)} | {("returned", "2026-01-05")} == days
