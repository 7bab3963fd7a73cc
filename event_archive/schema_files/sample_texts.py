"""Texts that probably match a pattern or a format, or just miss it.

Belongs here: guesses, from the plain part of the language of patterns. A wrong guess harms nothing: every
example is judged by the real validators. Not here: which of them is an example (`json_schema_example`).
"""

from itertools import product
from typing import Any

FORMATS = {
    "date": ["2024-02-29", "2024-01-31"],
    "time": ["10:00:00Z", "23:59:60Z"],
    "date-time": ["2024-01-31T10:00:00Z", "2024-01-31T10:00:00+02:00"],
    "duration": ["P1D", "PT1H"],
    "email": ["a@b.co"],
    "idn-email": ["a@b.co", "é@b.co"],
    "hostname": ["a.b", "xn--a"],
    "idn-hostname": ["a.b", "é.b"],
    "ipv4": ["127.0.0.1"],
    "ipv6": ["::1"],
    "uri": ["a:b", "http://a.b/c"],
    "uri-reference": ["/a", "a:b", ""],
    "iri": ["a:é", "a:b"],
    "iri-reference": ["/é", ""],
    "uri-template": ["a{b}", "/a"],
    "uuid": ["00000000-0000-0000-0000-000000000000", "2EB8AA08-AA98-11EA-B4AA-73B441D16380"],
    "json-pointer": ["/a", ""],
    "relative-json-pointer": ["0", "1/a"],
    "regex": ["a", "("],
    "decimal": ["1.5", "0", "-1"],
}
CLASSES = {"d": "07", "w": "a_", "s": " ", "D": "a-", "W": "- ", "S": "a0", "n": "\n", "t": "\t", "r": "\r"}
LONGEST, MOST = 200, 12


def texts_for_format(name: str) -> list[str]:
    """Texts of a format."""
    return FORMATS.get(name, [])


def texts_for_pattern(pattern: str) -> list[str]:
    """Texts that a pattern is probably found in; none where it is beyond this module."""
    try:
        found, end = _choice(pattern, 0, 0)
    except (IndexError, ValueError):
        return []
    return [text for text in found if len(text) <= LONGEST] if end == len(pattern) else []


def _choice(pattern: str, at: int, depth: int) -> tuple[list[str], int]:
    if depth > 20:
        raise ValueError(pattern)
    found: list[str] = []
    while True:
        texts, at = _sequence(pattern, at, depth)
        found += texts
        if at >= len(pattern) or pattern[at] != "|":
            return list(dict.fromkeys(found))[:MOST], at
        at += 1


def _sequence(pattern: str, at: int, depth: int) -> tuple[list[str], int]:
    texts = [""]
    while at < len(pattern) and pattern[at] not in "|)":
        unit, at = _unit(pattern, at, depth)
        counts, at = _counts(pattern, at)
        repeated = [one * count for count in counts for one in (unit if count else unit[:1])]
        texts = list(dict.fromkeys(first + second for first, second in product(texts[:MOST], repeated)))[
            :MOST
        ]
    return texts, at


def _unit(pattern: str, at: int, depth: int) -> tuple[list[str], int]:
    letter = pattern[at]
    if letter in "^$":
        return [""], at + 1
    if letter == ".":
        return ["a", "0"], at + 1
    if letter == "(":
        at += 3 if pattern[at + 1 : at + 3] == "?:" else 1
        if pattern[at] == "?":
            raise ValueError(pattern)
        texts, at = _choice(pattern, at, depth + 1)
        return texts, at + 1
    if letter == "[":
        return _set(pattern, at + 1)
    if letter == "\\":
        return _escape(pattern, at + 1)
    return [letter], at + 1


def _escape(pattern: str, at: int) -> tuple[list[str], int]:
    letter = pattern[at]
    if letter in CLASSES:
        return list(CLASSES[letter]), at + 1
    if letter == "u":
        return [chr(int(pattern[at + 1 : at + 5], 16))], at + 5
    if letter.isalnum():
        raise ValueError(pattern)
    return [letter], at + 1


def _set(pattern: str, at: int) -> tuple[list[str], int]:
    refused = pattern[at] == "^"
    at += refused
    found: list[str] = []
    spans: list[tuple[str, str]] = []
    while pattern[at] != "]" or not (found or spans):
        letters, at = _escape(pattern, at + 1) if pattern[at] == "\\" else ([pattern[at]], at + 1)
        if pattern[at] == "-" and pattern[at + 1] != "]":
            spans.append((letters[0], pattern[at + 1]))
            found += letters[0], pattern[at + 1]
            at += 2
        else:
            found += letters
    if not refused:
        return found[:6], at + 1
    spans += [(letter, letter) for letter in found]
    others = [letter for letter in "a0- _Z.é" if not any(low <= letter <= high for low, high in spans)]
    return others[:3], at + 1


def _counts(pattern: str, at: int) -> tuple[list[int], int]:
    if at >= len(pattern) or pattern[at] not in "*+?{":
        return [1], at
    if pattern[at] != "{":
        counts, at = {"*": [0, 1, 3], "+": [1, 3], "?": [0, 1]}[pattern[at]], at + 1
    else:
        end = pattern.index("}", at)
        low, comma, high = pattern[at + 1 : end].partition(",")
        least = min(int(low), LONGEST)
        counts = [least] if not comma else [least, min(int(high), LONGEST) if high else least + 1]
        at = end + 1
    return counts, at + (at < len(pattern) and pattern[at] in "?+")


def texts_of_length(length: Any) -> str:
    """A text of a number of characters, as far as that is little."""
    return "a" * int(min(max(length, 0), 1000))


def stretched(text: str, length: Any) -> list[str]:
    """A text made longer by repeating one of its characters: often, it matches as before."""
    more = int(min(length, 1000)) - len(text)
    places = dict.fromkeys((0, len(text) // 2, len(text) - 1)) if text and more > 0 else ()
    return [text[:at] + text[at] * more + text[at:] for at in places]
