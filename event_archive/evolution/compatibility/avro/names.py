"""Which Avro types match: by promotion, by name and alias, and which branch of a reader's union is taken.

Belongs here: matching two types without looking into them. Not here: what is inside (`compare`).
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from event_archive.evolution.compatibility.avro.schema import AvroSchema, Node

PROMOTIONS = {
    "int": frozenset({"long", "float", "double"}),
    "long": frozenset({"float", "double"}),
    "float": frozenset({"double"}),
    "string": frozenset({"bytes"}),
    "bytes": frozenset({"string"}),
}


class Likeness(Enum):
    """How the name of a writer's type is that of a reader's."""

    FULL = "the same full name, or an alias of it"
    SHORT = "the same name in another namespace, which the specification calls a match"
    LOOSE = "an alias without its namespace: fastavro takes it, the specification and Java don't"
    NONE = "another name"


@dataclass(frozen=True)
class Candidates:
    """The branches that readers may take, first the specification's, and why there are doubts."""

    branches: tuple[Node, ...]
    doubt: str = ""


def is_promotable(writer: Node, reader: Node) -> bool:
    """Whether a primitive type may be read as another one."""
    return reader.kind in PROMOTIONS.get(writer.kind, ())


def likeness(writer: Node, reader: Node) -> Likeness:
    """How two named types are alike by name."""
    if writer.name == reader.name or writer.name in reader.aliases:
        return Likeness.FULL
    if writer.short_name == reader.short_name:
        return Likeness.SHORT
    return Likeness.LOOSE if writer.short_name in reader.plain_aliases else Likeness.NONE


def candidates(writer: Node, union: Node) -> Candidates:
    """The branches of a reader's union for a writer's type that is no union itself."""
    if writer.is_named:
        return _named_candidates(writer, union)
    first = next(
        (branch for branch in union.branches if branch.kind == writer.kind or is_promotable(writer, branch)),
        None,
    )
    if first is None:
        return Candidates(())
    # The specification and fastavro take the first that matches; Java prefers the very type.
    same = next((branch for branch in union.branches if branch.kind == writer.kind), first)
    return Candidates((first,) if same is first else (first, same))


def _named_candidates(writer: Node, union: Node) -> Candidates:
    named = [
        branch
        for branch in union.branches
        if branch.is_named and likeness(writer, branch) is not Likeness.NONE
    ]
    alike = [branch for branch in named if branch.kind == writer.kind]
    # A fixed matches by size too; if none does, the first is told as one of another size.
    sized = [branch for branch in alike if branch.size == writer.size] or alike[:1]
    if not sized:
        return Candidates(())
    first = next((branch for branch in sized if likeness(writer, branch) is not Likeness.LOOSE), sized[0])
    like = likeness(writer, first)
    if named[0] is not first or (len(alike) > 1 and like is not Likeness.FULL):
        return Candidates(
            (first,), "more than one branch has its name or alias, and readers differ in which they take"
        )
    if like is Likeness.LOOSE:
        return Candidates((first,), "its alias is without the namespace, which some readers don't take")
    if like is Likeness.SHORT and writer.kind != "record":
        return Candidates((first,), f"Java finds a branch of type {writer.kind} only by its full name")
    return Candidates((first,))


def contested_aliases(writer: AvroSchema, reader: AvroSchema) -> Iterator[str]:
    """Names of the writer's types that, by aliases, more than one of the reader's types claims."""
    claims = Counter(name for node in reader.named for name in {node.name, *node.aliases})
    return (node.name for node in writer.named if claims[node.name] > 1)
