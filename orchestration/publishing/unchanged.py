"""Whether what is published is what a refresh would derive, and if not, what of the last build it may keep.

Belongs here: writing the note of all that a build depends on, and comparing. Not here: the digests, and
reading the note (`build_inputs`), what else a project may read (`warehouse.unknown_inputs`), which nodes
follow (`planning.selection`), and building (`refresh`, `assets.models`).

The note (`inputs.json` beside dbt's files) holds, from before a build, the digests of what this is derived
from; and once all of it is published, the state of the warehouse's file and the version that is served. Where
all of these are as they were, nothing has to be built, unless a node may change by itself. Where the code and
the warehouse are, a build may keep what it would make again. Otherwise, or where the note is lost, everything
is built. Who asks for something (a replay, a rebuild) writes the warehouse, and so makes it another.
"""

import contextlib
import json
from collections.abc import Mapping
from dataclasses import asdict

from event_archive import Archive, UnusableInput
from event_archive.store.commit import segments_of
from event_archive.store.durable import make_durable_folder
from orchestration.dataset.version_marks import last_published
from orchestration.dataset.versions import Version, is_intact
from orchestration.publishing.build_inputs import (
    CORRECTIONS_WAITING,
    NOTE,
    Inputs,
    inputs_of_build,
    read_note,
    warehouse_stamps,
)
from orchestration.publishing.failed_build import forget_failure
from orchestration.settings import Settings
from orchestration.warehouse.build_record import last_build
from orchestration.warehouse.engine import open_warehouse
from orchestration.warehouse.outcomes import (
    NOTHING_BUILT,
    BuiltFrom,
    any_moves,
    corrections_waiting,
    read_built_from,
)


def note_inputs(settings: Settings, inputs: Inputs) -> None:
    """Note what a build is derived from, before it begins; needs the warehouse's lock."""
    make_durable_folder(settings.dbt_target)
    _write(settings, {"inputs": asdict(inputs)})


def note_published(settings: Settings, version: Version) -> None:
    """Note that all of the last build is published; needs the warehouse's lock, and comes last under it."""
    note = read_note(settings)
    if "inputs" in note:
        with open_warehouse(settings, read_only=True) as connection:
            moves, waiting = any_moves(connection), corrections_waiting(connection)
        served = {"version": version.number, "manifest": version.to_json()}
        kept = {"inputs": note["inputs"], "warehouse": warehouse_stamps(settings), "moves": moves}
        _write(settings, {**kept, **served, CORRECTIONS_WAITING: waiting})
    forget_failure(settings)


def is_unchanged(settings: Settings, archive: Archive, inputs: Inputs) -> bool:
    """Whether a build would give what is published; raises UnusableInput where a file of it was changed.

    The archive's files are what they were when they were checked: as in a build, which opens them.
    """
    version = last_published(settings)
    if version is None or not settings.warehouse.is_file() or not is_intact(settings, version):
        return False
    is_same = {"inputs": asdict(inputs), "warehouse": warehouse_stamps(settings), "moves": False}
    noted = {name: value for name, value in read_note(settings).items() if name != CORRECTIONS_WAITING}
    if noted != {**is_same, "version": version.number, "manifest": version.to_json()}:
        return False
    archive.files.locations(segments_of(archive.log.commits()))
    return True


def read_last_build(settings: Settings, code: str) -> BuiltFrom:
    """Of what the nodes in the warehouse were made, if all hold and this code made them; otherwise nothing.

    To be read before anything is asked for: whatever is written into the warehouse makes it another.
    """
    note = read_note(settings)
    inputs = note.get("inputs")
    is_of_code = isinstance(inputs, dict) and inputs.get("code") == code
    if (
        not is_of_code
        or not settings.warehouse.is_file()
        or note.get("warehouse") != warehouse_stamps(settings)
    ):
        return NOTHING_BUILT
    with open_warehouse(settings, read_only=True) as connection:
        build = last_build(connection)
        return read_built_from(connection) if build and build.complete else NOTHING_BUILT


def is_surely_unchanged(settings: Settings, archive: Archive) -> bool:
    """The same, for who only looks: where something is wrong, a build is to say what."""
    try:
        return is_unchanged(settings, archive, inputs_of_build(settings, archive.log.commits()))
    except UnusableInput:
        return False


def _write(settings: Settings, note: Mapping[str, object]) -> None:
    """Write the note; one that can't be written is worth no more than a build."""
    unfinished = settings.dbt_target / f".{NOTE}.unfinished"
    with contextlib.suppress(OSError):
        unfinished.write_text(json.dumps(note))
        unfinished.replace(settings.dbt_target / NOTE)
