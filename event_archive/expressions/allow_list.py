"""The words of the expression language: what each token of an expression's text may be.

Belongs here: the allow-lists of functions, keywords and symbols, and the pass over the tokens that rejects
the rest with its place. Not here: grammar and building, see `expression`.

sqlglot turns functions it knows into classes of its own, and many words into grammar. So that nothing means
more than this file says, each token is fixed before parsing: a function's name is renamed, which makes every
call the same kind of node with its arguments as written; a word that is no keyword here becomes a name.
"""

import re
from collections.abc import Collection

from sqlglot import Dialect
from sqlglot.tokenizer_core import Token, TokenType

from event_archive.errors import UnusableInput

TEXT = {
    "concat",
    "concat_ws",
    "lower",
    "upper",
    "trim",
    "ltrim",
    "rtrim",
    "replace",
    "length",
    "left",
    "right",
}
PARTS = {"substring", "substr", "split_part", "string_split", "list_extract", "json_array_length"}
MATCHES = {
    "starts_with",
    "ends_with",
    "contains",
    "strpos",
    "regexp_matches",
    "regexp_extract",
    "regexp_replace",
}
VALUES = {"coalesce", "nullif", "greatest", "least", "abs", "md5", "sha256", "hash_of"}
ROUNDING = {"round", "trunc", "floor", "ceil"}
CLOCK = {"strptime", "try_strptime", "strftime", "to_timestamp", "epoch_ms", "make_timestamp", "timezone"}
COUNTS = {"timestamp_seconds", "timestamp_millis", "timestamp_micros", "timestamp_nanos"}
JSON = {"lookup", "parse_json"}
CALENDAR = {"date_part", "date_trunc", "date_diff", "to_days", "to_hours", "to_minutes", "to_seconds"}
FUNCTIONS = frozenset(TEXT | PARTS | MATCHES | VALUES | ROUNDING | CLOCK | COUNTS | CALENDAR | JSON)
"""Every function an expression may call. All are pure: the same record gives the same value, at any time."""

LOGIC = {"AND", "OR", "NOT", "IS", "NULL", "TRUE", "FALSE", "IN", "LIKE", "ILIKE", "BETWEEN", "ESCAPE"}
CHOICE = {"CASE", "WHEN", "THEN", "ELSE", "END", "CAST", "TRY_CAST", "AS"}
KEYWORDS = frozenset(LOGIC | CHOICE)
NOW = frozenset({"CURRENT_DATE", "CURRENT_TIME", "CURRENT_TIMESTAMP", "LOCALTIME", "LOCALTIMESTAMP"})
SYMBOLS = frozenset(
    {"(", ")", "[", "]", ",", ".", "::", "+", "-", "*", "/", "//", "%", "||"}
    | {"=", "==", "!=", "<>", "<", "<=", ">", ">="}
)
CALL = "call_"  # before each function's name, so that sqlglot knows none of them
ROOT = "\x01"  # before the name of a reserved root, in a path: no text that is read can hold it

BUILDERS = frozenset({"array", "list"})
"""Names that sqlglot takes for the making of a list, where a `[` follows; PLAIN stands before them then."""
PLAIN = "\x02"

MAX_CHARACTERS = 4_000
MAX_OPEN = 32  # parentheses and CASEs open at once: far below where a parser's recursion ends

DUCKDB = Dialect.get_or_raise("duckdb")
WORD = re.compile(r"[^\W\d]\w*")
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def rejected(text: str, what: str) -> UnusableInput:
    """Return the error, of one line, for an expression that can't be used."""
    shown = " ".join(text.split())
    return UnusableInput(f"expression `{shown if len(shown) <= 120 else shown[:117] + '…'}`: {what}")


