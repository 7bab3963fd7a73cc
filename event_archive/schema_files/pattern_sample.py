"""A short text that a regular expression matches, for the everyday kind of pattern.

Belongs here: literals, classes, groups, alternatives and counts. Not here: whether the text is right: the
caller asks a validator. Looking around and back references are not followed.
"""

from dataclasses import dataclass

MAX_LENGTH = 500
CLASSES = {"d": "0", "w": "a", "s": " ", "D": "a", "W": "-", "S": "a"}
CONTROLS = {"t": "\t", "n": "\n", "r": "\r", "f": "\f", "v": "\v"}
# Of a negated class, or any character, the first that fits.
CANDIDATES = "a0A-_ .:/@é"


class _NotFollowed(Exception):
    """The pattern holds what is not understood here."""


def pattern_sample(pattern: str) -> str | None:
    """A text that `pattern` probably matches, from its first alternatives and least counts; else None."""
    try:
        reader = _Reader(pattern)
        text = reader.alternatives(0)
        return text if reader.at == len(pattern) else None
    except (_NotFollowed, IndexError, ValueError):
        return None


@dataclass
class _Reader:
    pattern: str
    at: int = 0

    def alternatives(self, depth: int) -> str:
        if depth > 20:
            raise _NotFollowed
        first = self._sequence(depth)
        while self._next() == "|":
            self.at += 1
            self._sequence(depth)
        return first

    def _next(self) -> str:
        return self.pattern[self.at : self.at + 1]

    def _sequence(self, depth: int) -> str:
        text = ""
        while self._next() not in ("", "|", ")"):
            text += self._counted(self._atom(depth))
            if len(text) > MAX_LENGTH:
                raise _NotFollowed
        return text

    def _atom(self, depth: int) -> str:
        letter = self.pattern[self.at]
        self.at += 1
        match letter:
            case "^" | "$":
                return ""
            case ".":
                return "a"
            case "\\":
                return self._escape()
            case "[":
                return self._class()
            case "(":
                if self._next() == "?":
                    self._open_group()
                text = self.alternatives(depth + 1)
                if self._next() != ")":
                    raise _NotFollowed
                self.at += 1
                return text
            case "*" | "+" | "?":
                raise _NotFollowed
        return letter

    def _open_group(self) -> None:
        rest = self.pattern[self.at :]
        if rest.startswith("?:"):
            self.at += 2
        elif rest.startswith(("?<", "?P<")) and rest[2] not in "=!":
            self.at = self.pattern.index(">", self.at) + 1
        else:
            raise _NotFollowed

    def _escape(self) -> str:
        letter = self.pattern[self.at]
        self.at += 1
        if letter in CLASSES:
            return CLASSES[letter]
        if letter in CONTROLS:
            return CONTROLS[letter]
        if letter in "bB":
            return ""
        if letter.isalnum():
            raise _NotFollowed
        return letter

    def _class(self) -> str:
        negated = self._next() == "^"
        self.at += negated
        members: list[tuple[str, str]] = []
        while self._next() != "]" or not members:
            low = self._member()
            high = low
            if self._next() == "-" and self.pattern[self.at + 1] != "]":
                self.at += 1
                high = self._member()
            members.append((low, high))
        self.at += 1
        if not negated:
            return members[0][0]
        for candidate in CANDIDATES:
            if not any(low <= candidate <= high for low, high in members):
                return candidate
        raise _NotFollowed

    def _member(self) -> str:
        letter = self.pattern[self.at]
        self.at += 1
        return self._escape() if letter == "\\" else letter

    def _counted(self, text: str) -> str:
        letter, least = self._next(), 1
        if letter and letter in "*+?":
            self.at += 1
            least = int(letter == "+")
        elif letter == "{":
            end = self.pattern.index("}", self.at)
            counts = self.pattern[self.at + 1 : end]
            if not counts.replace(",", "").isdecimal():
                return text  # `{` that counts nothing is a letter; it is read next
            least = int(counts.split(",")[0] or 0)
            self.at = end + 1
        else:
            return text
        if self._next() and self._next() in "?+":
            self.at += 1
        if least * max(len(text), 1) > MAX_LENGTH:
            raise _NotFollowed
        return text * least
