"""What the parts of the proof ask of the whole, for what lies deeper or is a choice.

Belongs here: the interface that breaks the circle between the proof and its parts. Not here: the proof
(`proof`), and its parts (`choices`, `members`).
"""

from typing import Protocol

from event_archive.evolution.compatibility.json_schema.facts import Facts
from event_archive.evolution.compatibility.json_schema.gap import Gap


class Prover(Protocol):
    """A search for gaps that its parts may continue."""

    def gaps(self, writer: Facts, reader: Facts, path: tuple[str, ...] = (), splits: int = 0) -> list[Gap]:
        """Where a value of the writer's may be none of the reader's; empty where none is."""

    def disjoint(self, first: Facts, second: Facts, depth: int = 4) -> bool:
        """Whether it is shown that no value is accepted by both."""
