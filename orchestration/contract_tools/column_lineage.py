"""What the columns of one SELECT read: fields of events, followed through structs and CTEs.

Belongs here: reading SQL that sqlglot parsed, for lineage alone. Not here: dbt, and which fields are asked
for (`readers`), and what a value reads (`read_fields`). sqlglot's own lineage ends at columns: a struct that
is packed from eight fields and read field by field would make each reader a reader of all eight.

Where a construct is not known, its result reads everything that its parts read: too much, never too little.
"""

from dataclasses import dataclass, field

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from orchestration.contract_tools.read_fields import NOTHING, Relation, Tables, Value, either, merged

FIRST_ONLY = (exp.ArgMin, exp.ArgMax, exp.AnyValue, exp.First, exp.Last, exp.Coalesce, exp.Window, exp.Filter)


def relation_of(sql: str, tables: Tables) -> Relation:
    """What a model reads; all of every table that it names where its SQL can't be parsed."""
    try:
        tree = sqlglot.parse_one(sql, read="duckdb")
        return _QueryReader(tables, {}).query(tree)
    except (SqlglotError, RecursionError):
        named = [table for (_, name), table in tables.items() if name.lower() in sql.lower()]
        everything = merged(table.all() for table in named)
        return Relation({"(SQL that can't be read)": everything}, everything, everything)


@dataclass
class _Scope:
    sources: dict[str, Relation]
    aliases: dict[str, Value] = field(default_factory=dict)


