"""A contract made from a foreign schema file: read, given an example, written, and checked as any other.

Belongs here: which reader a file needs, and that what is made loads and accepts its own example. Not here:
the schema languages (`readers`) and where the file is put.
"""

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from event_archive.errors import UnusableInput
from event_archive.registry.contract import TYPE, load_contract
from event_archive.registry.contract_text import contract_text
from event_archive.schema_files.example_value import example_data
from event_archive.schema_files.readers.avro import from_avro
from event_archive.schema_files.readers.json_schema import from_json_schema
from event_archive.schema_files.readers.protobuf import from_protobuf
from event_archive.schema_files.reading import NO_CHOICES, Choices, DataSchema, Loss, read_schema_file
from event_archive.validation.own_examples import example_faults

MAX_WORDS = 500  # letters of an error text: a file may give its fields any names
READERS = {".json": from_json_schema, ".avsc": from_avro, ".proto": from_protobuf}


@dataclass(frozen=True)
class Imported:
    """The text of a contract file, and what of the schema file it does not carry over."""

    text: str
    losses: tuple[Loss, ...]


def import_contract(
    path: Path, event_type: str, owner: str, actors: tuple[str, ...], choices: Choices = NO_CHOICES
) -> Imported:
    """Make a contract of revision 1 from a schema file (`.json`, `.avsc` or `.proto`).

    Files that it refers to are looked for in its own folder as well, after those that are chosen. Raises
    UnusableInput with one line where no contract can be made.
    """
    if not TYPE.fullmatch(event_type):
        raise UnusableInput(
            f"--type {event_type[:200]!r} is not <object>.<verb>.v<major> in lower case, "
            "such as translation.requested.v1"
        )
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise UnusableInput(
            f"{path}: what kind of schema this is can't be told; name the file *.json, *.avsc or *.proto"
        )
    if choices.draft is not None and reader is not from_json_schema:
        raise UnusableInput(f"{path}: --draft is for JSON Schema; leave it out")
    for folder in choices.folders:
        if not folder.is_dir():
            raise UnusableInput(f"-I {folder}: there is no such folder")
    text = read_schema_file(path)
    try:
        data = reader(text, replace(choices, beside=path.parent))
        example = example_data(data.schema)
    except UnusableInput as error:
        raise UnusableInput(f"{path}: {str(error)[:MAX_WORDS]}") from error
    content = _content(event_type, owner, actors, data, example)
    made = contract_text(content, _head(path, data))
    _check(path, event_type, made)
    return Imported(made, data.losses)


def _content(
    event_type: str, owner: str, actors: tuple[str, ...], data: DataSchema, example: dict[str, Any]
) -> dict[str, Any]:
    object_type, verb, _ = event_type.split(".")
    description = data.schema.get("description") or data.schema.get("title")
    return {
        "type": event_type,
        "revision": 1,
        "owner": owner,
        "description": description or f"The {_words(object_type)} was {_words(verb)}.",
        "actor": list(actors),
        "object": object_type,
        "data": dict(data.schema),
        "examples": [
            {
                "specversion": "1.0",
                "id": "0198c5b2-6c00-7a10-8000-000000000001",
                "source": f"/services/{owner}",
                "type": event_type,
                "time": "2026-01-03T09:14:07.250Z",
                "actor": f"{actors[0]}/example",
                "verb": verb,
                "object": f"{object_type}/example",
                "data": example,
            }
        ],
    }


def _words(name: str) -> str:
    return name.replace("_", " ")


def _head(path: Path, data: DataSchema) -> list[str]:
    lines = [f"Made from {path.name}. Read it as a draft: say who may act, and what each field means."]
    if data.losses:
        lines.append("Not carried over:")
    lines += [f"  {loss.place or 'the whole'}: {loss.why}" for loss in data.losses[:40]]
    if len(data.losses) > 40:
        lines.append(f"  … and {len(data.losses) - 40} more")
    return lines


def _check(path: Path, event_type: str, text: str) -> None:
    """Raise UnusableInput where `contracts check` would find a fault in what was made."""
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / f"{event_type}.yaml"
        made.write_text(text, encoding="utf-8")
        try:
            contract = load_contract(made)
            faults = list(example_faults(contract))
        except UnusableInput as error:
            reason = str(error).removeprefix(f"{made}: ")
            raise UnusableInput(f"{path}: no contract can be made of this: {reason[:MAX_WORDS]}") from error
    for fault in faults:
        raise UnusableInput(
            f"{path}: {fault.place}: the example that was built {fault.why}; "
            "give the schema `examples`, with values that are right"
        )
