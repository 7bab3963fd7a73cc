"""Confluence of a project's models: however its events arrive, the dataset is the same, row for row.

Belongs here: in which orders and batches events are dealt, and the comparison. Not here: landing and deriving
them (`given_events`). The product holds its own models to the same, over dealt worlds of events.
"""

from collections.abc import Collection
from pathlib import Path
from random import Random

from orchestration.model_testing.given_events import (
    Derived,
    Events,
    build,
    empty_home,
    given,
    land_lines,
    lines_of,
)
from orchestration.model_testing.rows_apart import LANDED_COLUMNS, differing, format_rows
from orchestration.publishing.publish import PublishingRefused
from orchestration.refresh import refresh

MOST_BATCHES = 5


def expect_confluence(
    events: Events,
    *,
    mapping: Path | None = None,
    ways: int = 1,
    seed: int = 0,
    without: Collection[str] = (),
) -> None:
    """Hold the published tables to be the same whichever way the events arrive.

    Once they land in order and are derived from nothing; `ways` times they land shuffled, in batches, some of
    them twice, with a refresh in between. `without`: columns that may differ, beside those that say what
    landed when. Raises AssertionError that names rows and the way: the same `seed` deals it again.
    """
    lines = lines_of(events)
    expected = given(events, mapping=mapping)
    for way in range(seed, seed + ways):
        built = _play(lines, Random(way), mapping)
        if built.tables != expected.tables:
            raise AssertionError(f"seed {way}: {built.tables} are published, in order {expected.tables}")
        apart = differing(expected.tables, built.file, expected.file, LANDED_COLUMNS | {*without})
        if apart:
            shown = "\n".join(f"{table}:\n{format_rows(rows)}" for table, rows in apart.items())
            raise AssertionError(
                f"seed {way}: built as they arrived, and expected as they are in order, differ:\n{shown}"
            )


def _play(lines: list[str], chance: Random, mapping: Path | None) -> Derived:
    """Land the events in the batches that chance deals, and refresh in between and in the end."""
    dealt = [*lines, *(line for line in lines if chance.random() < 0.25)]
    chance.shuffle(dealt)
    batches = min(MOST_BATCHES, len(dealt))
    ends = [0, *sorted(chance.sample(range(1, len(dealt)), batches - 1)), len(dealt)]
    refreshed = chance.randrange(batches - 1) if batches > 1 else None
    derived = empty_home()
    for number in range(batches):
        batch = dealt[ends[number] : ends[number + 1]]
        land_lines(derived.settings, batch, f"batch-{number}.ndjson", mapping)
        if number == refreshed:
            _refresh_early(derived)
    build(derived.settings)
    return derived


def _refresh_early(derived: Derived) -> None:
    """Refresh while events are missing still: a test may rightly find that, and keep it from publishing."""
    try:
        refresh(derived.settings)
    except PublishingRefused:
        return
