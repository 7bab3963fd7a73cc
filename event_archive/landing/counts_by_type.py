"""What became of a landing's records by event type: duplicates by day, rejected records by reason.

Belongs here: counting them as they are found. Not here: finding them (`deduplicate`, `router`), and what a
commit says (`store.commit`). Of a rejected record the type is what it claims, if it claims one that has a
contract: any other text in that place is the producer's, and may be anything; these are counted as
`OTHER`. Its day is not known: what is rejected may have none.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from event_archive.landing.deduplicate import Repeated
from event_archive.landing.routed import Routed
from event_archive.landing.segment_file import rows_per_day
from event_archive.registry.contract import Contracts
from event_archive.store.commit import OTHER
from event_archive.validation.exact_validator import Rejected


class CountsByType:
    """Counts of one transaction, added up chunk by chunk."""

    def __init__(self, contracts: Contracts) -> None:
        self._contracts = contracts
        self._duplicates: dict[str, Counter[str]] = {}
        self._rejected: dict[str, Counter[str]] = {}

    @property
    def duplicates(self) -> Mapping[str, Mapping[str, int]]:
        """Duplicates by type and ISO `event_date`."""
        return {name: dict(sorted(days.items())) for name, days in sorted(self._duplicates.items())}

    @property
    def rejected(self) -> Mapping[str, Mapping[str, int]]:
        """Rejected records by the type that they claim, where it has a contract, and the reason."""
        return {name: dict(sorted(reasons.items())) for name, reasons in sorted(self._rejected.items())}

    def add(self, routed: Routed, repeated: Repeated, rejected: Sequence[tuple[int, Rejected]]) -> None:
        """Count what was found in a chunk."""
        for _, why in rejected:
            name = why.type if why.type and why.type in self._contracts else OTHER
            self._rejected.setdefault(name, Counter())[why.reason] += 1
        for name, rows in repeated.duplicates.items():
            if not rows:
                continue
            typed = routed.tables[name]
            table = typed.events
            dates = table.filter(pc.is_in(table["n"], pa.array(rows, pa.int64())))["event_date"]
            self._duplicates.setdefault(typed.contract.type, Counter()).update(rows_per_day(dates))
