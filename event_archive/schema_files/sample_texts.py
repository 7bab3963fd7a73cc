"""Texts that probably match a pattern or a format, or just miss it.

Belongs here: guesses, from the everyday part of the language of regular expressions: literals, classes,
groups, alternatives and counts. Looking around and back references are not followed. A wrong guess harms
nothing: the callers ask a validator. Not here: whole values (`example_value`), and which text is an example
(`evolution.compatibility`).
"""

from itertools import product
from typing import Any

FORMATS = {
    "date": ("2026-01-03", ["2024-02-29", "2024-01-31"]),
    "time": ("09:14:07Z", ["10:00:00Z", "23:59:60Z"]),
    "date-time": (
        "2026-01-03T09:14:07Z",
        ["2024-01-31T10:00:00Z", "2024-01-31T10:00:00.5Z", "2024-01-31T10:00:00+02:00"],
    ),
    "duration": ("P1D", ["P1D", "PT1H"]),
    "email": ("someone@example.com", ["a@b.co"]),
    "idn-email": ("someone@example.com", ["a@b.co", "é@b.co"]),
    "hostname": ("example.com", ["a.b", "xn--a"]),
    "idn-hostname": ("example.com", ["a.b", "é.b"]),
    "ipv4": ("192.0.2.1", ["127.0.0.1"]),
    "ipv6": ("2001:db8::1", ["::1"]),
    "uri": ("https://example.com/", ["a:b", "http://a.b/c"]),
    "uri-reference": ("/example", ["/a", "a:b", ""]),
    "iri": ("https://example.com/", ["a:é", "a:b"]),
    "iri-reference": ("/example", ["/é", ""]),
    "uri-template": ("https://example.com/{name}", ["a{b}", "/a"]),
    "uuid": (
        "0198c5b2-6c00-7a10-8000-000000000001",
        ["00000000-0000-0000-0000-000000000000", "2EB8AA08-AA98-11EA-B4AA-73B441D16380"],
    ),
    "json-pointer": ("/example", ["/a", ""]),
    "relative-json-pointer": ("0", ["0", "1/a"]),
    "regex": ("^a$", ["a", "("]),
    "decimal": ("1", ["1.5", "0", "-1"]),
}
"""Of each format a text to show, and texts at its edges."""

CLASSES = {"d": "07", "w": "a_", "s": " ", "D": "a-", "W": "- ", "S": "a0"}
CONTROLS = {"t": "\t", "n": "\n", "r": "\r", "f": "\f", "v": "\v"}
OTHERS = "a0A-_ .:/@é"  # of any character but some, the first that fit
LONGEST, MOST, DEEPEST = 500, 12, 20
LONGEST_MADE = 100_000  # of texts that are made for their length


class _NotFollowed(Exception):
    """The pattern holds what is not understood here."""


def example_of_format(name: str) -> str | None:
    """Return the text of a format that is shown as an example, None where the format is not known."""
    return FORMATS[name][0] if name in FORMATS else None


def texts_for_format(name: str) -> list[str]:
    """Return texts at the edges of a format; none where it is not known."""
    return FORMATS[name][1] if name in FORMATS else []


def texts_for_pattern(pattern: str) -> list[str]:
    """Return texts that a pattern is probably found in; none where it is beyond this module.

    The first is that of the first alternatives and the least counts.
    """
    try:
        reader = _PatternReader(pattern)
        texts = reader.alternatives(0)
    except (_NotFollowed, IndexError, ValueError):
        return []
    return texts if reader.at == len(pattern) else []


