"""JSON within a record: a value looked up by its key in a list of pairs, and JSON that stands in a text.

Belongs here: the SQL of `lookup`, `parse_json` and of what follows them after a dot. Not here: fields of the
record itself, which its own path reads, and what becomes of the values (`exact_tree`).

DuckDB reads JSON leniently, and writes fractions anew. So a text is held to RFC 8259 first, and its fractions
become texts that begin with a character that stands nowhere in it; where a value leaves, they are numbers
again, as they were written.
"""

from collections.abc import Sequence

from sqlglot import exp

from event_archive.errors import UnusableInput
from event_archive.expressions.own_arguments import JSON, Argument, OwnSql, constant_text, name, shown
from event_archive.expressions.sql_tree import Path, call, json_pointer, string
from event_archive.sql_text import literal

PARSE = "parse_json"
PART = "json part"
"""What a path behind a call becomes; no name of a function has a space."""

PAIR = '"the pair"'  # a name that no column has
TEXT = '"(?:[^"\\\\]|\\\\.)*"'
PIECE = f'{TEXT}|[^"]+'
FRACTION = "(-?[0-9]+(?:\\.[0-9]+(?:[eE][-+]?[0-9]+)?|[eE][-+]?[0-9]+)|-0)"
LENIENT = ",\\s*[\\]}]|[nN][aA][nN]|[iI][nN][fF]"  # what DuckDB's reader takes besides, outside of texts
SIGN = "\ue0f1"
SIGNS = "(?i)\\x{E0F1}|\\\\ue0f1"


def lookup(function: str, arguments: Sequence[Argument]) -> OwnSql:
    """Return the value of the pair with a key, in a list of objects; NULL where none has it."""
    key, value = (constant_text(part) for part in arguments[2:]) if len(arguments) == 4 else ("key", "value")
    if len(arguments) == 3 or key is None or value is None:
        raise UnusableInput(
            f"{function} takes a list, a key, and perhaps 'name', 'value': what its pairs call the two"
        )
    if arguments[1].type != "VARCHAR":
        raise UnusableInput(f"the key of {function} is a text, and not {arguments[1].type}")
    items, wanted, found = _json(arguments[0], function), name(1), name(0, 1)
    has_key = f"json_extract_string({PAIR}, {literal(json_pointer((key,)))}) = {wanted}"
    pairs = f"list_filter(json_extract({items}, '$[*]'), lambda {PAIR}: {has_key})"
    is_absent = f"coalesce(json_type({items}), 'NULL') = 'NULL'"
    test = f"({is_absent} OR (json_type({items}) = 'ARRAY' AND coalesce(len({found}), 0) < 2))"
    twice = f"concat({shown(wanted)}, ' is there ', len({found}), ' times')"
    none = f"concat({shown(items)}, ' is no list of pairs')"
    sentence = f"CASE WHEN json_type({items}) = 'ARRAY' THEN {twice} ELSE {none} END"
    first = f"json_extract(list_extract({found}, 1), {literal(json_pointer((value,)))})"
    return OwnSql(first, test, sentence, ([pairs],))


def parse_json(function: str, arguments: Sequence[Argument]) -> OwnSql:
    """Return the JSON that a text holds; it fails where that is none."""
    if arguments[0].type not in ("VARCHAR", '"NULL"'):
        raise UnusableInput(f"{function} takes a text, and not {arguments[0].type}")
    text = name(0)
    bare = f"regexp_replace({text}, {literal(TEXT)}, '\"\"', 'g')"
    strict = f"json_valid({text}) AND NOT regexp_matches({bare}, {literal(LENIENT)})"
    test = f"({text} IS NULL OR ({strict} AND NOT regexp_matches({text}, {literal(SIGNS)})))"
    spaced = "regexp_replace(piece, '\\s+', '', 'g')"
    written = literal(f'"{SIGN}\\1"')
    signed = f"regexp_replace({spaced}, {literal(FRACTION)}, {written}, 'g')"
    pieces = f"regexp_extract_all({text}, {literal(PIECE)})"
    body = f"CASE WHEN starts_with(piece, '\"') THEN piece ELSE {signed} END"
    json = f"array_to_string(list_transform({pieces}, lambda piece: {body}), '')"
    return OwnSql(f"CAST({json} AS JSON)", test, f"concat({shown(text)}, ' is no JSON')")


def part_of(function: str, arguments: Sequence[Argument]) -> OwnSql:
    """Return what a path leads to in a JSON value."""
    return OwnSql(f"json_extract({name(0)}, {name(1)})")


def part(root: exp.Expr, path: Path) -> exp.Expr:
    """Build the call that a path behind a call of ours becomes."""
    return call(PART, root, string(json_pointer(path)))


def as_written(text: exp.Expr, node: exp.Expr) -> exp.Expr:
    """Build a text that left a JSON value, which `node` read, with its numbers as they were written."""
    while isinstance(node, exp.Anonymous) and node.this in ("lookup", PART):
        node = node.expressions[0]
    if not isinstance(node, exp.Anonymous) or node.this != PARSE:
        return text
    inside = call("regexp_replace", text, string('"\\x{E0F1}([^"]*)"'), string("\\1"), string("g"))
    return call("replace", inside, string(SIGN), string(""))


def _json(argument: Argument, function: str) -> str:
    if argument.type == JSON:
        return name(0)
    if argument.type == "VARCHAR":
        raise UnusableInput(f"{function} takes a list; a text that holds one is read by {PARSE}")
    return f"to_json({name(0)})"
