"""Mappings: how a JSON record of another form becomes an event, by one YAML file compiled to DuckDB SQL.

Belongs here: what a mapping file has. Not here: its rules (`rule`), how one is chosen (`choice`), the query
around them (`record_query`), YAML (`mapping_file`), and landing.

A record that fails gives NULL and a reason, never an error: one bad record must not stop the batch.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from sqlglot import exp

from event_archive.decoding.input_form import FOUND, InputForm
from event_archive.expressions.allow_list import ROOT
from event_archive.expressions.binder import Binder
from event_archive.expressions.sql_tree import reference
from event_archive.limits import Limits
from event_archive.mapping.choice import (
    NO_RULE,
    RuleChoice,
    build_failure,
    choose_by_conditions,
    choose_by_value,
)
from event_archive.mapping.input_options import read_input
from event_archive.mapping.json_numbers import unmark_read_texts
from event_archive.mapping.mapped_values import parse_field
from event_archive.mapping.mapping_file import read_mapping_file
from event_archive.mapping.record_query import (
    ELEMENT,
    EMPTY,
    MOST_STEPS,
    ListStep,
    elements_sql,
    mapped_sql,
)
from event_archive.mapping.rule import ENTRIES_OF_A_RULE, MappingRule, build_rule
from event_archive.mapping.scope import Scope
from event_archive.registry.yaml_file import Entry

ENTRIES = {"description", "input", "each", "choose", "event", "rules", "otherwise"}
NOTHING_IN = "nothing in"
"""Begins the reason for which a record is ignored whose list has no elements."""


@dataclass(frozen=True)
class Mapping:
    """A checked mapping. `digest`: the SHA-256 of its file, in the log.

    `steps`: the lists that lead to the elements that become events, none where a record is one; `levels`: the
    scopes of what these lists stand in. `input`: the form of the inputs that hold the records.
    """

    digest: str
    levels: tuple[Scope, ...]
    steps: tuple[ListStep, ...]
    choice: RuleChoice
    rules: tuple[MappingRule, ...]
    input: InputForm = FOUND

    @property
    def types(self) -> tuple[str, ...]:
        """The event types that this mapping can give."""
        return tuple(sorted({rule.type for rule in self.rules if rule.type is not None}))

    @property
    def has_no_reason(self) -> str:
        """SQL over what a query without reasons gives: whether a row needs one to be understood."""
        explained = [number for number, rule in enumerate(self.rules) if rule.ignore is not None]
        failed = f"taken NOT IN ({', '.join(map(str, [EMPTY, *explained]))}) AND taken >= {NO_RULE}"
        return f"event IS NULL AND (taken IS NULL OR ({failed}))"

    def query(self, table: str, *, marked: bool = False, has_reasons: bool = False) -> str:
        """Return the query that maps the records in a table (see `record_types`), see `mapped_sql`.

        `marked`: the numbers of the records are; `has_reasons`: why a record fails is wanted, too.
        """
        element, taken = reference(ELEMENT), reference("taken")
        events = [
            exp.If(this=exp.Literal.number(number), true=rule.scope.tried(element, rule.event))
            for number, rule in enumerate(self.rules)
        ]
        failures = [
            exp.If(this=exp.Literal.number(number), true=build_failure(rule.name, rule.scope, element))
            for number, rule in enumerate(self.rules)
            if has_reasons and rule.ignore is None
        ]
        why = exp.Case(this=taken, ifs=failures, default=self.choice.reasons(element, taken))
        parts = [
            self.choice.number_of(element),
            exp.Case(this=taken, ifs=events),
            why if has_reasons else exp.cast(exp.null(), exp.DataType.Type.TEXT),
        ]
        number, event, reason = map(unmark_read_texts, parts) if marked else parts
        return mapped_sql(elements_sql(table, self.levels, self.steps), number, event, reason)

    def ignored_because(self, taken: int | None) -> str | None:
        """Return why an element is ignored, by what stands in the place of its rule's number, if it is."""
        if taken == EMPTY:
            return f"{NOTHING_IN} {' … '.join(step.text for step in self.steps)}"
        return self.rules[taken].ignore if taken is not None and taken >= 0 else None


def load_mapping(path: Path, limits: Limits | None = None) -> Mapping:
    """Read and check a mapping file; raise UnusableInput with one line that names file, line and reason.

    `limits` bound the engine that finds the types of expressions.
    """
    entry, digest = read_mapping_file(path)
    fields = entry.only(ENTRIES, {"rules"}, "a mapping")
    if fields["rules"].items is None and "choose" not in fields:
        raise entry.rejected(
            "a mapping needs choose, the field whose value picks the rule; or a list of rules, each with when"
        )
    shared = fields["event"].only(set(ENTRIES_OF_A_RULE), set(), "event") if "event" in fields else {}
    with Binder(limits) as binder:
        levels, steps = _steps(fields.get("each"), binder)
        outer = levels[-1] if levels else None
        new_scope = partial(Scope, binder, outer, len(steps), has_places=True)
        rules: list[MappingRule] = []
        conditions: list[Entry] = []
        for name, rule in _named_rules(fields["rules"]):
            rules.append(build_rule(name, rule, shared, new_scope()))
            conditions += [rule.fields["when"]] if rule.fields and "when" in rule.fields else []
        otherwise = NO_RULE
        if "otherwise" in fields:
            otherwise = len(rules)
            rules.append(build_rule("otherwise", fields["otherwise"], shared, new_scope()))
        if fields["rules"].items is None:
            numbers = {rule.name: number for number, rule in enumerate(rules) if number != otherwise}
            choice = choose_by_value(fields["choose"], numbers, otherwise, new_scope())
        elif "choose" in fields:
            raise fields["choose"].rejected("a list of rules goes by when, and not by choose")
        else:
            choice = choose_by_conditions(conditions, otherwise, new_scope())
    return Mapping(digest, levels, steps, choice, tuple(rules), read_input(fields.get("input")))


def _steps(entry: Entry | None, binder: Binder) -> tuple[tuple[Scope, ...], tuple[ListStep, ...]]:
    """Return the lists that lead to what becomes events, and the scopes that they stand in."""
    if entry is None:
        return (), ()
    entries = [entry] if entry.items is None else entry.items
    if not 0 < len(entries) <= MOST_STEPS:
        raise entry.rejected(f"each names 1 to {MOST_STEPS} lists, the outermost first")
    levels: list[Scope] = []
    steps: list[ListStep] = []
    for part in entries:
        path = parse_field(part, "each takes a field that is a list, such as Records")
        if ROOT in str(path[0]):
            raise part.rejected("each takes a field of the record, or of the element of the list before it")
        levels.append(Scope(binder, levels[-1] if levels else None, len(entries), has_places=True))
        steps.append(ListStep(part.text, levels[-1].json(path)))
    return tuple(levels), tuple(steps)


def _named_rules(rules: Entry) -> Iterator[tuple[str, Entry]]:
    """Yield each rule with its name; raises UnusableInput where there is none."""
    if rules.items:
        for number, rule in enumerate(rules.items, start=1):
            if rule.fields is None or "when" not in rule.fields:
                raise rule.rejected(
                    "a rule of a list needs when; what no rule takes goes by `otherwise`, beside `rules`"
                )
            yield str(number), rule
    elif rules.fields:
        yield from rules.fields.items()
    else:
        raise rules.rejected(
            "rules must be a mapping from a chosen value to its rule, or a list of rules, with at least one"
        )
