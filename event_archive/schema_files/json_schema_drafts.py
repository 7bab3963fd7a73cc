"""Which draft a JSON Schema is of: what its `$schema` names, else what its syntax tells.

Belongs here: that decision, the same for importing and for comparing, and how an assumption is told.
Not here: what a keyword means in a draft (`readers.json_schema`, `evolution.compatibility.json_schema`).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from event_archive.errors import UnusableInput
from event_archive.registry.schema_keywords import children

DRAFT_NAMES = {"4": 4, "6": 6, "7": 7, "2019-09": 2019, "2020-12": 2020}
"""The drafts by the names that `--draft` takes."""
LATEST_DRAFT = 2020
ADDRESSES = {
    4: "http://json-schema.org/draft-04/schema#",
    6: "http://json-schema.org/draft-06/schema#",
    7: "http://json-schema.org/draft-07/schema#",
    2019: "https://json-schema.org/draft/2019-09/schema",
    2020: "https://json-schema.org/draft/2020-12/schema",
}
# Addresses that name a draft in passing (its hyper-schema, a copy elsewhere), and dialects that extend one.
SIGNS_IN_ADDRESSES = {
    **{"draft-04": 4, "draft-06": 6, "draft-07": 7, "2019-09": 2019, "2020-12": 2020},
    "com.snowplowanalytics.self-desc": 4,
}
BEFORE_4 = ("draft-00", "draft-01", "draft-02", "draft-03")
SINCE = {
    **dict.fromkeys(("prefixItems", "$dynamicRef", "$dynamicAnchor"), 2020),
    **dict.fromkeys(("$recursiveRef", "$recursiveAnchor", "$defs", "$anchor"), 2019),
    **dict.fromkeys(("minContains", "maxContains", "dependentRequired", "dependentSchemas"), 2019),
    **dict.fromkeys(("unevaluatedItems", "unevaluatedProperties"), 2019),
}
"""Keywords that newer drafts brought."""
UNTIL = {
    **dict.fromkeys(("$recursiveRef", "$recursiveAnchor", "additionalItems"), 2019),
    **dict.fromkeys(("dependencies", "definitions"), 7),
}
"""Keywords that newer drafts no longer have, though their validators may heed them."""


@dataclass(frozen=True)
class Draft:
    """A draft (4, 6, 7, 2019 or 2020); `assumed_for`: why, empty where the schema or its user names it."""

    number: int
    assumed_for: str = ""

    @property
    def name(self) -> str:
        """As people write it."""
        return next(name for name, number in DRAFT_NAMES.items() if number == self.number)

    @property
    def address(self) -> str:
        """What `$schema` says where it names this draft."""
        return ADDRESSES[self.number]

    @property
    def assumption(self) -> str:
        """What was assumed and why, as the end of a sentence; empty where nothing was."""
        return f"{self.assumed_for}; it is read as draft {self.name}" if self.assumed_for else ""


def draft_of(schema: Any, named: int | None = None) -> Draft:
    """The draft of a schema; `named` is that of one whose `$schema` names none that is known.

    Raises UnusableInput where `$schema` is no text, or names a draft before 4.
    """
    address = schema.get("$schema") if isinstance(schema, Mapping) else None
    if address is not None and not isinstance(address, str):
        raise UnusableInput("$schema: is no text; write the address of a draft, or leave it out")
    known = next((number for number, its in ADDRESSES.items() if _bare(its) == _bare(address or "")), None)
    if known is not None or named is not None:
        return Draft(known or named or LATEST_DRAFT)
    number, sign = _of_syntax(schema)
    if address:
        if any(draft in address for draft in BEFORE_4):
            raise UnusableInput(
                f"$schema: {address[:80]!r} is not a JSON Schema of draft 4 to 2020-12; bring it to one"
            )
        told = next((draft for part, draft in SIGNS_IN_ADDRESSES.items() if part in address), number)
        return Draft(told, f"$schema is {address[:80]!r}, which names no draft of JSON Schema")
    return Draft(number, f"there is no $schema, and {sign} is older syntax" if number < LATEST_DRAFT else "")


def _bare(address: str) -> str:
    """An address as far as it tells drafts apart: not by the scheme, nor by an empty fragment."""
    return address.removesuffix("#").partition(":")[2]


def _of_syntax(schema: Any) -> tuple[int, str]:
    """The draft whose keywords these are, and the keyword that tells; the latest where they contradict."""
    since, until, sign = 0, LATEST_DRAFT, ""
    for part in _schemas(schema):
        for keyword, value in part.items():
            since = max(since, SINCE.get(keyword, 0))
            last = _last_draft(keyword, value)
            if last < until:
                until, sign = last, f"{'a list of ' if isinstance(value, list) else ''}`{keyword}`"
    if since > until:
        return LATEST_DRAFT, ""
    # Nearly all that is older than 2020-12 is of draft 7 or before.
    return (7 if until == 2019 > since else until), sign  # a draft


def _last_draft(keyword: str, value: Any) -> int:
    """The last draft that has a keyword with such a value."""
    if keyword in ("exclusiveMinimum", "exclusiveMaximum") and isinstance(value, bool):
        return 4
    if keyword == "items" and isinstance(value, list):
        return 2019
    return UNTIL.get(keyword, LATEST_DRAFT)


def _schemas(schema: Any) -> Iterator[Mapping[str, Any]]:
    """A schema and all schemas within it; what stands under `enum`, `default` and the like is data."""
    waiting, seen = [schema], set()
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict) and id(part) not in seen:
            seen.add(id(part))
            yield part
            waiting += children(part)
