"""What a value, or the columns of a relation, read of events: the vocabulary of column lineage.

Belongs here: values, their fields, and how they combine. Not here: the SQL that they are found in
(`column_lineage`).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

Leaf = tuple[str, str]
"""A view of events, and a path in its data; the path "" is all of it."""

ENVELOPE_IS_FREE = frozenset[Leaf]()


@dataclass(frozen=True)
class Value:
    """What a value reads. `fields`: of a struct, by name; `event`: part of an event's data, by its path."""

    leaves: frozenset[Leaf] = ENVELOPE_IS_FREE
    fields: Mapping[str, "Value"] = field(default_factory=dict)
    event: Leaf | None = None

    def all_leaves(self) -> frozenset[Leaf]:
        """Everything that it reads."""
        whole = {self.event} if self.event else set()
        return self.leaves.union(whole, *(value.all_leaves() for value in self.fields.values()))

    def get(self, name: str) -> "Value":
        """A field of the struct; all that the struct reads where it is not known."""
        if self.event:
            view, path = self.event
            return Value(self.leaves, event=(view, f"{path}.{name}" if path else name))
        known = {key.lower(): value for key, value in self.fields.items()}.get(name.lower())
        return Value(self.all_leaves()) if known is None else known.plus(self.leaves)

    def item(self) -> "Value":
        """An item of the list."""
        return Value(self.leaves, event=(self.event[0], f"{self.event[1]}[]")) if self.event else self

    def plus(self, leaves: frozenset[Leaf]) -> "Value":
        """The same, which reads more."""
        return Value(self.leaves | leaves, self.fields, self.event)


NOTHING = Value()


@dataclass
class Relation:
    """Columns by name, what decides which rows there are, and what an unknown column may read."""

    columns: dict[str, Value] = field(default_factory=dict)
    rows: Value = NOTHING
    rest: Value | None = None

    def all(self) -> Value:
        """Everything that it reads."""
        parts = [*self.columns.values(), self.rows, self.rest or NOTHING]
        return merged(parts)


Tables = dict[tuple[str, str], Relation]


def merged(values: Iterable[Value]) -> Value:
    """What several values read together, without their structure."""
    return Value(frozenset[Leaf]().union(*(value.all_leaves() for value in values)))


def either(left: Value, right: Value) -> Value:
    """A value that is the left or the right one: structs field by field."""
    if left.event or right.event:
        return left if left == right else merged([left, right])
    names = {**left.fields, **right.fields}
    fields = {name: either(left.fields.get(name, NOTHING), right.fields.get(name, NOTHING)) for name in names}
    return Value(left.leaves | right.leaves, fields)


def event_relation(view_name: str) -> Relation:
    """A view of events: `data` is followed, and nothing else changes with a contract."""
    return Relation({"data": Value(event=(view_name, ""))}, rest=NOTHING)
