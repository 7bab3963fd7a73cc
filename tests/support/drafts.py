"""Parcels at random: events of two types, one in two majors, that correct and void each other.

Belongs here: drawing them, for the properties of whatever reads the archive. Not here: what has to hold.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hypothesis import strategies as st

from event_archive import Archive
from support.events import (
    LOST,
    LOST_DATA,
    WEIGHED,
    WEIGHED_DATA,
    Event,
    contract_file,
    contracts_in,
    land_bytes,
    lines,
    lost,
    weighed,
)

LANDINGS = 3
FIRST = datetime(2026, 1, 1, tzinfo=UTC)
UNIQUE = "0f8fad5b-d9cb-469f-a165-70867728950e"
FIELDS = {"name" if name == "label" else name: kind for name, kind in WEIGHED_DATA["properties"].items()}
WEIGHED_AGAIN = contract_file(
    "parcel.weighed.v2",
    {"type": "object", "required": ["name", "grams", "due_at"], "properties": FIELDS},
    upcast_from_v1={"rename": {"name": "label"}},
)


def two_majors(folder: Path) -> Archive:
    files = contract_file(WEIGHED, WEIGHED_DATA), WEIGHED_AGAIN, contract_file(LOST, LOST_DATA)
    return Archive(folder / "archive", contracts_in(folder / "contracts", *files), may_create=True)


def at(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


@dataclass(frozen=True)
class Draft:
    """An event that may correct or void another (`target`: its number), and the landing it comes in."""

    kind: str
    hours: int
    minutes: int
    about: int
    landing: int
    mends: str | None
    target: int

    def event(self, number: int) -> Event:
        mending = {self.mends: f"e{self.target}"} if self.mends and self.target != number else {}
        changes: Event = {
            "id": f"e{number}",
            "time": at(FIRST + timedelta(hours=self.hours, minutes=self.minutes)),
            "object": f"parcel/{self.about}",
        } | mending
        if self.kind == "lost":
            return lost(number, **changes)
        if self.kind == "v1":
            return weighed(number, **changes)
        data = {"name": f"parcel {number}", "tracking_id": UNIQUE}
        event = weighed(number, type="parcel.weighed.v2", data=data, **changes)
        del event["data"]["label"]
        return event


DRAFTS = st.lists(
    st.builds(
        Draft,
        kind=st.sampled_from(["v1", "v2", "v2", "lost"]),
        hours=st.integers(0, 100) | st.integers(40, 44),
        minutes=st.sampled_from([0, 0, 1, 5]),
        about=st.integers(0, 1),
        landing=st.integers(0, 2),
        mends=st.sampled_from([None, "corrects", "voids"]),
        target=st.integers(0, 8),
    ),
    max_size=12,
)
MOMENTS = st.integers(0, 100).map(lambda hours: FIRST + timedelta(hours=hours))


def land_drafts(archive: Archive, drafts: list[Draft]) -> None:
    """Land these events, each in its landing, in whichever order they name each other."""
    for landing in range(LANDINGS):
        events = [draft.event(number) for number, draft in enumerate(drafts) if draft.landing == landing]
        land_bytes(archive, lines(events), f"{landing}.ndjson")
