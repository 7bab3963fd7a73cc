"""Recovery: given refused records and contracts or repairs that came later, expect events and states.

Belongs here: what is recovered, and what is said of each record. Not here: crashes and several processes
(`test_archive_invariants`), and the command line (`test_quarantine_commands`).
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from events import (
    LOST_DATA,
    WEIGHED_DATA,
    archived,
    contract_file,
    contracts_in,
    land_bytes,
    lines,
    lost,
    new_archive,
    weighed,
)

from event_archive.archive import Archive
from event_archive.log import Counts, totals
from event_archive.outcomes import refused_records
from event_archive.recovery import recover
from event_archive.verify import verify

FOUND = "parcel.found.v1"


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return new_archive(tmp_path)


def with_contracts(archive: Archive, **data: Mapping[str, Any]) -> Archive:
    """The same archive under other contracts: the `data` of weighed, lost or found."""
    folder = archive.root.parent / f"contracts-{len(list(archive.root.parent.iterdir()))}"
    schemas = {"weighed": WEIGHED_DATA, "lost": LOST_DATA} | data
    files = [contract_file(f"parcel.{verb}.v1", schema) for verb, schema in schemas.items()]
    return Archive(archive.root, contracts_in(folder, *files))


def states(archive: Archive) -> list[tuple[Any, ...]]:
    """Every refused record: commit, position, state, latest reason, the commit that gave the state."""
    with refused_records(archive) as connection:
        return connection.execute(
            "SELECT sequence, position, state, reason, judged_in FROM records ORDER BY sequence, position"
        ).fetchall()


def found(number: int, **changes: Any) -> dict[str, Any]:
    return lost(number, **{"type": FOUND, "id": f"found-{number}"} | changes)


def test_records_of_a_type_whose_contract_comes_later_are_recovered(archive: Archive) -> None:
    land_bytes(archive, lines([weighed(1), found(1), b"broken", found(2)]))
    later = with_contracts(archive, found=LOST_DATA)
    recovery = recover(later)
    assert recovery.commit
    assert (recovery.commit.kind, recovery.commit.sequence) == ("recovery", 2)
    assert recovery.counts == Counts(received=2, accepted=2)
    assert (recovery.judged, recovery.unchanged) == (3, 1)
    assert archived(later).keys() == {("/post", "event-1"), ("/post", "found-1"), ("/post", "found-2")}
    assert states(later) == [
        (1, 2, "recovered", "unknown_type", 2),
        (1, 3, "refused", "invalid_json", None),
        (1, 4, "recovered", "unknown_type", 2),
    ]
    assert verify(later) == []
    assert totals(later.log.commits()) == Counts(4, 3, 0, 1)
