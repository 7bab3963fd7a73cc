"""Who writes and who reads, and a reason why the one can't read the other.

Belongs here: what both the rules of messages and those of fields are told by. Not here: the rules
(`messages`, `fields`), and the finding with its place and example (`compare`).
"""

from dataclasses import dataclass

from google.protobuf.descriptor import FieldDescriptor

from event_archive.evolution.compatibility.findings import Verdict
from event_archive.evolution.compatibility.protobuf.reading import Json
from event_archive.evolution.compatibility.protobuf.schema import Schema, name_of


@dataclass(frozen=True)
class Sides:
    """Who writes and who reads; `is_backward`: the old schema writes."""

    writer: Schema
    reader: Schema
    is_backward: bool

    def named(self, backward: str, forward: str) -> str:
        """The name of a rule: it says how the old file became the new one, whoever writes."""
        return backward if self.is_backward else forward

    def change(self, one: str, other: str) -> str:
        """What the writer's and the reader's side say, told from old to new."""
        old, new = (one, other) if self.is_backward else (other, one)
        return f"was {old} and is {new}"


@dataclass(frozen=True)
class Reason:
    """A reason against compatibility; `values`: fields of the writer's message that may show it."""

    verdict: Verdict
    rule: str
    sentence: str
    values: Json | None = None


def label_of(field: FieldDescriptor) -> str:
    """A field as sentences name it."""
    return f"field {field.number} `{name_of(field)}`"
