"""Concatenated JSON: documents one after the other that no line feed parts.

Belongs here: recognising them, and cutting them into records by their brackets. Not here: one text a line, or
one in all (`json`), and texts that a separator parts (`json_sequence`).

A document that is damaged costs itself alone where the next one can be found: an object that begins a line.
"""

import json
import re
from collections.abc import Iterator

from event_archive.decoding.byte_window import Blocks, ByteWindow, InputStart
from event_archive.decoding.chunk_builder import ChunkBuilder
from event_archive.decoding.json import FIRST_BYTE, skip_mark
from event_archive.decoding.json_array import element_end
from event_archive.decoding.record_chunk import (
    BETWEEN_TEXTS,
    Chunk,
    ChunkBounds,
    UnreadableRecord,
    in_parts,
)

SEPARATOR = b"\x1e"
LOOKED_AT = 1 << 18
BEGINS_LINE = b"\n{"
NEXT_TEXT = re.compile(rb"[{\[\x1e]")
NO_BLANK = re.compile(r"[^ \t\r\n]")
MOST_RESTARTS = 4  # after texts that look right for as many bytes as a record may have
READER = json.JSONDecoder(parse_int=str, parse_float=str)


def is_concatenated(start: InputStart) -> bool:
    """Whether an input is JSON objects one after the other, and surely not one on each line.

    Any line may be damaged: an input is read line by line unless complete objects say otherwise, of which one
    spans lines, or the first is followed by the next one on its line.
    """
    text = start.data[:LOOKED_AT].decode("utf-8-sig", "replace")
    at = _next_text(text, 0)
    if at is None or text[at] != "{":
        return False
    end = _text_end(text, at)
    if end is None and len(start.data) > LOOKED_AT:  # the first may be longer; one that is damaged ends early
        text = start.data[: start.bounds.record_bytes].decode("utf-8-sig", "replace")
        end = _text_end(text, at)
    first = at
    while end is not None:
        if "\n" in text[at:end]:
            return True
        if at != first and _has_more_on_its_line(text, end):
            return False  # of lines, one that is damaged: two records on it, say
        line_feed = text.find("\n", end)
        rest_of_line = text[end:] if line_feed < 0 else text[end:line_feed]
        if rest_of_line.lstrip().startswith("{"):
            return True
        if rest_of_line.strip():
            following = rest_of_line.find("{")
            return following >= 0 and _text_end(text, end + following) is not None
        following_line = _next_text(text, end)
        if following_line is None:
            return False
        at = following_line
        end = _text_end(text, at) if text[at] == "{" else None
    return False


def _has_more_on_its_line(text: str, end: int) -> bool:
    line_feed = text.find("\n", end)
    return bool(text[end:].strip() if line_feed < 0 else text[end:line_feed].strip())


def _next_text(text: str, start: int) -> int | None:
    found = NO_BLANK.search(text, start)
    return found.start() if found else None


def _text_end(text: str, start: int) -> int | None:
    """Return where the JSON text that begins there ends; None where it is damaged, or goes on."""
    try:
        _, end = READER.raw_decode(text, start)
    except (ValueError, RecursionError):
        return None
    return end


def concatenated_records(blocks: Blocks, bounds: ChunkBounds) -> Iterator[Chunk]:
    """Yield each object of concatenated JSON as a record."""
    skip_mark(blocks)
    builder = ChunkBuilder()
    return builder.chunks(_ConcatenatedTexts(ByteWindow(blocks), bounds, builder).steps(), bounds)


