"""Segments as Polars frames, with the columns and types of their view.

Belongs here: reading segments of the newest major by Polars and of older ones by the upcasts, which are SQL;
and leaving out of a frame what corrections have replaced or voided. Not here: which segments to read
(`segment_index`), and what a caller may ask for (`scan`).
"""

from collections.abc import Collection, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from itertools import groupby

import polars as pl
import pyarrow as pa

from event_archive.archive import Archive
from event_archive.engine import open_engine
from event_archive.envelope import COLUMNS, PLACE_COLUMNS, STORED_COLUMNS
from event_archive.registry.arrow_types import ARROW_SCALARS
from event_archive.registry.column_types import ColumnType, ListOf, Struct
from event_archive.registry.contract import Contract
from event_archive.views.corrections import CORRECTS
from event_archive.views.resolved_corrections import ResolvedCorrections
from event_archive.views.segment_index import LandedSegment
from event_archive.views.segment_sql import create_segments_table, upcast_view_sql

FILE = "segment_file"
BATCH_ROWS = 100_000
TYPES = dict(pl.DataFrame(pa.schema(list(ARROW_SCALARS.items())).empty_table()).schema)
"""What Polars makes of the types in which Python hands values over."""

STORED_TYPES = TYPES | {"UUID": pl.Binary()}
"""What Polars makes of the types in a segment's file: it has no UUID."""

Schema = dict[str, pl.DataType]


def event_schema(contract: Contract) -> Schema:
    """The columns of a frame of this contract's events: those of its view, in order."""
    columns = {column.name: TYPES[column.type] for column in COLUMNS}
    return columns | {"data": _polars_type(contract.data_type, TYPES), "extra": pl.String()}


class SegmentReader:
    """Reads segments of one view as frames of the type of `contract`, the newest major."""

    def __init__(self, archive: Archive, contract: Contract, as_of: datetime | None) -> None:
        self._archive = archive
        self._contract = contract
        self._as_of = as_of

    def frames(self, segments: Sequence[LandedSegment], columns: Collection[str]) -> Iterator[pl.LazyFrame]:
        """Yield frames of these columns of all events in these segments."""
        own = [landed for landed in segments if self._is_own(landed)]
        others = [landed for landed in segments if not self._is_own(landed)]
        needed = {*columns} if self._as_of is None else {*columns, "occurred_at"}
        in_order = [name for name in event_schema(self._contract) if name in needed]
        if own:
            yield self._until_as_of(self._stored(own, in_order))
        if others:
            for batch in self._upcast(others, in_order):
                yield self._until_as_of(batch.lazy())

    def _is_own(self, landed: LandedSegment) -> bool:
        """Whether a segment was written by the contract as it is now: then its file has just these types."""
        segment, contract = landed.segment, self._contract
        return (segment.type, segment.revision) == (contract.type, contract.revision)

    def _until_as_of(self, frame: pl.LazyFrame) -> pl.LazyFrame:
        return frame if self._as_of is None else frame.filter(pl.col("occurred_at") < self._as_of)

    def _stored(self, segments: Sequence[LandedSegment], columns: Sequence[str]) -> pl.LazyFrame:
        """Segments as Polars reads them, with what the log says of each file."""
        data = self._contract.data_type
        stored = {name: STORED_TYPES[kind] for name, kind in {**STORED_COLUMNS, **PLACE_COLUMNS}.items()}
        files = self._archive.files.locations(landed.segment for landed in segments)
        frame = pl.scan_parquet(
            files,
            glob=False,
            hive_partitioning=False,
            schema=stored | {"data": _polars_type(data, STORED_TYPES), "extra": pl.String()},
            missing_columns="insert",  # most segments have none for corrections, old ones none for places
            include_file_paths=FILE,
        )
        if not {"landed_at", "sequence"}.isdisjoint(columns):
            commits = {
                FILE: files,
                "landed_at": [landed.commit.landed_at for landed in segments],
                "sequence": [landed.commit.sequence for landed in segments],
            }
            types = {"landed_at": TYPES["TIMESTAMPTZ"], "sequence": TYPES["BIGINT"]}
            frame = frame.join(pl.LazyFrame(commits, {FILE: pl.String(), **types}), on=FILE, how="left")
        if "data" in columns and _holds_uuid(data):
            frame = frame.with_columns(data=_with_text_uuids(pl.col("data"), data))
        return frame.select(columns)

    def _upcast(self, segments: Sequence[LandedSegment], columns: Sequence[str]) -> Iterator[pl.DataFrame]:
        """Segments of older majors or revisions, as their view reads them."""
        commits = [
            replace(commit, segments=tuple(landed.segment for landed in of_commit))
            for commit, of_commit in groupby(segments, key=lambda landed: landed.commit)
        ]
        with closing(open_engine()) as connection:
            create_segments_table(connection, self._archive, commits)
            select = upcast_view_sql(self._archive, self._contract.view_name, commits)
            rows = connection.sql(f"SELECT {', '.join(columns)} FROM ({select})")
            for batch in rows.to_arrow_reader(BATCH_ROWS):
                yield pl.DataFrame(pl.from_arrow(batch))


def leave_what_is_in_effect(frame: pl.LazyFrame, corrections: ResolvedCorrections) -> pl.LazyFrame:
    """Leave the events that are in effect, each at its place in time.

    A correction takes the time and day of what it corrects.
    """
    decision = corrections.decision
    keys: Schema = {"source": pl.String(), "event_id": pl.String()}
    removed = pl.LazyFrame(sorted(decision.removed), keys, orient="row")
    places = [
        (*fact.key, place.occurred_at, place.event_date)
        for fact in corrections.corrections
        if fact.kind == CORRECTS and (place := decision.place_of(fact.key))
    ]
    place_types: Schema = {"place_at": TYPES["TIMESTAMPTZ"], "place_date": TYPES["DATE"]}
    return (
        frame.join(removed, on=list(keys), how="anti")
        .join(pl.LazyFrame(places, keys | place_types, orient="row"), on=list(keys), how="left")
        .with_columns(
            occurred_at=pl.coalesce("place_at", "occurred_at"),
            event_date=pl.coalesce("place_date", "event_date"),
        )
        .drop(place_types)
    )


def _polars_type(kind: ColumnType, scalars: dict[str, pl.DataType]) -> pl.DataType:
    if isinstance(kind, Struct):
        return pl.Struct({field.name: _polars_type(field.type, scalars) for field in kind.fields})
    if isinstance(kind, ListOf):
        return pl.List(_polars_type(kind.item, scalars))
    return pl.Decimal(kind.precision, kind.scale) if kind.kind == "DECIMAL" else scalars[kind.kind]


def _holds_uuid(kind: ColumnType) -> bool:
    if isinstance(kind, Struct):
        return any(_holds_uuid(field.type) for field in kind.fields)
    return _holds_uuid(kind.item) if isinstance(kind, ListOf) else kind.kind == "UUID"


def _with_text_uuids(value: pl.Expr, kind: ColumnType) -> pl.Expr:
    """A value of this type with its UUIDs, of 16 bytes each, as text."""
    if isinstance(kind, Struct):
        holding = [field for field in kind.fields if _holds_uuid(field.type)]
        return value.struct.with_fields(
            **{field.name: _with_text_uuids(pl.field(field.name), field.type) for field in holding}
        )
    if isinstance(kind, ListOf):
        return value.list.eval(_with_text_uuids(pl.element(), kind.item))
    digits = value.bin.encode("hex")
    parts = ((0, 8), (8, 4), (12, 4), (16, 4), (20, 12))
    return pl.concat_str([digits.str.slice(start, length) for start, length in parts], separator="-")
