"""The envelope: what every event has besides its data, on the wire (attributes) and in the archive (columns).

Belongs here: the names, types and descriptions of attributes and columns, once; every other list of them is
derived from these. Not here: judging their values (`validation`), and the data of an event (`registry`).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

SPEC_VERSION = "1.0"
ATTRIBUTE_NAME = re.compile(r"[a-z0-9]+", re.ASCII)  # CloudEvents 1.0, "Naming conventions"
# CloudEvents 1.0, "JSON Event Format": any media type whose subtype is `json`, or ends in `+json`
JSON_MEDIA = re.compile(r"[\w!#$&^.+-]+/(?:[\w!#$&^.+-]+\+)?json\s*(?:;.*)?", re.IGNORECASE)
BASE64_DATA = "data_base64"
"""The member of a JSON event that holds data as bytes, in the place of `data`."""
MAX_DEPTH = 64  # levels that a record may be nested


@dataclass(frozen=True)
class Attribute:
    """One attribute of an event on the wire. `kind`: how JSON spells its value.

    `is_constant`: all events of one type have the same value.
    """

    name: str
    kind: str = "string"
    is_required: bool = False
    is_constant: bool = False


@dataclass(frozen=True)
class Column:
    """One column of every event type, of a DuckDB `type`.

    `attribute`: what it is read from, None where the commit gives it, and no segment holds it, and for the
    event's place, which the landing gives; `is_optional`: whether it may be null.
    """

    name: str
    type: str
    description: str
    attribute: str | None
    is_optional: bool = False


ATTRIBUTES = (
    Attribute("specversion", is_required=True, is_constant=True),
    Attribute("id", is_required=True),
    Attribute("source", is_required=True),
    Attribute("type", is_required=True, is_constant=True),
    Attribute("time", is_required=True),
    Attribute("actor", is_required=True),
    Attribute("verb", is_constant=True),
    Attribute("object", is_required=True),
    Attribute("correlationid"),
    Attribute("causationid"),
    Attribute("objectversion", "integer"),
    Attribute("corrects"),
    Attribute("voids"),
    Attribute("data", "object", is_required=True),
)
COLUMNS = (
    Column("event_id", "VARCHAR", "Names the event, together with its source.", "id"),
    Column("source", "VARCHAR", "The service that emitted the event.", "source"),
    Column("actor_type", "VARCHAR", "What kind of actor did it.", "actor"),
    Column("actor_id", "VARCHAR", "Who did it.", "actor"),
    Column("verb", "VARCHAR", "What was done.", "type"),
    Column("object_type", "VARCHAR", "What kind of object it was done to.", "object"),
    Column("object_id", "VARCHAR", "What it was done to.", "object"),
    Column("occurred_at", "TIMESTAMPTZ", "When it occurred, in UTC.", "time"),
    Column("event_date", "DATE", "The UTC day of occurred_at: the partition.", "time"),
    Column("landed_at", "TIMESTAMPTZ", "When the archive committed it.", None),
    Column("sequence", "BIGINT", "The commit that brought it.", None),
    Column(
        "position",
        "BIGINT",
        "The place of its record in the input: line, index or row, from 1.",
        None,
        is_optional=True,
    ),
    Column(
        "element",
        "BIGINT",
        "Its number among the events that could be made of its record, from 1.",
        None,
        is_optional=True,
    ),
    Column(
        "correlation_id",
        "VARCHAR",
        "The business transaction it belongs to.",
        "correlationid",
        is_optional=True,
    ),
    Column("causation_id", "VARCHAR", "The event that caused it.", "causationid", is_optional=True),
    Column(
        "object_version",
        "BIGINT",
        "Counts the events of one object, so that a gap can be seen.",
        "objectversion",
        is_optional=True,
    ),
    Column(
        "corrects",
        "VARCHAR",
        "The earlier event of this source in whose place it stands.",
        "corrects",
        is_optional=True,
    ),
    Column(
        "voids", "VARCHAR", "The earlier event of this source that it takes away.", "voids", is_optional=True
    ),
)

PLACE = ("position", "element")
"""Columns that a landing writes beside what an event says; older segments have none of them."""

CORRECTIONS = ("corrects", "voids")
"""Attributes, and columns, that name an earlier event of the same source."""

REVISION = ";revision="
"""In the id of an event between the id that it `corrects` and a number: it is a revision.

Of all revisions of one id the highest number stands, whichever came first."""

ATTRIBUTE_NAMES = frozenset(attribute.name for attribute in ATTRIBUTES)
CONSTANT_ATTRIBUTES = frozenset(attribute.name for attribute in ATTRIBUTES if attribute.is_constant)
INTEGER_ATTRIBUTES = frozenset(attribute.name for attribute in ATTRIBUTES if attribute.kind == "integer")
"""Attributes that count: 1, 2, 3 …"""

OPTIONAL_COLUMNS: Mapping[str, Column] = {
    column.attribute: column for column in COLUMNS if column.is_optional and column.attribute is not None
}
"""The columns that are null where an event lacks an attribute, by that attribute: each holds its value."""
STORED_COLUMNS: Mapping[str, str] = {column.name: column.type for column in COLUMNS if column.attribute}
"""The columns of a segment that hold what an event says, besides `data` and `extra`, with types, in order."""

PLACE_COLUMNS: Mapping[str, str] = {column.name: column.type for column in COLUMNS if column.name in PLACE}
"""The columns of a segment that say where its events came from, with types, in order."""
