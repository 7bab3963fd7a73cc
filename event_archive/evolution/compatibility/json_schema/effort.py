"""How much a proof or a search may do: counted in parts looked at, never in seconds.

Belongs here: the bound, and what a value weighs. So equal schemas get equal verdicts, also on a busy machine.
Not here: what is counted (`Document.work`, to which all that looks at a document adds).
"""

from typing import Any

from event_archive.evolution.compatibility.json_schema.document import Document

CHARACTERS_OF_A_PART, VALUES_OF_A_UNIT = 16, 64  # of values; validators are faster than a proof


class Effort:
    """What may still be done with some documents; one unit is about one part of a schema looked at."""

    def __init__(self, documents: tuple[Document, ...], most: int) -> None:
        self.documents = documents
        self.end = self._done() + most

    @property
    def is_over(self) -> bool:
        """Whether nothing more may be done."""
        return self._done() >= self.end

    def _done(self) -> int:
        return sum(document.work for document in self.documents)


def weight_of(value: Any) -> int:
    """What a validator's look at a value counts; most of it does not depend on the value."""
    waiting, parts = [value], 0
    while waiting:
        part = waiting.pop()
        parts += 1
        if isinstance(part, dict):
            waiting += part.values()
        elif isinstance(part, list):
            waiting += part
        elif isinstance(part, str):
            parts += len(part) // CHARACTERS_OF_A_PART
    return 1 + parts // VALUES_OF_A_UNIT
