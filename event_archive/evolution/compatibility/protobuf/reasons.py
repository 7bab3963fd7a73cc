"""Who writes and who reads, and a reason why the reader can't read what is written.

Belongs here: what the rules of messages and those of fields share. Not here: the rules
(`messages`, `fields`), and the finding with its place and example (`compare`).
"""

from dataclasses import dataclass

from google.protobuf.descriptor import FieldDescriptor

from event_archive.evolution.compatibility.findings import Verdict
from event_archive.evolution.compatibility.protobuf.reading import Json
from event_archive.evolution.compatibility.protobuf.schema import Schema, name_of


@dataclass(frozen=True)
class SchemaPair:
    """Who writes and who reads; `is_backward`: the old schema writes."""

    writer: Schema
    reader: Schema
    is_backward: bool

    def named(self, backward: str, forward: str) -> str:
        """The name of a rule: it says how the old file became the new one, whoever writes."""
        return backward if self.is_backward else forward

    def change(self, writer: str, reader: str) -> str:
        """The change from the old schema's text to the new one's, as sentences put it."""
        old, new = (writer, reader) if self.is_backward else (reader, writer)
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
