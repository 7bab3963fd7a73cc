"""Protobuf's numbers on the wire: what a reader of one type makes of a number of another.

Belongs here: the encoding of numbers, as its documentation has it. Not here: fields, their labels and texts.
"""

import itertools
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from google.protobuf.descriptor import FieldDescriptor

Number = int | float
VARINT, FIXED32, FIXED64 = "varint", "32 bits", "64 bits"
MASK = 2**64 - 1


@dataclass(frozen=True)
class Kind:
    """A type of number: how it travels, its least and greatest value, and whether its bits are the value."""

    name: str
    wire: str
    low: int
    high: int
    is_plain: bool = True


KINDS = {
    FieldDescriptor.TYPE_INT32: Kind("int32", VARINT, -(2**31), 2**31 - 1),
    FieldDescriptor.TYPE_INT64: Kind("int64", VARINT, -(2**63), 2**63 - 1),
    FieldDescriptor.TYPE_UINT32: Kind("uint32", VARINT, 0, 2**32 - 1),
    FieldDescriptor.TYPE_UINT64: Kind("uint64", VARINT, 0, 2**64 - 1),
    FieldDescriptor.TYPE_BOOL: Kind("bool", VARINT, 0, 1),
    FieldDescriptor.TYPE_ENUM: Kind("an enum", VARINT, -(2**31), 2**31 - 1),
    FieldDescriptor.TYPE_SINT32: Kind("sint32", VARINT, -(2**31), 2**31 - 1, is_plain=False),
    FieldDescriptor.TYPE_SINT64: Kind("sint64", VARINT, -(2**63), 2**63 - 1, is_plain=False),
    FieldDescriptor.TYPE_FIXED32: Kind("fixed32", FIXED32, 0, 2**32 - 1),
    FieldDescriptor.TYPE_SFIXED32: Kind("sfixed32", FIXED32, -(2**31), 2**31 - 1),
    FieldDescriptor.TYPE_FLOAT: Kind("float", FIXED32, 1, 1, is_plain=False),
    FieldDescriptor.TYPE_FIXED64: Kind("fixed64", FIXED64, 0, 2**64 - 1),
    FieldDescriptor.TYPE_SFIXED64: Kind("sfixed64", FIXED64, -(2**63), 2**63 - 1),
    FieldDescriptor.TYPE_DOUBLE: Kind("double", FIXED64, 1, 1, is_plain=False),
}
# Each border between two types has a sample on both sides: what changes any value changes one of them.
SAMPLES = (
    *(1, 2, -1),
    *itertools.chain.from_iterable(
        (2**bits, -(2**bits) - 1, 2**bits - 1, -(2**bits)) for bits in (31, 32, 63)
    ),
    2**64 - 1,
)


def reads_as(written: int, read: int, value: int) -> Number:
    """The number that a reader of type `read` finds where `value` was written as `written`.

    Both travel the same way (`Kind.wire`).
    """
    return _decoded(read, _encoded(written, value))


def samples(type_: int) -> Iterator[int]:
    """Values of the type that show what a change of type does to them."""
    kind = KINDS[type_]
    return (value for value in SAMPLES if kind.low <= value <= kind.high)


def _encoded(type_: int, value: int) -> int:
    kind = KINDS[type_]
    if type_ == FieldDescriptor.TYPE_FLOAT:
        return int(struct.unpack("<I", struct.pack("<f", value))[0])
    if type_ == FieldDescriptor.TYPE_DOUBLE:
        return int(struct.unpack("<Q", struct.pack("<d", value))[0])
    if not kind.is_plain:
        return ((value << 1) ^ (value >> 63)) & MASK
    return value & (2**32 - 1 if kind.wire == FIXED32 else MASK)


def _decoded(type_: int, bits: int) -> Number:
    kind = KINDS[type_]
    if type_ == FieldDescriptor.TYPE_FLOAT:
        return float(struct.unpack("<f", struct.pack("<I", bits))[0])
    if type_ == FieldDescriptor.TYPE_DOUBLE:
        return float(struct.unpack("<d", struct.pack("<Q", bits))[0])
    if type_ == FieldDescriptor.TYPE_BOOL:
        return int(bits != 0)
    size = 32 if max(kind.high, -kind.low) < 2**32 else 64
    bits &= 2**size - 1
    if not kind.is_plain:
        return (bits >> 1) ^ -(bits & 1)
    return bits - 2**size if kind.low < 0 and bits >> (size - 1) else bits
