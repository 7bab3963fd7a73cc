"""What a mapping says of its inputs: which format they are in, and how it is read.

Belongs here: the form as values. Not here: reading it from a mapping file (`mapping.input_options`), and the
formats themselves.
"""

from dataclasses import dataclass

from event_archive.decoding.csv_options import CsvOptions


@dataclass(frozen=True)
class InputForm:
    """The form of inputs that are read by a mapping; what it does not say is found by their first bytes.

    `csv`: they are CSV, and how it is read. `is_parquet`: they are Parquet, and nothing else is read.
    """

    csv: CsvOptions | None = None
    is_parquet: bool = False

    @property
    def is_json(self) -> bool:
        """Whether inputs are of the formats that need no word: JSON, Avro, Protobuf."""
        return self.csv is None and not self.is_parquet


FOUND = InputForm()
"""The form of inputs of which the mapping says nothing."""
