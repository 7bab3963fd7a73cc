"""Choosing: by which value of a record one of a file's rules is taken, and why a rule fails on a record.

Belongs here: what mappings and repairs choose by. Not here: the rules themselves (`mapping`,
`quarantine.repair`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlglot import exp

from event_archive.expressions.sql_tree import as_text, call, if_else, is_null, let, reference, string
from event_archive.mapping.mapped_values import build_typed, parse_entry
from event_archive.mapping.scope import Scope
from event_archive.registry.yaml_file import Entry

CHOSEN = "the chosen"  # a name that no column has
NO_RULE = -1
"""The number in the place of a rule's, where no rule takes a record."""


@dataclass(frozen=True)
class Choice:
    """The value by which a rule is chosen, and the expression that it was written as."""

    text: str
    scope: Scope
    value: exp.Expr

    def over(self, record: exp.Expr, body: exp.Expr) -> exp.Expr:
        """Build `body` over the chosen value, which is read once and not once per rule."""
        return let(CHOSEN, self.scope.tried(record, self.value), body)


@dataclass(frozen=True)
class RuleChoice:
    """Which rule takes a record: its number, NO_RULE, or NULL where what decides it fails or is not there.

    `number` and `unknown`, the reason where no rule does, are over the fields of the `scope`; `nothing`: the
    reason where it is NULL and nothing fails.
    """

    scope: Scope
    number: exp.Expr
    unknown: exp.Expr
    nothing: str

    def number_of(self, record: exp.Expr) -> exp.Expr:
        """Build the number of the rule that takes a record."""
        return self.scope.tried(record, self.number)

    def reasons(self, record: exp.Expr, number: exp.Expr) -> exp.Expr:
        """Build the reason why no rule takes a record, of which the number is known."""
        failure = call("coalesce", self.scope.tried(record, self.scope.why()), string(self.nothing))
        return if_else(is_null(number), failure, self.scope.tried(record, self.unknown))


def build_choice(entry: Entry, scope: Scope) -> Choice:
    """Return what a file chooses its rules by; raises UnusableInput."""
    built = build_typed(entry, scope, "choose")
    value = as_text(built.value)
    if parse_entry(entry).path is None:
        scope.may_fail("choose", value, built)
    return Choice(entry.text, scope, value)


def choose_by_value(entry: Entry, numbers: Mapping[str, int], otherwise: int, scope: Scope) -> RuleChoice:
    """Return the choice of a rule by a value, as text; `otherwise`: the number for any other value."""
    choice = build_choice(entry, scope)
    chosen = reference(CHOSEN)
    cases = [exp.If(this=string(value), true=_number(number)) for value, number in numbers.items()]
    known = exp.Case(this=chosen, ifs=cases, default=_number(otherwise))
    number = known if otherwise != NO_RULE else if_else(is_null(chosen), exp.null(), known)
    shown = as_text(call("to_json", call("left", choice.value, exp.Literal.number(100))))
    unknown = call("concat", string(f"no rule for {choice.text} "), shown)
    nothing = f"nothing at {choice.text}, by which a rule is chosen"
    return RuleChoice(scope, let(CHOSEN, choice.value, number), unknown, nothing)


def choose_by_conditions(conditions: Sequence[Entry], otherwise: int, scope: Scope) -> RuleChoice:
    """Return the choice of the first rule whose condition is true; `otherwise`: the number where none is."""
    cases = []
    for number, entry in enumerate(conditions):
        built = build_typed(entry, scope, f"rule {number + 1}: when")
        if built.type != "BOOLEAN":
            raise entry.rejected(f"when gives {built.type}, and not true or false")
        scope.may_fail(f"rule {number + 1}: when", as_text(built.value), built)
        cases.append(exp.If(this=built.value, true=_number(number)))
    unknown = string("no rule: `when` is true of none, and the mapping has no `otherwise`")
    return RuleChoice(scope, exp.Case(ifs=cases, default=_number(otherwise)), unknown, "no rule")


def build_failure(name: str, scope: Scope, record: exp.Expr) -> exp.Expr:
    """Build the reason why a rule failed: that of the first value that fails when it is tried alone."""
    otherwise = string(f"rule {name} fails on this record")
    if not scope.fallible:
        return otherwise
    known = exp.DPipe(this=string(f"rule {name}: "), expression=scope.why())
    return call("coalesce", scope.tried(record, known), otherwise)


def _number(number: int) -> exp.Expr:
    return exp.Literal.number(number)
