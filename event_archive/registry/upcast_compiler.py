"""The SQL of an upcast: the data of one major as that of the next, field by field.

Belongs here: the SQL that the rules come to. Not here: the rules (`upcast_rules`), what an expression gives
(`upcast_expression`), whether the rules account for every field of both majors (`upcast_coverage`), casts
(`exact_cast`), the views that show the result (`views`), and a trial on archived events (`evolution.trial`).
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from event_archive.registry.column_types import (
    JSON_TEXT,
    ColumnType,
    Field,
    ListOf,
    Scalar,
    Struct,
    has_struct,
    same_values,
)
from event_archive.registry.exact_cast import NoExactCast, exact_cast
from event_archive.registry.exact_values import Inexact, to_column
from event_archive.registry.field_paths import joined, parents
from event_archive.registry.upcast_coverage import UpcastCoverage
from event_archive.registry.upcast_rules import Upcast
from event_archive.sql_text import literal, quoted

if TYPE_CHECKING:
    from event_archive.expressions.expression import Expression


def upcast_sql(upcast: Upcast, old: ColumnType, new: ColumnType, column: str) -> str:
    """Return SQL for the new data over the old in `column`, an SQL name; it fails where a value can't be.

    Raises UnusableInput where the rules do not account for a field of either side.
    """
    compiler = _UpcastCompiler(upcast, old, column)
    named = isinstance(old, Struct) and isinstance(new, Struct)
    if not named and old != new:
        raise upcast.unusable(
            "data", "one of the two majors names no fields (properties), so no rule can; name them"
        )
    data = compiler.value(new, OldValue(column, old), "") if named else column
    compiler.coverage.check(old)
    return data


def field_sql(upcast: Upcast, old: ColumnType, new: Struct, column: str) -> dict[str, str]:
    """Return the same SQL by field of the new data, for a caller that wants to know which of them fails."""
    compiler = _UpcastCompiler(upcast, old, column)
    return {part.name: compiler.field(part, part.name) for part in new.fields}


@dataclass(frozen=True)
class OldValue:
    """Where an old value is: its SQL and type; `optional`: it may be NULL where its parent is not."""

    sql: str
    type: ColumnType
    optional: bool = False


@dataclass
class _UpcastCompiler:
    upcast: Upcast
    old: ColumnType
    column: str
    lists: list[tuple[str, OldValue]] = field(default_factory=list)  # (prefix, item) of the lists around
    coverage: UpcastCoverage = field(init=False)

    def __post_init__(self) -> None:
        self.coverage = UpcastCoverage(self.upcast)

    def value(self, new: ColumnType, source: OldValue, prefix: str) -> str:
        """Return SQL for a value of type `new` from one of another or the same type, field by field."""
        if isinstance(new, Struct) and isinstance(source.type, Struct):
            fields = ", ".join(
                f"{quoted(part.name)} := {self.field(part, joined(prefix, part.name))}" for part in new.fields
            )
            packed = f"struct_pack({fields})"
            return (
                packed
                if source.sql == self.column
                else f"CASE WHEN {source.sql} IS NOT NULL THEN {packed} END"
            )
        assert isinstance(new, ListOf) and isinstance(source.type, ListOf)
        name = quoted(f"item {len(self.lists) + 1}")
        item = OldValue(name, source.type.item)
        self.lists.append((f"{prefix}[]", item))
        body = self.value(new.item, item, f"{prefix}[]")
        self.lists.pop()
        return f"list_transform({source.sql}, lambda {name}: {body})"

    def field(self, new: Field, path: str) -> str:
        """Return SQL for a field of the new data."""
        rules = self.upcast
        if path in rules.constant:
            self.coverage.applied.add(f"constant/{path}")
            return self.constant(new, path, rules.constant[path])
        if path in rules.expression:
            self.coverage.applied.add(f"expression/{path}")
            return self.with_default(new, path, self.expression(new, path, rules.expression[path]))
        old_path = rules.rename.get(path, path)
        source = self.find(old_path, path)
        if source is None:
            if path in rules.rename:
                raise rules.unusable(f"rename/{path}", f"the older major has no field {old_path!r}")
            if path in rules.cast:
                raise rules.unusable(f"cast/{path}", "the older major has no field of this name; rename it")
            if path not in rules.default and new.required:
                why = (
                    "is required, and the older major has no such field; give it a rule (rename, default, …)"
                )
                raise rules.unusable(path, why)
            return self.with_default(new, path, f"CAST(NULL AS {new.type.sql()})")
        self.coverage.applied.add(f"rename/{path}")
        self.coverage.used.add(old_path)
        value = self.with_default(new, path, self.carried(new, source, path, old_path))
        if source.optional and new.required and not new.nullable and path not in rules.default:
            raise rules.unusable(path, "is required, and may be absent or null before; give it a default")
        return value

    def carried(self, new: Field, source: OldValue, path: str, old_path: str) -> str:
        """Return SQL for a field that takes over an old one: as it is, cast, or field by field."""
        if path in self.upcast.cast:
            self.coverage.applied.add(f"cast/{path}")
            return self.cast(new, source, path)
        if same_values(source.type, new.type) and not self.coverage.has_rules(path):
            return source.sql
        containers = (Struct, ListOf)
        if isinstance(source.type, containers) and type(source.type) is type(new.type):
            if path != old_path:
                why = "a renamed field must have the same type; rename what is in it, field by field"
                raise self.upcast.unusable(f"rename/{path}", why)
            if has_struct(source.type) and has_struct(new.type):
                self.coverage.used.discard(old_path)
                return self.value(new.type, source, path)
        given, wanted = source.type.sql(), new.type.sql()
        raise self.upcast.unusable(
            path,
            f"is {_shown(new.type, wanted)} now and was {_shown(source.type, given)}; name it under cast",
        )

    def cast(self, new: Field, source: OldValue, path: str) -> str:
        """Return SQL for an exact cast of a field."""
        if isinstance(new.type, Scalar) and isinstance(source.type, Scalar) and source.type != JSON_TEXT:
            try:
                return exact_cast(source.sql, source.type.sql(), new.type, path)
            except NoExactCast:
                pass
        why = f"there is no exact cast from {source.type.sql()} to {new.type.sql()}; use an expression"
        raise self.upcast.unusable(f"cast/{path}", why)

    def expression(self, new: Field, path: str, expression: "Expression") -> str:
        """Return SQL for a field that an expression over the old data gives."""
        if self.lists:
            where = f"expression/{path}"
            raise self.upcast.unusable(where, "an expression can't stand within a list; rename, cast or drop")
        # Reading an expression takes engines that are slow to import, and few contracts have one.
        from event_archive.registry.upcast_expression import expression_sql

        return expression_sql(expression, self.upcast, self.old, self.column, new, path, self.coverage)

    def with_default(self, new: Field, path: str, value: str) -> str:
        """Return SQL for a value, or its default where there is none."""
        if path not in self.upcast.default:
            return value
        self.coverage.applied.add(f"default/{path}")
        return f"coalesce({value}, {self.constant(new, path, self.upcast.default[path])})"

    def constant(self, new: Field, path: str, value: Any) -> str:
        """Return SQL for a value that is written in the contract."""
        if value is None and new.required and not new.nullable:
            raise self.upcast.unusable(path, "is required and can't be null")
        try:
            return _literal(new.type, to_column(new.type, value, path))
        except (Inexact, TypeError, ValueError, AttributeError, ArithmeticError) as error:
            why = str(error) if isinstance(error, Inexact) else f"{value!r} is no {new.type.sql()}"
            raise self.upcast.unusable(path, why) from None

    def find(self, path: str, new_path: str) -> OldValue | None:
        """Return the old field for a new one, as it is read where the compiler is, None if there is none.

        It is optional where it may be absent although the new field's parent is there.
        """
        prefix, source = self.lists[-1] if self.lists else ("", OldValue(self.column, self.old))
        if prefix and not path.startswith(f"{prefix}."):
            return None
        kind, sql, optional = source.type, source.sql, False
        new_parents = parents(new_path)
        for name in path.removeprefix(prefix).removeprefix(".").split("."):
            if not isinstance(kind, Struct) or name not in kind.by_name:
                return None
            part = kind.by_name[name]
            sql, kind, prefix = f"struct_extract({sql}, {literal(name)})", part.type, joined(prefix, name)
            may_be_null = not part.required or part.nullable
            optional = optional or (may_be_null and prefix not in new_parents)
        return OldValue(sql, kind, optional)


def _shown(kind: ColumnType, sql: str) -> str:
    return "JSON text" if kind == JSON_TEXT else sql


def _literal(kind: ColumnType, value: Any) -> str:
    """Return a column value as SQL."""
    if value is None:
        return f"CAST(NULL AS {kind.sql()})"
    if isinstance(kind, Struct):
        parts = (f"{quoted(part.name)} := {_literal(part.type, value[part.name])}" for part in kind.fields)
        return f"struct_pack({', '.join(parts)})"
    if isinstance(kind, ListOf):
        return f"CAST([{', '.join(_literal(kind.item, item) for item in value)}] AS {kind.sql()})"
    return f"CAST({literal(str(value))} AS {kind.sql()})"
