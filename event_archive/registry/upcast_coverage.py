"""Whether the rules of an upcast account for every field of both majors, so that nothing is lost silently.

Belongs here: which rules were applied, which old fields were used, and what is left over.
Not here: the rules (`upcast_rules`), and what they come to in SQL (`upcast_compiler`).
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

from event_archive.registry.column_types import ColumnType, ListOf, Struct
from event_archive.registry.field_paths import joined, parents
from event_archive.registry.upcast_rules import Upcast


@dataclass
class UpcastCoverage:
    """Paths of the old fields that were used, and the rules that were applied, as `<kind>/<path>`."""

    upcast: Upcast
    used: set[str] = field(default_factory=set)
    applied: set[str] = field(default_factory=set)

    def has_rules(self, path: str) -> bool:
        """Return whether a rule names something within a field."""
        return path in self._parents_of_rules

    @cached_property
    def _parents_of_rules(self) -> set[str]:
        return {parent for name in self._names() for parent in parents(name)}

    def check(self, old: ColumnType) -> None:
        """Raise UnusableInput for a rule whose field is not there, and for an old field that nothing uses."""
        rules = self.upcast
        for kind in ("rename", "cast", "default", "constant", "expression"):
            for path in sorted(getattr(rules, kind)):
                if f"{kind}/{path}" not in self.applied:
                    raise rules.unusable(f"{kind}/{path}", "this contract has no such field")
        dropped: set[str] = set()
        in_use = {parent for path in self.used | rules.drop for parent in parents(path)}
        for path in self._unused(old, "", in_use, dropped):
            why = "nothing takes up this field of the older major; name it under drop, or in a rule"
            raise rules.unusable(path, why)
        for path in sorted(rules.drop - dropped):
            why = "the older major has no such field, or it is still read"
            raise rules.unusable(f"drop/{path}", why)

    def _names(self) -> Iterator[str]:
        """Yield the path of every field that a rule names."""
        rules = self.upcast
        for paths in (rules.rename, rules.rename.values(), rules.cast, rules.default, rules.constant):
            yield from paths
        yield from [*rules.expression, *rules.drop]

    def _unused(self, old: ColumnType, prefix: str, in_use: set[str], dropped: set[str]) -> Iterator[str]:
        """Yield the old fields that no new field takes up; `dropped` gathers those that the rules drop.

        `in_use`: the objects and lists in which a field is taken up or dropped.
        """
        if isinstance(old, ListOf):
            yield from self._unused(old.item, f"{prefix}[]", in_use, dropped)
        for part in old.fields if isinstance(old, Struct) else ():
            path = joined(prefix, part.name)
            if path in self.used:
                continue
            if path in self.upcast.drop:
                dropped.add(path)
            elif path in in_use:
                yield from self._unused(part.type, path, in_use, dropped)
            else:
                yield path
