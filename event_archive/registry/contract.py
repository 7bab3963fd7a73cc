"""Contracts: the versioned schema of one event type, loaded and checked from one YAML file each.

Belongs here: reading a folder of contract files, rejecting a broken one with one line, and what a contract
says. Not here: validating events by it (`validation`), and comparing two contracts (`evolution`).

A contract file is untrusted: it is data (`contract_file`), its schema is checked (`data_schema`), and its
names are limited to what a path and an SQL name can hold.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import jsonschema_rs

from event_archive.errors import UnusableInput
from event_archive.registry.column_types import ColumnType, Schema, column_type
from event_archive.registry.contract_file import read_contract_file
from event_archive.registry.data_schema import check_schema, validator
from event_archive.registry.text_formats import EVENT_TYPE
from event_archive.registry.upcast_compiler import upcast_sql
from event_archive.registry.upcast_rules import Upcast, read_upcast

TYPE = re.compile(EVENT_TYPE)
ALL_EVENTS = "all_events"
WITH_ALL = "__all"
"""What the name of a type's view ends with that shows its events as they came, in effect or not."""
MAX_REFUSED_SHARE = 0.05


@dataclass(frozen=True)
class Contract:
    """What a producer promises for one event type, such as `note.written.v1`: `<object>.<verb>.v<major>`.

    `schema`: the JSON Schema of `data`; `examples`: whole events; `upcast`: how data of the major before
    reads as this one, None in the first. `max_refused_share`: of the records that claim this type, which
    share (0 to 1) may be rejected before somebody is told.
    """

    type: str
    object_type: str
    verb: str
    major: int
    revision: int
    owner: str
    description: str
    actor_types: tuple[str, ...]
    schema: Schema
    examples: tuple[Mapping[str, Any], ...]
    path: Path
    upcast: Upcast | None = None
    max_refused_share: float = MAX_REFUSED_SHARE

    @property
    def view_name(self) -> str:
        """The name of the view in schema `events`, `<object>_<verb>`: the same for every major."""
        return f"{self.object_type}_{self.verb}"

    @cached_property
    def data_type(self) -> ColumnType:
        """The type of the `data` column."""
        return column_type(self.schema, self.schema)

    @cached_property
    def validator(self) -> jsonschema_rs.Draft202012Validator:
        """The JSON Schema validator of `data`; formats are asserted."""
        return validator(self.schema)


class Contracts(Mapping[str, Contract]):
    """The contracts of a folder by event type, in the order of their names."""

    def __init__(self, contracts: list[Contract]) -> None:
        in_order = sorted(contracts, key=lambda contract: contract.type)
        self._by_type = {contract.type: contract for contract in in_order}
        self._upcasts: dict[str, str] = {}

    def __getitem__(self, event_type: str) -> Contract:
        return self._by_type[event_type]

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_type)

    def __len__(self) -> int:
        return len(self._by_type)

    def majors(self, view_name: str) -> list[Contract]:
        """Return the contracts that a view shows, oldest major first; none where there is no such view."""
        return sorted(
            (contract for contract in self.values() if contract.view_name == view_name),
            key=lambda contract: contract.major,
        )

    def check_upcasts(self, view_name: str) -> None:
        """Raise UnusableInput where a major of a view does not say how all data of the one before reads."""
        for older, newer in pairwise(self.majors(view_name)):
            self._upcasts[newer.type] = compile_upcast(older, newer)

    def upcast(self, newer: Contract) -> str:
        """Return SQL for the data of `newer` over `data`, that of the major before, which has to be there.

        It fails on data that can't be read so. It is compiled once: chunk after chunk is read by it.
        """
        if newer.type not in self._upcasts:
            self.check_upcasts(newer.view_name)
        return self._upcasts[newer.type]

    def newest(self) -> list[Contract]:
        """Return the contract of the highest major per object and verb, in the order of their views."""
        by_view: dict[str, Contract] = {}
        for contract in sorted(self.values(), key=lambda contract: contract.major):
            by_view[contract.view_name] = contract
        return sorted(by_view.values(), key=lambda contract: contract.view_name)


