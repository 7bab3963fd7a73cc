"""What is read without an error under another Avro schema, and is not the value that was written.

Belongs here: where resolution puts a default or a near value in the place of what was written, as cautions:
the specification calls these schemas compatible. Not here: what speaks against a pair (`compare`, `logical`).
"""

from collections.abc import Iterable, Mapping

from event_archive.evolution.compatibility.avro.example import AvroStep, path_of
from event_archive.evolution.compatibility.avro.names import is_promotable
from event_archive.evolution.compatibility.avro.schema import MISSING, AvroField, Node
from event_archive.evolution.compatibility.findings import Caution, Direction

DIGITS = {("int", "float"): 24, ("long", "float"): 24, ("long", "double"): 53}
"""The binary digits that are left of an integer that is read as a number with a point."""
MOST_UNREAD, MOST_TOLD = 50, 5


class SilentChanges:
    """Collects the cautions of one direction, each once."""

    def __init__(self, direction: Direction, under: str) -> None:
        self._direction, self._under = direction, under
        self._found: dict[tuple[str, str], Caution] = {}
        self._enums: set[tuple[int, int]] = set()

    @property
    def cautions(self) -> tuple[Caution, ...]:
        """What was found, in the order of the places."""
        return tuple(self._found.values())

    def look_at_values(self, writer: Node, reader: Node, at: AvroStep | None) -> None:
        """Look at two types that match: at what a promotion and an enum's default do to values."""
        digits = DIGITS.get((writer.kind, reader.kind))
        if digits is not None:
            kinds = f"{_article(writer.kind)} is read as {_article(reader.kind)}"
            why = f"{kinds}: beyond 2^{digits}, it may be another number"
            self._caution(path_of(at), "digits_lost", why)
        pair = id(writer), id(reader)
        if writer.kind != "enum" or reader.default is None or pair in self._enums:
            return
        self._enums.add(pair)
        gone = [symbol for symbol in writer.symbols if symbol not in reader.symbol_set]
        if gone:
            why = (
                f"{self._under} schema's {reader.name} lacks {_listed(gone)}: "
                f"read as its default, {reader.default}"
            )
            self._caution(path_of(at), "enum_symbol_defaulted", why)

    def look_at_fields(
        self, writer: Node, reader: Node, sources: Mapping[str, list[str]], at: AvroStep | None
    ) -> None:
        """Look at a record's fields that only one side has; `sources`: the names that each is read from.

        A field of the reader's that falls back to its default, beside one of the writer's that could be read
        as it and is not read, may be that field by another name.
        """
        taken = {name for names in sources.values() for name in names}
        unread = [field for field in writer.fields if field.name not in taken][:MOST_UNREAD]
        for field in reader.fields if unread else ():
            if sources[field.name] or field.default is MISSING:
                continue
            likely = [other.name for other in unread if _could_be_read(other, field)]
            if likely:
                why = (
                    f"{self._under} schema reads {field.name} as its default, and does not read "
                    f"{_listed(likely, 'nor')}: where that is the same field, name it as an alias"
                )
                self._caution(path_of(AvroStep(at, writer, field.name)), "field_defaulted", why)

    def _caution(self, path: str, rule: str, why: str) -> None:
        self._found.setdefault((path, rule), Caution(path, rule, why, self._direction))


def _could_be_read(written: AvroField, read: AvroField) -> bool:
    """Whether some value of one field has a type that the other reads, without looking into it."""
    return any(
        one.kind != "null" and (one.kind == other.kind or is_promotable(one, other))
        for one in written.node.branches or (written.node,)
        for other in read.node.branches or (read.node,)
    )


def _listed(names: Iterable[str], last: str = "and") -> str:
    told = list(names)
    more = [f"{len(told) - MOST_TOLD} more"] if len(told) > MOST_TOLD else []
    shown = [*told[:MOST_TOLD], *more]
    return f" {last} ".join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)


def _article(kind: str) -> str:
    return f"an {kind}" if kind == "int" else f"a {kind}"
