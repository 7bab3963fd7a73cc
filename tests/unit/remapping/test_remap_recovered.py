"""A wider mapping over what was recovered: given landings, recoveries and remaps, expect the events.

Belongs here: which records of the quarantine a remap maps once more, and which it leaves. Not here: remaps of
what landings keep (`test_remap`).
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from event_archive import Archive, UnusableInput, verify
from event_archive.mapping.mapping import Mapping
from event_archive.quarantine.landed_again import clear_landed_again
from event_archive.quarantine.recover import recover
from event_archive.remapping.remap import remap
from event_archive.store.commit import Counts, segments_of
from event_archive.store.remaps import totals
from support.events import archived, new_archive
from support.hunting import examples
from support.mapped import LOST, MAPPING, land_records, record, written

Element = dict[str, Any]


def lost(number: int) -> Element:
    """The element that parcel `number` was lost."""
    return record(number, kind="lost", id=f"l{number}", place="Ulm")


def broken(number: int) -> Element:
    """An element that no mapping makes an event of."""
    return record(number, id=f"b{number}", grams="heavy")


def trip(*elements: Element) -> dict[str, Any]:
    return {"parcels": list(elements)}


def mappings(folder: Path) -> dict[str, Mapping]:
    """By name: one for single records, one that knows no lost parcels, one that does, one with remarks."""
    each = "each: parcels\n"
    texts = {
        "plain": MAPPING % "",
        "narrow": each + MAPPING % "",
        "lost": each + MAPPING % "" + LOST,
        "wide": each + MAPPING % ", remarks: remarks" + LOST,
    }
    return {name: written(folder / name, text) for name, text in texts.items()}


@dataclass
class ModelOfElements:
    """What the archive should hold, told plainly: who owns each event, and what still waits."""

    standing: dict[str, tuple[int, Any]] = field(default_factory=dict)
    taken: dict[int, list[Element]] = field(default_factory=dict)
    pending: list[list[Element]] = field(default_factory=list)

    def land(self, sequence: int, trips: list[dict[str, Any]], mapping: str) -> None:
        if mapping == "plain":
            self.pending += [each["parcels"] for each in trips]
            return
        for each in trips:
            outcomes = [self._take(sequence, element, mapping) for element in each["parcels"]]
            if "new" in outcomes:
                named = zip(each["parcels"], outcomes, strict=True)
                self.taken.setdefault(sequence, []).extend(
                    element for element, outcome in named if outcome != "refused"
                )
            named = zip(each["parcels"], outcomes, strict=True)
            self.pending += [[element] for element, outcome in named if outcome == "refused"]

    def recover(self, sequence: int, mapping: str) -> None:
        waiting, self.pending = self.pending, []
        for unit in waiting:
            outcomes = [self._take(sequence, element, mapping) for element in unit]
            if "new" in outcomes:
                self.taken.setdefault(sequence, []).extend(unit)
            if "refused" in outcomes:
                self.pending.append(unit)

    def remap(self, sequences: list[int], mapping: str) -> None:
        self.standing = {name: held for name, held in self.standing.items() if held[0] not in sequences}
        for sequence in sorted(sequences):
            for element in self.taken[sequence]:
                self._take(sequence, element, mapping)

    def _take(self, sequence: int, element: Element, mapping: str) -> str:
        if element["grams"] == "heavy" or (element["kind"] == "lost" and mapping == "narrow"):
            return "refused"
        data = {"place": element["place"]} if element["kind"] == "lost" else weighed(element, mapping)
        if element["id"] not in self.standing:
            self.standing[element["id"]] = sequence, data
            return "new"
        return "there" if self.standing[element["id"]][1] == data else "refused"


def weighed(element: Element, mapping: str) -> dict[str, Any]:
    data = {"label": element["label"], "grams": element["grams"], "due_at": None}
    return data | ({"remarks": element["remarks"]} if mapping == "wide" else {})


def held(archive: Archive) -> dict[str, Any]:
    return {event_id: event["data"] for (_, event_id), event in archived(archive).items()}


ELEMENTS = st.one_of(
    st.integers(0, 4).map(record),
    st.integers(0, 4).map(lambda number: record(number, remarks=None)),
    st.integers(0, 2).map(lambda number: record(number, grams=7)),
    st.integers(0, 3).map(lost),
    st.integers(0, 1).map(broken),
)
TRIP = st.lists(ELEMENTS, min_size=1, max_size=4).map(lambda drawn: trip(*drawn))
TRIPS = st.lists(TRIP, min_size=1, max_size=3)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("land"), st.tuples(st.sampled_from(["plain", "narrow", "lost"]), TRIPS)),
        st.tuples(st.just("recover"), st.sampled_from(["narrow", "lost", "wide"])),
        st.tuples(st.just("remap"), st.tuples(st.sampled_from(["lost", "wide"]), st.booleans())),
    ),
    min_size=3,
    max_size=6,
)


@settings(max_examples=examples(40))
@given(STEPS)
def test_what_stands_is_what_a_plain_model_says(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, Any]]
) -> None:
    folder = tmp_path_factory.mktemp("remap")
    archive, model, by = new_archive(folder), ModelOfElements(), mappings(folder)
    for name, (step, drawn) in enumerate(steps):
        if step == "land":
            trips = [
                {**each, "file": name} for each in drawn[1]
            ]  # a file that has landed does not land again
            landed = land_records(archive, trips, by[drawn[0]], f"{name}")
            if landed.commit:
                model.land(landed.commit.sequence, drawn[1], drawn[0])
        elif step == "recover":
            commit = recover(archive, mapping=by[drawn]).commit
            if commit:
                model.recover(commit.sequence, drawn)
        else:
            mapping, is_one = drawn
            result = remap(archive, by[mapping], list(model.taken)[-1:] if is_one else ())
            model.remap(result.landings, mapping)
            assert remap(archive, by[mapping], result.landings).commit is None
        assert held(archive) == {key: data for key, (_, data) in model.standing.items()}
        in_all = totals(archive.log.commits())
        assert (in_all.conserved, in_all.accepted) == (True, len(model.standing))
    assert sum(segment.rows for segment in segments_of(archive.log.commits())) == len(model.standing)
    assert verify(archive) == []


def test_a_recovered_element_says_more_and_one_that_is_still_refused_stays(tmp_path: Path) -> None:
    archive, by = new_archive(tmp_path), mappings(tmp_path)
    land_records(archive, [trip(record(1), lost(1), broken(1))], by["narrow"])
    assert recover(archive, mapping=by["lost"]).counts == Counts(1, accepted=1)
    land_records(archive, [trip(record(2))], by["lost"], "later")
    result = remap(archive, by["wide"])
    assert (result.landings, result.left_out) == ([1, 2, 3], {})
    assert result.counts == Counts(3, accepted=3)
    assert result.events.changed == {"parcel.weighed.v1": 2, "parcel.lost.v1": 0}
    assert totals(archive.log.commits()) == Counts(4, accepted=3, rejected=1)
    assert recover(archive, mapping=by["wide"]).commit is None
    assert verify(archive) == []


def test_landing_the_file_again_after_a_remap_clears_what_was_refused(tmp_path: Path) -> None:
    archive, by = new_archive(tmp_path), mappings(tmp_path)
    trips = [trip(record(1), lost(1), broken(1))]
    land_records(archive, trips, by["narrow"])
    remap(archive, by["wide"])
    again = land_records(archive, trips, by["wide"])
    assert again.earlier
    (recovery,) = clear_landed_again(archive, again, [by["narrow"], by["wide"]])
    assert recovery.counts == Counts(1, accepted=1)
    assert held(archive)["l1"] == {"place": "Ulm"}
    assert totals(archive.log.commits()) == Counts(3, accepted=2, rejected=1)
    assert clear_landed_again(archive, again, [by["wide"]]) == []
    assert verify(archive) == []


def test_a_record_that_gave_several_events_when_it_was_recovered(tmp_path: Path) -> None:
    archive, by = new_archive(tmp_path), mappings(tmp_path)
    land_records(archive, [trip(record(1), broken(1), record(2))], by["plain"])
    assert recover(archive, mapping=by["lost"]).commit
    assert totals(archive.log.commits()) == Counts(3, accepted=2, rejected=1)
    result = remap(archive, by["wide"])
    assert (result.landings, result.counts) == ([2], Counts(3, accepted=2, rejected=1))
    assert held(archive)["w2"]["remarks"] == record(2)["remarks"]
    assert totals(archive.log.commits()) == Counts(3, accepted=2, rejected=1)
    assert verify(archive) == []


def test_a_recovery_by_a_mapping_that_is_not_wider_is_refused_whole(tmp_path: Path) -> None:
    archive, by = new_archive(tmp_path), mappings(tmp_path)
    land_records(archive, [trip(lost(1)), trip(lost(2))], by["narrow"])
    recover(archive, mapping=by["lost"])
    each = "each: parcels\n" + MAPPING % "" + LOST
    misread = written(tmp_path / "misread", each.replace("place: place", "place: grams"))
    with pytest.raises(UnusableInput, match=r"commit 2, record 1 of commit 1: would be refused, contract"):
        remap(archive, misread)
    renamed = written(tmp_path / "renamed", each.replace("id: id", "id: parcel"))
    missing = r"parcel.lost.v1 with id 'l1' of source '/scales' would not come again; nothing was"
    with pytest.raises(UnusableInput, match=missing):
        remap(archive, renamed)
    assert len(archive.log.commits()) == 2
