"""Reading again: records that have come before, as the mapping says today that its inputs are read.

Belongs here: what a mapping's `input` changes in a record that is kept as JSON, though it came as a row of
CSV: texts that are null or of another type. Not here: mapping it then (`map_records`).
"""

import json
from typing import Any

import orjson

from event_archive.decoding.csv_options import CsvOptions
from event_archive.decoding.csv_values import CsvValues
from event_archive.decoding.record_chunk import BAD_VALUE
from event_archive.validation.exact_validator import Rejected


def read_again(record: bytes, *, options: CsvOptions) -> bytes | Rejected:
    """Return a record, which is a JSON object, with its texts as the columns say, or why they are not so."""
    values = CsvValues(options)
    fields: dict[str, Any] = json.loads(record, parse_float=orjson.Fragment, parse_int=orjson.Fragment)
    texts = [
        name
        for name, value in fields.items()
        if isinstance(value, str) and (name in values.columns or value in options.nulls)
    ]
    if faults := values.convert_fields(fields, texts):
        return Rejected(BAD_VALUE, "; ".join(faults))
    return orjson.dumps(fields) if texts else record
