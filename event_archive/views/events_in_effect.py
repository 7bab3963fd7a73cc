"""What corrections leave of an event type, as SQL: what stands, and what they had to do with.

Belongs here: which files have to be joined with the tables of corrections, and how. Not here: what is decided
(`corrections`), and the events as they came (`segment_sql`).

Corrections are few: most files hold neither one nor an event that one names. Which do is known before any
query, so those are read plainly, and only the others are joined with anything.
"""

from collections import defaultdict
from collections.abc import Sequence

from event_archive.archive import Archive
from event_archive.registry.contract import Contract, with_all
from event_archive.sql_text import quoted
from event_archive.store.commit import Commit, Segment, segments_of
from event_archive.views.correction_tables import SINCE
from event_archive.views.resolved_corrections import ResolvedCorrections
from event_archive.views.segment_sql import REPLACED, SCHEMA, upcast_view_sql, view_sql

_REMOVED = f"ANTI JOIN {SCHEMA}.removed_events USING (source, event_id)"
_AT_ITS_PLACE = (
    "SELECT events.* REPLACE (coalesce(place_at, events.occurred_at) AS occurred_at, "
    "coalesce(place_date, events.event_date) AS event_date)"
)
_CHAINS = f"JOIN {SCHEMA}.correction_chains AS chains USING (source, event_id)"


def at_its_place_sql(events: str) -> str:
    """Return the SELECT of a SELECT's events, in effect or not, each at its place in time."""
    return f"{_AT_ITS_PLACE} FROM ({events}) AS events LEFT {_CHAINS}"


def in_effect_sql(events: str) -> str:
    """Return the SELECT of those of a SELECT's events that are in effect, each at its place in time."""
    return f"{at_its_place_sql(events)} {_REMOVED}"


class EventsInEffect:
    """The SELECTs of views over some commits. They read what shows all events, and corrections."""

    def __init__(self, archive: Archive, commits: Sequence[Commit], corrections: ResolvedCorrections) -> None:
        self._archive = archive
        self._commits = commits
        decision, known = corrections.decision, corrections.known
        self._holding_removed = {known[key].segment for key in decision.removed}
        self._holding_chains = {known[key].segment for key in decision.changed}
        self._replaced: defaultdict[str, dict[int, list[Segment]]] = defaultdict(dict)
        for commit in commits:
            for segment in commit.replaces:
                self._replaced[segment.type].setdefault(commit.sequence, []).append(segment)

    def view_sql(self, view_name: str) -> str:
        """Return the SELECT of a view.

        Ordinarily it shows what is in effect. While the variable `corrections_since` holds the number of a
        commit, it shows the events instead that a correction had to do with which became known after it:
        corrections and what they name, all of the chain, each once, whether in effect or not; a correction
        at its place where it has one; and the events that a remap after it has replaced, as they were. The
        engine knows the variable as it plans, and opens no file of the part that is not asked for.
        """
        types = {contract.type for contract in self._archive.contracts.majors(view_name)}
        segments = [segment for segment in segments_of(self._commits) if segment.type in types]
        if not any(map(self._holds_chain, segments)) and types.isdisjoint(self._replaced):
            return f"SELECT * FROM {SCHEMA}.{quoted(with_all(view_name))} WHERE {SINCE} IS NULL"
        in_effect = upcast_view_sql(self._archive, view_name, self._commits, self._in_effect)
        touched = upcast_view_sql(self._archive, view_name, self._commits, self._touched)
        return (
            f"SELECT * FROM ({in_effect}) WHERE {SINCE} IS NULL "
            f"UNION ALL SELECT * FROM ({touched}) WHERE {SINCE} IS NOT NULL"
        )

    def _in_effect(self, archive: Archive, contract: Contract, segments: Sequence[Segment]) -> str:
        """Return the SELECT of the events in effect of an event type and major, by what has to be joined."""
        plain, holding_removed, correcting = [], [], []
        for segment in segments:
            if segment.corrections:
                correcting.append(segment)
            elif segment.path in self._holding_removed:
                holding_removed.append(segment)
            else:
                plain.append(segment)
        parts = []
        if plain or not segments:
            parts.append(view_sql(archive, contract, plain))
        if holding_removed:
            parts.append(f"SELECT * FROM ({view_sql(archive, contract, holding_removed)}) {_REMOVED}")
        if correcting:
            parts.append(in_effect_sql(view_sql(archive, contract, correcting)))
        return " UNION ALL ".join(parts)

    def _touched(self, archive: Archive, contract: Contract, segments: Sequence[Segment]) -> str:
        """Return the SELECT of the events of a type and major that corrections or remaps had to do with."""
        since = f"CAST({SINCE} AS BIGINT)"
        parts = [self._chained(archive, contract, segments)]
        for sequence, replaced in self._replaced.get(contract.type, {}).items():
            events = view_sql(archive, contract, replaced, REPLACED)
            parts.append(f"SELECT * FROM ({events}) WHERE {sequence} > {since}")
        return " UNION ALL ".join(parts)

    def _chained(self, archive: Archive, contract: Contract, segments: Sequence[Segment]) -> str:
        events = view_sql(archive, contract, [segment for segment in segments if self._holds_chain(segment)])
        since = f"changed_sequence > CAST({SINCE} AS BIGINT)"
        return f"{_AT_ITS_PLACE} FROM ({events}) AS events {_CHAINS} WHERE {since}"

    def _holds_chain(self, segment: Segment) -> bool:
        return segment.path in self._holding_chains
