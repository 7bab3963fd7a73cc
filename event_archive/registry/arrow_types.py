"""Column types as Arrow spells them: what Python hands values over in, a UUID as its text.

Belongs here: the spelling. Not here: which type a column has (`column_types`), which whoever reads contracts
asks, and Arrow is slow to import.
"""

import pyarrow as pa

from event_archive.registry.column_types import ColumnType, ListOf, Struct

ARROW_SCALARS: dict[str, pa.DataType] = {
    "VARCHAR": pa.string(),
    "BIGINT": pa.int64(),
    "DOUBLE": pa.float64(),
    "BOOLEAN": pa.bool_(),
    "DATE": pa.date32(),
    "TIMESTAMPTZ": pa.timestamp("us", tz="UTC"),
    "UUID": pa.string(),
    "JSON": pa.string(),
}


def arrow_type(kind: ColumnType) -> pa.DataType:
    """Return the Arrow type of a column."""
    if isinstance(kind, Struct):
        return pa.struct([pa.field(field.name, arrow_type(field.type)) for field in kind.fields])
    if isinstance(kind, ListOf):
        return pa.list_(arrow_type(kind.item))
    if kind.kind == "DECIMAL":
        return pa.decimal128(kind.precision, kind.scale)
    return ARROW_SCALARS[kind.kind]
