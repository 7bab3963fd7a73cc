"""Inputs without a single event: what to tell whoever brought one, before anything of it is kept.

Belongs here: recognising them by what was rejected, and the line that says so. Not here: inputs that no
format is right for (`decoding.unlandable`), and the quarantine file itself (`quarantine_file`).

Where every record is rejected, nearly always the whole landing is wrong (the mapping, the contracts, the
file), and a quarantine full of its records helps nobody.
"""

from collections import Counter
from pathlib import Path
from typing import Any

from event_archive.landing.transaction import CONFLICT
from event_archive.store.commit import Counts
from event_archive.store.parquet_file import open_parquet

STILL_AN_EVENT = {CONFLICT, "upcast_fails"}
"""The reasons of records that are events by their contract: what they say is to be kept in any case."""

SHOWN = 100  # characters of the sample
DETAIL_SHOWN = 300
SMALL_COLUMNS = ["position", "part", "reason", "detail"]


def why_no_event(counts: Counts, rejections: Path, *, mapped: bool) -> str | None:
    """Return the line about an input whose records were all rejected; None where one of them is an event.

    `rejections`: the finished quarantine file of its landing. `mapped`: it was read by a mapping.
    """
    reasons: Counter[str] = Counter()
    first: dict[str, dict[str, Any]] = {}
    with open_parquet(str(rejections)) as file:
        for group in range(file.num_row_groups):
            for number, row in enumerate(file.read_row_group(group, SMALL_COLUMNS).to_pylist()):
                if row["part"] == 0:
                    reasons[row["reason"]] += 1
                    first.setdefault(row["reason"], row | {"group": group, "number": number})
        if reasons.keys() & STILL_AN_EVENT:
            return None
        [(reason, count)] = reasons.most_common(1)
        sample = first[reason]
        record: bytes = file.read_row_group(sample["group"], ["record"])["record"][sample["number"]].as_py()
    refused = (
        f"its only record, at position {sample['position']:,}, is refused as {reason}"
        if counts.rejected == 1
        else f"all of its {counts.rejected:,} records are refused, {count:,} of them as {reason}, first at "
        f"position {sample['position']:,}"
    )
    return (
        f"there is no event in it: {refused}: {_shortened(sample['detail'], DETAIL_SHOWN)}; it begins "
        f"{_shortened(_text(record), SHOWN)}. Nothing was landed: {_advice(reason, mapped=mapped)}, or keep "
        "what is refused in quarantine with --quarantine-anyway"
    )


def _advice(reason: str, *, mapped: bool) -> str:
    if mapped:
        return "correct the mapping, or the contracts that it names"
    if reason in {"unknown_type", "contract_violation"}:
        return "land it by the contracts that it was written for (--contracts)"
    return "if its records are no CloudEvents, name a --mapping for them"


def _text(record: bytes) -> str:
    return repr(record[: 4 * SHOWN].decode("utf-8", "replace"))


def _shortened(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
