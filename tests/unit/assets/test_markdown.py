"""Texts that nobody has checked, in Markdown: they stay texts."""

import json
import re

from hypothesis import given
from hypothesis import strategies as st

from orchestration.assets.markdown import code, image, json_block, text

MARKUP = st.text(alphabet="ab \n`*_[]()<>#!|~&$:=-+.{}\\'", max_size=40)


@given(MARKUP)
def test_a_text_has_no_mark_that_counts(words: str) -> None:
    unescaped = re.sub(r"\\.", "", text(words))
    assert not set(unescaped) & set("`*_[]<>#!|~&${}\\\n")
    assert not re.match(r"\d*[-+=.)]", text(words))


def test_an_address_is_no_link() -> None:
    for address in ("https://example.com", "www.example.com", "a@example.com"):
        assert address not in text(f"see {address}")
    assert text("A note. It is 3 - 2 = 1 long: (fine)") == "A note. It is 3 - 2 = 1 long: (fine)"


@given(MARKUP)
def test_code_and_json_are_ended_by_nothing_in_them(words: str) -> None:
    assert code(words).count("`") == 2
    first, *lines, last = json_block({"a": words}).split("\n")
    assert (first, last) == ("```json", "```")
    assert "`" not in "".join(lines)
    assert json.loads("\n".join(lines)) == {"a": words}


def test_an_image_is_an_address_of_data() -> None:
    shown = image("two ](x) words", "<svg/>")
    assert shown == r"![two \](x) words](data:image/svg+xml;base64,PHN2Zy8+)"