def read_tokens(text: str, roots: Collection[str] = ()) -> list[Token]:
    """Return the tokens of an expression, each with its one meaning; raises UnusableInput for any other.

    `roots`: the names that may follow a `$`, as in `$record`; a field that is called so is quoted.
    """
    if len(text) > MAX_CHARACTERS:
        raise rejected(text, f"{len(text):,} characters are too many, at most {MAX_CHARACTERS:,} are allowed")
    if not text.strip():
        raise rejected(text, "it is empty; write a field such as actor.login, or a SQL expression")
    if control := CONTROL.search(text):
        raise rejected(text, f"control character at column {control.start() + 1} is not allowed; remove it")
    tokens = _with_roots(DUCKDB.tokenize(text), text, roots)
    if not tokens:
        raise rejected(text, "it is nothing but a comment; comment in YAML, with #")
    fixed = []
    opened = prefixes = 0
    for before, token, after in zip([None, *tokens[:-1]], tokens, [*tokens[1:], None], strict=True):
        if token.comments:
            raise rejected(
                text, f"comment near column {token.start + 1} is not allowed; comment in YAML, with #"
            )
        kind = token.token_type
        if kind in (TokenType.STRING, TokenType.NUMBER, TokenType.IDENTIFIER):
            if kind == TokenType.IDENTIFIER and _is(after, "("):
                raise rejected(text, f"call of a quoted name at column {token.start + 1} is not allowed")
            fixed.append(token)
            prefixes = 0
            continue
        word = token.text.upper()
        opened += (word in ("(", "[", "CASE")) - (word in (")", "]", "END"))
        prefixes = prefixes + 1 if word in ("NOT", "-", "+") else 0
        if max(opened, prefixes) > MAX_OPEN:
            raise rejected(
                text, f"nesting at column {token.start + 1} is deeper than {MAX_OPEN}; split it up"
            )
        fixed.append(_fixed(token, before, after, text))
    return [_plain(token, after) for token, after in zip(fixed, [*fixed[1:], None], strict=True)]


def _plain(token: Token, after: Token | None) -> Token:
    is_name = token.token_type == TokenType.IDENTIFIER and token.text.lower() in BUILDERS
    return _as(TokenType.IDENTIFIER, PLAIN + token.text, token) if is_name and _is(after, "[") else token


def _with_roots(tokens: list[Token], text: str, roots: Collection[str]) -> list[Token]:
    """Return the tokens with each reserved root as one name."""
    joined: list[Token] = []
    following = iter(tokens)
    for token in following:
        if token.text != "$" or token.token_type != TokenType.PARAMETER:
            joined.append(token)
            continue
        name = next(following, None)
        if name is None or name.start != token.end + 1 or name.text not in roots:
            known = ", ".join(f"${root}" for root in roots)
            what = f"known are {known}" if known else "there are none here"
            written = text[token.start : name.end + 1] if name else "$"
            raise rejected(
                text,
                f"`{written}` at column {token.start + 1} is no name of those that begin with $; {what}. "
                f'A field that is called so is quoted: "$name"',
            )
        joined.append(
            Token(TokenType.IDENTIFIER, ROOT + name.text, token.line, token.col, token.start, name.end)
        )
    return joined


def _fixed(token: Token, before: Token | None, after: Token | None, text: str) -> Token:
    written = text[token.start : token.end + 1]
    if token.text == written and written in SYMBOLS:
        return token
    if token.text != written or not WORD.fullmatch(written):
        allowed = " ".join(sorted(SYMBOLS))
        raise rejected(text, f"`{written}` at column {token.start + 1} is not allowed; symbols are {allowed}")
    if _is(before, ".") or _is(after, "."):
        if not _is(after, "("):
            return _as(TokenType.IDENTIFIER, written, token)
    elif _is_keyword(written.upper(), before):
        return token
    if _is(after, "("):
        return _function(token, written.lower(), text)
    if written.upper() in NOW:
        what = f"{written} at column {token.start + 1} is not allowed: it gives another value at every run"
        raise rejected(text, f'{what}; a field of this name is written "{written}"')
    return _as(TokenType.IDENTIFIER, written, token)


def _is_keyword(word: str, before: Token | None) -> bool:
    """Whether a word is grammar here: a keyword, a type after AS or ::, or part of IS DISTINCT FROM."""
    if word == "DISTINCT":
        return _is(before, "IS", "NOT")
    return word in KEYWORDS or _is(before, "::", "AS", "DISTINCT")


def _function(token: Token, name: str, text: str) -> Token:
    if name not in FUNCTIONS:
        allowed = ", ".join(sorted(FUNCTIONS))
        what = f"function {name} at column {token.start + 1} is not allowed"
        raise rejected(text, f"{what}; allowed are CASE, CAST, TRY_CAST, {allowed}")
    return _as(TokenType.VAR, CALL + name, token)


def _as(kind: TokenType, name: str, token: Token) -> Token:
    return Token(kind, name, token.line, token.col, token.start, token.end)


def _is(token: Token | None, *texts: str) -> bool:
    plain = (TokenType.STRING, TokenType.IDENTIFIER)
    return token is not None and token.token_type not in plain and token.text.upper() in texts
