"""The recipes of the mapping page: given the records that one shows, expect what it says becomes of them.

Belongs here: reading them, and mapping by the lines that they show. Not here: the page's tables of values
(`test_recipes`), what is typed (`pipeline/test_docs.py`), and single entries (`test_elements`).
"""

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from event_archive.decoding.record_chunk import chunk_of
from event_archive.engine import open_engine
from event_archive.mapping.map_records import map_chunk
from event_archive.mapping.mapping import Mapping, load_mapping
from support.events import same_json

PAGE = Path(__file__).parents[3] / "docs" / "how-to-map-foreign-records.md"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FILE = "lines.ndjson"
EVERY_MAPPING: dict[str, Any] = {
    "event": {
        "id": "$position || '-' || $index",
        "source": {"$constant": "/stream"},
        "time": {"$constant": "2026-01-01T00:00:00Z"},
        "actor": {"$constant": "user/u-1"},
    },
    "rules": [{"when": "TRUE", "type": "thing.done.v1", "object": {"thing": "'1'"}}],
}
"""What a recipe leaves out."""


def recipes() -> dict[str, dict[str, str]]:
    """The blocks of each recipe that has records and a mapping, by its heading and their language."""
    chapter = PAGE.read_text().partition("\n## Recipes\n")[2].partition("\n## ")[0]
    found = {}
    for section in chapter.split("\n### ")[1:]:
        blocks = dict(BLOCK.findall(section))
        if {"json", "yaml"} <= set(blocks):
            found[section.partition("\n")[0]] = blocks
    return found


RECIPES = recipes()


def mapping_of(lines: str, folder: Path) -> Mapping:
    """The mapping that a recipe is a part of."""
    shown = yaml.load(lines, yaml.BaseLoader)  # texts as they are written, so that `no` is not false
    event = EVERY_MAPPING["event"] | shown.get("event", {})
    path = folder / "mapping.yaml"
    path.write_text(json.dumps(EVERY_MAPPING | shown | {"event": event}))
    return load_mapping(path)


def outcomes(mapping: Mapping, records: list[str]) -> Iterator[dict[str, Any] | str]:
    """What becomes of each record, or of each element of one, in their order."""
    positions = np.arange(1, len(records) + 1)
    chunk = chunk_of([record.encode() for record in records], positions, positions)

    def places(_: object) -> Iterator[tuple[int, str]]:
        return ((position, FILE) for position in positions.tolist())

    with open_engine(threads=1, sealed=True) as engine:
        for part in map_chunk(engine, chunk, mapping=mapping, places=places):
            why = {row: f"refused: {rejected.detail}" for row, rejected in part.rejected}
            why |= {row: f"ignored: {reason}" for row, reason in part.ignored}
            for row in range(len(part.rows)):
                yield why.get(row) or json.loads(part.events.record(row), parse_float=Decimal)


def shown_part(event: Any, shown: Any) -> Any:
    """The part of an event that a recipe shows; of `data`, it shows all."""
    return {name: event.get(name) for name in shown} if isinstance(event, dict) else event


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_recipe_gives_what_it_says(recipe: str, tmp_path: Path) -> None:
    blocks = RECIPES[recipe]
    found = list(outcomes(mapping_of(blocks["yaml"], tmp_path), blocks["json"].splitlines()))
    lines = blocks["text"].splitlines()
    assert len(found) == len(lines)
    for outcome, line in zip(found, lines, strict=True):
        if line.startswith("{"):
            shown = json.loads(line, parse_float=Decimal)
            assert same_json(shown_part(outcome, shown)) == same_json(shown)
        else:
            beginning, more, _ = line.partition("…")
            assert str(outcome).startswith(beginning) if more else outcome == line


def test_the_page_has_its_recipes() -> None:
    assert len(RECIPES) >= 8
    assert all("text" in blocks for blocks in RECIPES.values())
