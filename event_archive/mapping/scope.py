"""The fields that a mapping reads: each from its record, or from the element of a list that stands in it.

Belongs here: reading a field, also one of an outer record, and why a value over the fields fails. Not here:
what values are made of them (`mapped_values`), and which records and elements there are (`record_query`).

Fields are read from one list that one pass over the record extracts: parsing a record once per field is what
costs time here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlglot import exp

from event_archive.errors import UnusableInput
from event_archive.expressions.allow_list import ROOT
from event_archive.expressions.binder import Binder, Types
from event_archive.expressions.exact_tree import ExactTree
from event_archive.expressions.sql_tree import (
    Path,
    as_text,
    call,
    is_null,
    json_pointer,
    let,
    reference,
    string,
    text_of,
)
from event_archive.registry.field_paths import dotted

ROOTS = ("record", "each", "index", "position", "file")
"""What an expression of a mapping can read besides the fields of its record, with a `$` before it."""

PLACES = {"index": "BIGINT", "position": "BIGINT", "file": "VARCHAR"}
"""The roots that say where a record or an element stands, with the types of the columns that hold them."""

MOST_SHOWN, SHOWN_CHARACTERS = 5, 60  # of the fields that an expression reads, where it fails


@dataclass
class Scope:
    """The fields that are read from one record (or list element), extracted together into one list.

    `outer`: the scope of the record, or of the element, in which the element stands. `steps`: how many lists
    the mapping goes through to the element that becomes an event. `has_places`: whether it is known where the
    record and the element stand.
    """

    binder: Binder
    outer: "Scope | None" = None
    steps: int = 0
    has_places: bool = False
    pointers: list[str] = field(default_factory=list)
    fallible: list["Fallible"] = field(default_factory=list)
    """Every value that can fail on a record; copies can't."""
    kinds: dict[str, str] = field(default_factory=dict)
    """The type of each expression, as DuckDB names it, by its place; also of scopes within this one."""

    @property
    def depth(self) -> int:
        """How many scopes are around this one."""
        return 0 if self.outer is None else self.outer.depth + 1

    @property
    def name(self) -> str:
        """The name of the list in the SQL."""
        return _fields(self.depth)

    def inner(self) -> "Scope":
        """Return a scope of the elements of one of its lists."""
        return Scope(self.binder, self, self.steps, self.has_places, kinds=self.kinds)

    def at(self, depth: int) -> "Scope":
        """Return the scope at a depth, this one or one around it."""
        return self if self.outer is None or depth == self.depth else self.outer.at(depth)

    def json(self, path: Path) -> exp.Expr:
        """Build a field as JSON: SQL NULL where it is absent, JSON null where it is null."""
        if isinstance(path[0], str) and path[0].startswith(ROOT):
            return self._rooted(path[0].removeprefix(ROOT), path[1:])
        return self._own(path)

    def _rooted(self, root: str, path: Path) -> exp.Expr:
        """Build what a path leads to that begins with a reserved root; raises UnusableInput."""
        if root == "record":
            return self.at(0)._own(path)
        if root == "each":
            step = path[0] if path else None
            if not isinstance(step, int) or not 1 <= step <= self.steps:
                there = f"$each[1] to $each[{self.steps}]" if self.steps else "no such list: there is no each"
                raise UnusableInput(f"$each[1] is the element of the first list of each; there is {there}")
            return self.at(step)._own(path[1:])
        if not self.has_places:
            raise UnusableInput(f"there is no ${root} here, but in mappings")
        if path:
            raise UnusableInput(f"${root} is a number or a text, and has no fields")
        return call("to_json", reference(place_column(root)))

    def _own(self, path: Path) -> exp.Expr:
        """Build a field of this scope's own record or element."""
        pointer = json_pointer(path)
        if pointer not in self.pointers:
            self.pointers.append(pointer)
        position = exp.Literal.number(self.pointers.index(pointer) + 1)
        return call("list_extract", reference(self.name), position)

    def text(self, path: Path) -> exp.Expr:
        """Build a field as text: SQL NULL where it is absent or null."""
        return text_of(self.json(path))

    def why(self) -> exp.Expr:
        """Build the reason why a value over these fields fails: that of the first that fails."""
        cases = [
            exp.If(this=is_null(call("try", exp.Array(expressions=[part.value]))), true=part.reason())
            for part in self.fallible
        ]
        return exp.Case(ifs=cases) if cases else exp.null()

    def may_fail(self, place: str, value: exp.Expr, built: ExactTree) -> None:
        """Note a value that can fail on a record, and why it would."""
        why = None if built.why is None else exp.DPipe(this=string(f"{place}: "), expression=built.why)
        self.fallible.append(Fallible(place, value, why, built.reads))

    def tried(self, record: exp.Expr, body: exp.Expr) -> exp.Expr:
        """Build `body` over this scope's fields, extracted from the record in one pass; NULL where it fails.

        It is tried within the lambda, out of which the engine moves nothing (see `sql_text.tried`), and the
        record around it, which may be no JSON.
        """
        return call("try", let(self.name, self.extracted(record), call("try", body)))

    def extracted(self, record: exp.Expr) -> exp.Expr:
        """Build the list of this scope's fields."""
        pointers = [string(pointer) for pointer in self.pointers or [""]]
        return call("json_extract", record, exp.Array(expressions=pointers))

    @property
    def types(self) -> Types:
        """What answers for the types of expressions over these fields."""
        lists = {_fields(depth): "JSON[]" for depth in range(self.depth + 1)}
        return self.binder.over(lists | {place_column(root): kind for root, kind in PLACES.items()})


@dataclass(frozen=True)
class Fallible:
    """A value that can fail on a record: its place, the expression, and a text that says where and why.

    `reads`: the fields that it reads, each as text.
    """

    place: str
    value: exp.Expr
    why: exp.Expr | None
    reads: Mapping[Path, exp.Expr] = field(default_factory=dict)

    def reason(self) -> exp.Expr:
        """Build the reason, for a record on which the value fails."""
        unknown: exp.Expr = string(f"the expression of {self.place} fails on this record")
        for number, (path, text) in enumerate([*self.reads.items()][:MOST_SHOWN]):
            is_value = string(f"{', and' if number else ', where'} {dotted(path).replace(ROOT, '$')} is ")
            cut = call("left", text, exp.Literal.number(SHOWN_CHARACTERS))
            shown = call("coalesce", as_text(call("to_json", cut)), string("absent or null"))
            unknown = call("concat", unknown, is_value, shown)
        return unknown if self.why is None else call("coalesce", call("try", self.why), unknown)


def place_column(root: str) -> str:
    """Return the name of the column that holds where a record or an element stands."""
    return f"the {root}"


def _fields(depth: int) -> str:
    return f"the fields {depth}"  # a name that no column has