class _ConcatenatedTexts:
    """Concatenated JSON while it is cut."""

    def __init__(self, window: ByteWindow, bounds: ChunkBounds, builder: ChunkBuilder) -> None:
        self._window = window
        self._bounds = bounds
        self._builder = builder
        self._position = 0
        self._restarts = 0
        self._next_line = self._looked_to = 0  # offsets: of what begins a line, and up to where there is none

    def steps(self) -> Iterator[UnreadableRecord | None]:
        """Yield None for each record that was added to the builder, and what is no record."""
        window = self._window
        while skip_blanks(window):
            if window.data[window.at : window.at + 1] == SEPARATOR:
                window.at += 1
                continue
            self._position += 1
            if window.data[window.at] not in b"{[":
                yield from self._pass_over_garbage()
                continue
            end = self._text_end()
            if end is None or self._is_broken(end):
                yield from self._pass_over_broken()
                continue
            text, offset = window.data[window.at : end], window.offset
            window.at = end
            if len(text) > self._bounds.record_bytes:
                detail = self._bounds.too_long("the document")
                yield from in_parts(UnreadableRecord(self._position, offset, text, "too_long", detail))
            else:
                self._builder.add(text, self._position, offset)
                yield None

    def _text_end(self) -> int | None:
        """Where the text that comes next ends; None where it does not, within the bound of a record."""
        window = self._window
        following = self._find_line()
        if following is not None:
            end = element_end(window.data, window.at, following)
            if end is not None or not _may_go_on(window.data[window.at : following + len(BEGINS_LINE)]):
                return end
        while (end := element_end(window.data, window.at)) is None:
            held = len(window.data) - window.at
            if held > self._bounds.record_bytes or not window.holds(held + 1):
                return None
        return end

    def _find_line(self) -> int | None:
        """Where, after what comes next, an object begins a line; None where none does in what is held."""
        window = self._window
        first = window.offset - window.at  # of what is held
        if self._next_line <= window.offset:
            found = window.data.find(BEGINS_LINE, max(window.at, self._looked_to - first))
            self._looked_to = first + max(len(window.data) - 1, 0)
            if found < 0:
                return None
            self._next_line = first + found
            self._looked_to = self._next_line
        return self._next_line - first

    def _is_broken(self, end: int) -> bool:
        """Whether a text is closed by the brackets of another one, as where one before had lost its end."""
        text = self._window.data[self._window.at : end]
        return BEGINS_LINE in text and not is_json(text)

    def _pass_over_garbage(self) -> Iterator[UnreadableRecord]:
        """Pass over what can't begin a record, up to what can."""
        window = self._window
        detail = window.break_reason or "between two JSON documents stands what is none"
        part = 0
        while window.holds(1):
            found = NEXT_TEXT.search(window.data, window.at)
            end = found.start() if found else len(window.data)
            if end > window.at:
                offset, piece, window.at = window.offset, window.data[window.at : end], end
                garbage = UnreadableRecord(self._position, offset, piece, BETWEEN_TEXTS, detail, part)
                pieces = in_parts(garbage)
                part += len(pieces)
                yield from pieces
            if found:
                return

    def _pass_over_broken(self) -> Iterator[UnreadableRecord]:
        """Pass over a text that is not closed, up to the next line that an object begins, or to the end."""
        window = self._window
        held = len(window.data) - window.at
        following = self._find_line()
        if following is not None and _may_go_on(window.data[window.at : following + len(BEGINS_LINE)]):
            self._restarts += 1
        if following is not None and self._restarts <= MOST_RESTARTS:
            detail = "the document that begins here is not closed where the next one begins a line"
            yield from window.pass_over(following + 1 - window.at, self._position, "truncated", detail)
        elif held > self._bounds.record_bytes:
            detail = f"{self._bounds.too_long('a document')}; here it is with all that follows it"
            yield from window.pass_over(None, self._position, "too_long", detail)
        else:
            detail = window.break_reason or "the document that begins here is not closed"
            yield from window.pass_over(None, self._position, "truncated", detail)


def _may_go_on(text: bytes) -> bool:
    """Whether an object may stand at the end of a text that begins so, as a part of it."""
    characters = text.decode("utf-8", "replace")
    try:
        READER.raw_decode(characters)
    except json.JSONDecodeError as error:
        return error.pos >= len(characters)
    except RecursionError:
        return False
    return False


def skip_blanks(window: ByteWindow) -> bool:
    """Pass over white space; whether there is more after it."""
    while window.holds(1):
        if found := FIRST_BYTE.search(window.data, window.at):
            window.at = found.start()
            return True
        window.at = len(window.data)
    return False


def is_json(text: bytes) -> bool:
    """Whether these bytes are one JSON text, numbers of any size in it."""
    try:
        READER.decode(text.decode("utf-8"))
    except (ValueError, RecursionError):
        return False
    return True
