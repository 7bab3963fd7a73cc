"""Markdown as Dagster shows it, made of texts and values that nobody has checked.

Belongs here: making text stay text, code stay code, and a picture one. Not here: what is said.

Dagster shows images from `data:` addresses, and no SVG that is written inline.
"""

import base64
import json
import re
from typing import Any

MARKS = re.compile(r"([\\`*_{}\[\]<>#|!~&$])")
BEGINS_A_LIST = re.compile(r"^(\d*)([-+=.)])")
ADDRESS = re.compile(r"(?<=:)(?=//)|(?<=[wW])(?=\.)|(?=@)")
"""Where an address would become a link: Markdown looks for them in texts, too."""
JOINER = "\u2060"  # no space, and not seen


def text(words: str) -> str:
    """A text as one paragraph that is nothing but text: no emphasis, link, image, tag or list of its own."""
    escaped = MARKS.sub(r"\\\1", " ".join(words.split()))
    return ADDRESS.sub(JOINER, BEGINS_A_LIST.sub(r"\1\\\2", escaped))


def code(word: str) -> str:
    """A word as code."""
    return f"`{' '.join(word.split()).replace('`', chr(39))}`"


def json_block(value: Any) -> str:
    """A value as a block of JSON, which nothing in it can end: a backtick is written as its number."""
    written = json.dumps(value, indent=2, ensure_ascii=False).replace("`", "\\u0060")
    return f"```json\n{written}\n```"


def image(alternative: str, svg: str) -> str:
    """An SVG as an image."""
    return f"![{text(alternative)}](data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()})"