class _PatternReader:
    """Reads a pattern once from left to right; each part gives some texts, the plainest first."""

    def __init__(self, pattern: str) -> None:
        self.pattern, self.at = pattern, 0

    def alternatives(self, depth: int) -> list[str]:
        if depth > DEEPEST:
            raise _NotFollowed
        texts = self._sequence(depth)
        while self._next() == "|":
            self.at += 1
            texts += self._sequence(depth)
        return list(dict.fromkeys(texts))[:MOST]

    def _next(self) -> str:
        return self.pattern[self.at : self.at + 1]

    def _take(self) -> str:
        self.at += 1
        return self.pattern[self.at - 1]

    def _sequence(self, depth: int) -> list[str]:
        texts = [""]
        while self._next() not in ("", "|", ")"):
            atom = self._atom(depth)
            longer = [
                text * count
                for count in self._counts()
                for text in (atom if count else atom[:1])
                if count * len(text) <= LONGEST
            ]
            joined = (first + second for first, second in product(texts, longer))
            texts = list(dict.fromkeys(text for text in joined if len(text) <= LONGEST))[:MOST]
            if not texts:
                raise _NotFollowed
        return texts

    def _atom(self, depth: int) -> list[str]:
        letter = self._take()
        match letter:
            case "^" | "$":
                return [""]
            case ".":
                return ["a", "0"]
            case "\\":
                return self._escape()
            case "[":
                return self._class()
            case "(":
                if self._next() == "?":
                    self._open_group()
                texts = self.alternatives(depth + 1)
                if self._take() != ")":
                    raise _NotFollowed
                return texts
            case "*" | "+" | "?":
                raise _NotFollowed
        return [letter]

    def _open_group(self) -> None:
        rest = self.pattern[self.at :]
        if rest.startswith("?:"):
            self.at += 2
        elif rest.startswith(("?<", "?P<")) and rest[2] not in "=!":
            self.at = self.pattern.index(">", self.at) + 1
        else:
            raise _NotFollowed

    def _escape(self) -> list[str]:
        letter = self._take()
        if letter in CLASSES:
            return list(CLASSES[letter])
        if letter in CONTROLS:
            return [CONTROLS[letter]]
        if letter in "bB":
            return [""]
        if letter == "u":
            self.at += 4
            return [chr(int(self.pattern[self.at - 4 : self.at], 16))]
        if letter.isalnum():
            raise _NotFollowed
        return [letter]

    def _class(self) -> list[str]:
        is_negated = self._next() == "^"
        self.at += is_negated
        spans: list[tuple[str, str]] = []
        while self._next() != "]" or not spans:
            lows = self._member()
            if self._next() == "-" and self.pattern[self.at + 1] != "]":
                self.at += 1
                spans.append((lows[0], self._member()[0]))
            else:
                spans += [(low, low) for low in lows]
        self.at += 1
        if not is_negated:
            return list(dict.fromkeys(letter for span in spans for letter in span))[:6]
        others = [letter for letter in OTHERS if not any(low <= letter <= high for low, high in spans)]
        if not others:
            raise _NotFollowed
        return others[:3]

    def _member(self) -> list[str]:
        letter = self._take()
        return self._escape() if letter == "\\" else [letter]

    def _counts(self) -> list[int]:
        letter = self._next()
        if letter and letter in "*+?":
            self.at += 1
            counts = {"*": [0, 1, 3], "+": [1, 3], "?": [0, 1]}[letter]
        elif letter == "{":
            end = self.pattern.index("}", self.at)
            low, comma, high = self.pattern[self.at + 1 : end].partition(",")
            if not (low + high).isdecimal():
                return [1]  # `{` that counts nothing is a letter; it is read next
            self.at = end + 1
            least = int(low or 0)
            counts = [least] if not comma else [least, int(high) if high else least + 1]
        else:
            return [1]
        if self._next() and self._next() in "?+":
            self.at += 1
        return counts


def texts_of_length(length: Any) -> str:
    """Return a text of a number of characters, as far as that is little."""
    return "a" * int(min(max(length, 0), LONGEST_MADE))


def stretched(text: str, length: Any) -> list[str]:
    """Return a text made longer by repeating one of its characters: often, it matches as before."""
    more = int(min(length, LONGEST_MADE)) - len(text)
    places = (
        dict.fromkeys((0, len(text) // 2, len(text) - 1, max(len(text) - 2, 0))) if text and more > 0 else ()
    )
    return [text[:at] + text[at] * more + text[at:] for at in places]