@dataclass
class _QueryReader:
    tables: Tables
    ctes: dict[str, Relation]

    def query(self, tree: exp.Expr | None) -> Relation:
        """The relation of a query."""
        reader = _QueryReader(self.tables, dict(self.ctes))
        with_ = tree.args.get("with_") or tree.args.get("with") if tree is not None else None
        for cte in with_.expressions if with_ else ():
            reader.ctes[cte.alias.lower()] = reader.query(cte.this)
        if isinstance(tree, exp.Subquery):
            return reader.query(tree.this)
        if isinstance(tree, exp.SetOperation):
            return reader.union(tree)
        if isinstance(tree, exp.Select):
            return reader.select(tree)
        everything = reader.everything(tree)
        return Relation({}, everything, everything)

    def everything(self, tree: exp.Expr | None) -> Value:
        """All that the tables below a node read: for constructs that are not followed."""
        named = [self.table(table) for table in tree.find_all(exp.Table)] if tree is not None else []
        return merged(relation.all() for relation in named)

    def union(self, tree: exp.SetOperation) -> Relation:
        left, right = self.query(tree.left), self.query(tree.right)
        columns = dict(left.columns)
        if tree.args.get("by_name"):
            for name, value in right.columns.items():
                columns[name] = either(columns.get(name, NOTHING), value)
        else:
            for name, value in zip(left.columns, right.columns.values(), strict=False):
                columns[name] = either(columns[name], value)
        rests = [relation.rest for relation in (left, right) if relation.rest is not None]
        return Relation(columns, merged([left.rows, right.rows]), merged(rests) if rests else None)

    def select(self, tree: exp.Select) -> Relation:
        scope = _Scope({})
        from_ = tree.args.get("from_") or tree.args.get("from")
        joins = tree.args.get("joins") or []
        for source in [*([from_.this] if from_ else []), *(join.this for join in joins)]:
            scope.sources[(source.alias_or_name or f"#{len(scope.sources)}").lower()] = self.source(
                source, scope
            )
        selected = Relation()
        for part in tree.expressions:
            self.output(part, scope, selected)
        deciding = [tree.args.get(name) for name in ("where", "having", "qualify", "group", "distinct")]
        deciding += [join.args.get("on") for join in joins]
        using = [name for join in joins for name in join.args.get("using") or ()]
        rows = [self.value(part, scope) for part in deciding if part is not None]
        rows += [self.column([name.name], scope) for name in using]
        selected.rows = merged([*rows, *(source.rows for source in scope.sources.values())])
        return selected

    def source(self, source: exp.Expr, scope: _Scope) -> Relation:
        if isinstance(source, exp.Table) and isinstance(source.this, exp.Identifier):
            return self.table(source)
        if isinstance(source, exp.Subquery):
            return self.query(source)
        everything = merged([self.value(source, scope), self.everything(source)])
        return Relation({}, NOTHING, everything)

    def table(self, table: exp.Table) -> Relation:
        name = table.name.lower()
        if not table.db and name in self.ctes:
            return self.ctes[name]
        return self.tables.get((table.db, table.name), Relation(rest=NOTHING))

    def output(self, part: exp.Expr, scope: _Scope, selected: Relation) -> None:
        """Add what one item of the SELECT list gives."""
        star = part.this if isinstance(part, exp.Column) else part
        if isinstance(star, exp.Star):
            table = part.table.lower() if isinstance(part, exp.Column) else ""
            chosen = [scope.sources[table]] if table in scope.sources else list(scope.sources.values())
            left_out = {
                column.name.lower() for column in star.args.get("except_") or star.args.get("except") or ()
            }
            for source in chosen:
                columns = {
                    name: value for name, value in source.columns.items() if name.lower() not in left_out
                }
                selected.columns = {**columns, **selected.columns}
                if source.rest is not None:
                    selected.rest = merged([selected.rest or NOTHING, source.rest])
            for replaced in star.args.get("replace") or ():
                selected.columns[replaced.alias] = self.value(replaced.this, scope)
            return
        value = self.value(part, scope)
        name = part.output_name or part.alias_or_name or part.sql("duckdb")
        selected.columns[name] = value
        scope.aliases[name.lower()] = value

    def value(self, node: exp.Expr, scope: _Scope) -> Value:
        """What an expression reads."""
        if isinstance(node, (exp.Alias, exp.Paren)):
            return self.value(node.this, scope)
        if isinstance(node, exp.Column):
            names = [node.args.get(part) for part in ("catalog", "db", "table", "this")]
            return self.column([name.name for name in names if name is not None], scope)
        if isinstance(node, exp.Dot) and isinstance(node.expression, exp.Identifier):
            return self.value(node.this, scope).get(node.expression.name)
        if isinstance(node, (exp.Query, exp.Subquery)):
            return self.query(node).all()
        if isinstance(node, exp.Struct):
            return Value(fields={_name(part): self.value(_inner(part), scope) for part in node.expressions})
        if isinstance(node, exp.Explode):
            return self.value(node.this, scope).item()
        if isinstance(node, FIRST_ONLY):
            return self.argument(node, scope)
        return merged(self.value(child, scope) for child in node.iter_expressions())

    def argument(self, node: exp.Expr, scope: _Scope) -> Value:
        """A function that gives one of its arguments: its struct, and whatever else decides which."""
        first, *others = [self.value(child, scope) for child in node.iter_expressions()]
        if isinstance(node, exp.Coalesce):
            for other in others:
                first = either(first, other)
            return first
        return first.plus(merged(others).leaves)

    def column(self, names: list[str], scope: _Scope) -> Value:
        """A column, with or without its table, and the fields that are read from it."""
        if len(names) > 1 and names[0].lower() in scope.sources:
            value, path = _lookup([scope.sources[names[0].lower()]], names[1]), names[2:]
        else:
            value, path = _lookup(list(scope.sources.values()), names[0]), names[1:]
        if value is None:
            value = scope.aliases.get(names[0].lower())
        if value is None:
            value = merged(source.rest for source in scope.sources.values() if source.rest is not None)
        for name in path:
            value = value.get(name)
        return value


def _lookup(sources: list[Relation], name: str) -> Value | None:
    values = [
        value for source in sources for key, value in source.columns.items() if key.lower() == name.lower()
    ]
    return None if not values else values[0] if len(values) == 1 else merged(values)


def _name(part: exp.Expr) -> str:
    return part.this.name if isinstance(part, exp.PropertyEQ) else part.alias_or_name


def _inner(part: exp.Expr) -> exp.Expr:
    inner: exp.Expr = part.expression if isinstance(part, exp.PropertyEQ) else part
    return inner
