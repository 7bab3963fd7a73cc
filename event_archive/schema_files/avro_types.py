"""The named types of an Avro schema, those of other files too.

Belongs here: which types a schema defines by name, and finding the files that define those it only names.
Not here: what a type is under a contract (`readers.avro`).

Avro has no import statement: whoever reads a schema that names a type of another file has read that file
before. So every `.avsc` file in the folders is looked into, and those that are needed are taken.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fastavro
from fastavro.schema import SchemaParseException, UnknownType

from event_archive.errors import UnusableInput
from event_archive.schema_files.reading import Choices, parse_json, read_schema_file

MOST_FILES = 2_000
DEFINITIONS = ("record", "error", "enum", "fixed")


def named_types(schema: Any, choices: Choices) -> dict[str, Any]:
    """Return every named type of a schema, and of the files that it needs, parsed, by its full name.

    Raises UnusableInput with one line: of this schema, or with the name of another file.
    """
    needed: list[tuple[Path | None, Any]] = [(None, schema)]
    elsewhere: dict[str, tuple[Path, Any]] | None = None
    while True:
        named: dict[str, Any] = {}
        unknown = next((name for path, part in needed if (name := _parse(path, part, named))), None)
        if unknown is None:
            return named
        elsewhere = _definitions(choices) if elsewhere is None else elsewhere
        found = elsewhere.get(unknown)
        if found is None or found in needed:
            where = " nor in the folders of -I" if choices.folders else ": name its file's folder with -I"
            raise UnusableInput(f"this is no Avro schema: {unknown[:200]} is not defined here{where}")
        needed.insert(0, found)


def defined_names(schema: Any, namespace: str = "") -> Iterator[str]:
    """Yield the full names of the types that a schema defines, outer ones first."""
    if isinstance(schema, list):
        for part in schema:
            yield from defined_names(part, namespace)
    if not isinstance(schema, dict):
        return
    kind, name = schema.get("type"), schema.get("name")
    if kind in DEFINITIONS and isinstance(name, str):
        own = schema.get("namespace", namespace)
        full = name if "." in name or not own else f"{own}.{name}"
        namespace = full.rpartition(".")[0]
        yield full
        fields = schema.get("fields")
        for field in fields if isinstance(fields, list) else ():
            yield from defined_names(field.get("type") if isinstance(field, dict) else None, namespace)
    elif isinstance(kind, dict | list):
        yield from defined_names(kind, namespace)
    for part in ("items", "values"):
        yield from defined_names(schema.get(part), namespace)


def _parse(path: Path | None, schema: Any, named: dict[str, Any]) -> str | None:
    """Add the types of a schema to those that are `named`; returns the name of one that is not there."""
    where = f"{path}: " if path else ""
    try:
        fastavro.parse_schema(schema, named_schemas=named)
    except UnknownType as error:
        return str(error.name)
    except RecursionError as error:
        raise UnusableInput(f"{where}nested deeper than a contract can be") from error
    except (SchemaParseException, TypeError, ValueError, KeyError, AttributeError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise UnusableInput(f"{where}this is no Avro schema: {reason[:300]}") from error
    return None


def _definitions(choices: Choices) -> dict[str, tuple[Path, Any]]:
    """Every file that may be needed, by each type that it defines; where several do, the first one counts."""
    paths = [path for folder in choices.folders for path in sorted(folder.rglob("*.avsc"))]
    paths += sorted(choices.beside.glob("*.avsc")) if choices.beside else []
    if len(paths) > MOST_FILES:
        raise UnusableInput(
            f"there are more than {MOST_FILES:,} .avsc files in the folders: name smaller ones"
        )
    files: dict[str, tuple[Path, Any]] = {}
    for path in paths:
        try:
            schema = parse_json(read_schema_file(path)) if path.is_file() else None
        except UnusableInput:
            continue  # it may be nothing that is needed
        for name in defined_names(schema):
            files.setdefault(name, (path, schema))
    return files