def load_contracts(folder: Path) -> Contracts:
    """Read and check every contract file (`*.yaml`) in a folder, and the upcasts from major to major.

    Raises UnusableInput with one line that names the file, the place and the reason: for the first file that
    is no contract, and for a folder without any.
    """
    if not folder.is_dir():
        raise UnusableInput(
            f"{folder}: there is no such folder of contracts; name one that holds *.yaml files"
        )
    contracts = [load_contract(path) for path in sorted(folder.glob("*.yaml"))]
    if not contracts:
        raise UnusableInput(f"{folder}: there is no contract (*.yaml) in this folder")
    views: dict[str, Contract] = {}
    for contract in contracts:
        other = views.setdefault(contract.view_name, contract)
        if (other.object_type, other.verb) != (contract.object_type, contract.verb):
            raise UnusableInput(
                f"{contract.path}: type: {contract.type} and {other.type} would share the view "
                f"events.{contract.view_name}; rename one"
            )
    loaded = Contracts(contracts)
    for name in views:
        majors = loaded.majors(name)
        if majors[0].upcast is not None:
            older = f"{majors[0].object_type}.{majors[0].verb}.v{majors[0].major - 1}"
            raise UnusableInput(f"{majors[0].upcast.place}: there is no contract {older}; restore its file")
        loaded.check_upcasts(name)
    return loaded


def compile_upcast(older: Contract, newer: Contract) -> str:
    """Return SQL for the data of `newer` over `data`, that of `older`, the major before it.

    Raises UnusableInput where `newer` does not say how all of that data reads.
    """
    if newer.upcast is None or older.major != newer.major - 1:
        raise UnusableInput(
            f"{newer.path}: upcast_from_v{newer.major - 1}: missing: say how the data of {older.type} reads "
            "as this one, and let no major be left out (see docs/how-to-change-a-contract.md)"
        )
    data = upcast_sql(newer.upcast, older.data_type, newer.data_type, "data")
    return f"CAST({data} AS {newer.data_type.sql()})"


def with_all(view_name: str) -> str:
    """Return the name of the view that shows all events of a type as they came, by that of its view."""
    return f"{view_name}{WITH_ALL}"


def is_taken(view_name: str) -> bool:
    """Return whether no event type can have a view of this name, because another view has it."""
    return view_name == ALL_EVENTS or view_name.endswith(WITH_ALL)


def view_of(name: str) -> str:
    """Return the name of the view of an event type, by that or by the name of the view of all its events."""
    return name.removesuffix(WITH_ALL)


def load_contract(path: Path) -> Contract:
    """Read and check one contract file, but not its upcast from the contract before it.

    Raises UnusableInput with one line that names the file, the place and the reason.
    """
    content = read_contract_file(path)
    match = TYPE.fullmatch(content["type"])
    if not match:
        raise UnusableInput(
            f"{path}: type: {content['type']!r} is not <object>.<verb>.v<major> in lower case, "
            "such as translation.requested.v1"
        )
    object_type, verb, major = match.groups()
    if path.name != f"{content['type']}.yaml":
        raise UnusableInput(
            f"{path}: type: the file of {content['type']} must be called {content['type']}.yaml"
        )
    if content["object"] != object_type:
        raise UnusableInput(
            f"{path}: object: {content['object']!r} disagrees with the type, {content['type']}"
        )
    view = f"{object_type}_{verb}"
    if is_taken(view):
        raise UnusableInput(f"{path}: type: the view name {view} is taken; choose another object or verb")
    schema = content["data"]
    check_schema(path, schema)
    name = f"upcast_from_v{int(major) - 1}"
    for key in content:
        if key.startswith("upcast_from_v") and (key != name or major == "1"):
            raise UnusableInput(
                f"{path}: {key}: {content['type']} upcasts from the major before it, and from no other"
            )
    return Contract(
        type=content["type"],
        object_type=object_type,
        verb=verb,
        major=int(major),
        revision=content["revision"],
        owner=content["owner"],
        description=content["description"].strip(),
        actor_types=tuple(content["actor"]),
        schema=schema,
        examples=tuple(content["examples"]),
        path=path,
        upcast=read_upcast(path, name, content[name]) if name in content else None,
        max_refused_share=content.get("max_refused_share", MAX_REFUSED_SHARE),
    )
