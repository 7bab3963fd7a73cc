"""Inputs that land again by another mapping: what was rejected of them before is validated again by it.

Belongs here: finding those records, and clearing what is an event by now. Not here: the landing
(`landing.land`) and the validation (`recover`).
"""

from collections.abc import Iterable

from event_archive.archive import Archive
from event_archive.landing.land import Landed
from event_archive.limits import Limits
from event_archive.mapping.mapping import Mapping
from event_archive.quarantine.recover import Recovery, Selection, recover
from event_archive.store.commit import LANDING
from event_archive.store.remaps import mappings_in_effect


def clear_landed_again(
    archive: Archive, landed: Landed, mappings: Iterable[Mapping], limits: Limits | None = None
) -> list[Recovery]:
    """Validate again what landings of the same bytes rejected, by the mapping that its events come from now.

    It is one of `mappings`. Returns what changed: a record whose event the new landing brought is a duplicate
    of that, and one that it rejected as well is a duplicate of the rejected one.
    """
    commit = landed.commit or landed.earlier
    if commit is None:
        return []
    known = archive.log.commits()
    digest = mappings_in_effect(known).get(commit.sequence)
    mapping = next((mapping for mapping in mappings if mapping.digest == digest), None)
    if mapping is None:
        return []
    recoveries = [
        recover(
            archive,
            Selection(sequence=other.sequence),
            mapping=mapping,
            limits=limits,
            landed_again=other.sequence < commit.sequence,
        )
        for other in known
        if other.kind == LANDING
        and other.batch == commit.batch
        and other.mapping is not None
        and other.quarantine is not None
        # What it rejected itself was by another mapping, where a remap made its events by this one.
        and (other.sequence < commit.sequence or (other == commit and other.mapping != digest))
    ]
    return [recovery for recovery in recoveries if recovery.commit]
