"""Two schema files compared: which language each is in, and who compares it.

Belongs here: that choice. Not here: reading within bounds (`schema_files`), and the comparisons (`contracts`,
`json_schema`, `avro`, `protobuf`).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from event_archive.errors import UnusableInput
from event_archive.evolution.compatibility.avro.compare import compare_avro
from event_archive.evolution.compatibility.contracts import compare_contracts, compare_data
from event_archive.evolution.compatibility.findings import Mode, Report
from event_archive.evolution.compatibility.protobuf.compare import compare_protobuf
from event_archive.registry.contract import load_contract
from event_archive.schema_files.json_schema_drafts import LATEST_DRAFT
from event_archive.schema_files.proto_file import read_proto
from event_archive.schema_files.reading import parse_json, read_schema_file

CONTRACT, JSON_SCHEMA, AVRO, PROTOBUF = "contract", "JSON Schema", "Avro schema", "Protobuf file"
LANGUAGES = {".yaml": CONTRACT, ".yml": CONTRACT, ".json": JSON_SCHEMA, ".avsc": AVRO, ".proto": PROTOBUF}


@dataclass(frozen=True)
class SchemaFile:
    """A file in one of the `LANGUAGES`. `content`: a Contract, a JSON value, or a FileDescriptorProto."""

    path: Path
    language: str
    content: Any

    @property
    def data_schema(self) -> Any:
        """The JSON Schema of a contract's data, or the JSON Schema that the file is."""
        return self.content.schema if self.language == CONTRACT else self.content


def read_for_comparison(path: Path) -> SchemaFile:
    """Read a contract, JSON Schema, Avro or Protobuf file, told by its ending; raises UnusableInput."""
    language = LANGUAGES.get(path.suffix)
    if language is None:
        raise UnusableInput(
            f"{path}: the ending tells the language: .yaml (contract), .json (JSON Schema), .avsc (Avro) or "
            ".proto (Protobuf); give the file one of these"
        )
    if language == CONTRACT:
        return SchemaFile(path, language, load_contract(path))
    text = read_schema_file(path)
    with _about(path):
        return SchemaFile(path, language, read_proto(text) if language == PROTOBUF else parse_json(text))


def compare_files(
    old: SchemaFile, new: SchemaFile, mode: Mode, named_only: bool = False, draft: int | None = None
) -> Report:
    """Compare two files of one language; a contract's data also with a JSON Schema. Raises UnusableInput.

    `named_only`: as if producers sent only the fields that their schema names; of JSON Schema and contracts.
    `draft`: that of a JSON Schema whose `$schema` names none.
    """
    languages = {old.language, new.language}
    pair = f"{old.path}, {new.path}"
    if named_only and not languages <= {CONTRACT, JSON_SCHEMA}:
        raise UnusableInput(f"{pair}: --named-fields is for contracts and JSON Schema; leave it out")
    if draft is not None and JSON_SCHEMA not in languages:
        raise UnusableInput(f"{pair}: --draft is for JSON Schema; leave it out")
    with _about(pair):
        if languages == {CONTRACT}:
            return compare_contracts(old.content, new.content, mode, named_only)
        if languages <= {CONTRACT, JSON_SCHEMA}:
            of_old, of_new = (LATEST_DRAFT if file.language == CONTRACT else draft for file in (old, new))
            return compare_data(old.data_schema, new.data_schema, mode, named_only, (of_old, of_new))
        if languages == {AVRO}:
            return compare_avro(old.content, new.content, mode)
        if languages == {PROTOBUF}:
            return compare_protobuf(old.content, new.content, mode)
        raise UnusableInput(
            f"{old.language} and {new.language} can't be compared; name two files of one language"
        )


@contextmanager
def _about(what: object) -> Iterator[None]:
    """Put the file's name before the text of an error."""
    try:
        yield
    except UnusableInput as error:
        raise UnusableInput(f"{what}: {error}") from error
