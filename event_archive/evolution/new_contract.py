"""Skeletons: the first text of a contract, to be edited, that holds as it stands.

Belongs here: what a new contract says and teaches, which types can be begun, and that what is given holds.
Not here: how the text of the next major is made (`next_major`), where the file is put, and contracts made of
other schema files (`schema_files`).
"""

import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from string import Template
from typing import Any

from event_archive.errors import UnusableInput
from event_archive.evolution.next_major import next_major
from event_archive.registry.contract import (
    TYPE,
    Contract,
    Contracts,
    compile_upcast,
    is_taken,
    load_contract,
)
from event_archive.registry.contract_text import scalar
from event_archive.validation.own_examples import example_faults

OWNER = "core"
ACTORS = ("customer", "system")
# `$$` is a dollar sign; names are put in as YAML would read them back.
FIRST_MAJOR = Template("""\
# What producers of this event promise, and everybody else goes by. This text holds as it stands: edit it, and
# ask `factlog contracts check` whether it still does. The file is called like the type.

# <object>.<verb, past tense>.v<major>: what it happened to, and what happened.
type: $type

# Raised by what only adds: a new optional field, a new value of an enum, a looser bound, better words. Any
# other change is a new major, in a new file, so that nobody's events are refused: `factlog contracts new`
# begins that, too.
revision: 1

# The team that answers for it. The event's asset in Dagster is theirs.
owner: $owner

# One sentence for somebody who has never heard of it. Dagster, dbt and the event types page show it.
description: $description

# Who may do it: what stands before the slash in an event's `actor`.
actor: $actors

# What it is done to: the first part of the type, and what stands before the slash in an event's `object`.
object: $object

# Of the records that claim this type, the share that may be refused before its check in Dagster fails: 0.05
# unless it is said here.
# max_refused_share: 0.01

# A JSON Schema (draft 2020-12) of the event's `data`, formats asserted. Each field is typed as a column of
# the view events.$view:
#   string, enum                                               VARCHAR
#   string with format date, date-time, uuid                   DATE, TIMESTAMPTZ, UUID
#   string with format decimal; number with multipleOf: 0.01   DECIMAL, exact
#   integer, number, boolean                                   BIGINT, DOUBLE, BOOLEAN
#   object with properties, array with items                   STRUCT, LIST
#   no type                                                    its JSON text
# A value that the column can't hold exactly is refused, not rounded. Fields that are not named here are
# accepted and kept in the column `extra`, unless `additionalProperties: false` stands here.
data:
  type: object
  # The fields that are always there. One that may be null must be among them, so that null and absent stay
  # different.
  required: [reason, valid_until]
  # Examples of fields; put your own in their place. A description each: it is shown wherever the column is.
  properties:
    reason:
      type: string
      description: Why it was done.
      enum: [asked_for, by_rule]
    valid_until:
      type: [string, "null"]
      format: date
      description: The last day on which it holds; null while nobody has said.
    amount_minor:
      type: integer
      description: Money is whole minor units (cents), never a float, with its currency beside it.
      minimum: 0
    currency:
      type: string
      description: Currency of the amount (ISO 4217).
      enum: [EUR, GBP, USD]
    note:
      type: string
      description: Free text, marked as personal (x-pii), so that staging models leave it in the archive.
      maxLength: 2000
      x-pii: true

# At least one event as it is sent; the contract must accept it.
examples:
  - specversion: "1.0"
    # `source` and `id` together name an event: sent twice, it is stored once.
    id: "0198c5b2-6c00-7a10-8000-000000000001"
    source: $source
    type: $type
    time: "2026-01-03T09:14:07.250Z"
    actor: $actor_name
    object: $object_name
    data:
      reason: asked_for
      valid_until: "2026-12-31"
      amount_minor: 1250
      currency: EUR
""")


def contract_skeleton(
    event_type: str, contracts: Contracts, owner: str | None = None, actors: Sequence[str] = ()
) -> str:
    """The text of a new contract that holds beside `contracts`; raises UnusableInput with one line.

    A new major keeps the owner and actors of the one before it where none are named.
    """
    parts = TYPE.fullmatch(event_type)
    if not parts:
        raise UnusableInput(
            f"{event_type[:200]!r} is not <object>.<verb>.v<major> in lower case, such as order.placed.v1"
        )
    object_type, verb, major = parts[1], parts[2], int(parts[3])
    view = f"{object_type}_{verb}"
    same_view = contracts.majors(view)
    if is_taken(view) or any(contract.object_type != object_type for contract in same_view):
        taken = f"of {same_view[0].type}" if same_view else "of all events"
        raise UnusableInput(
            f"{event_type}: its view events.{view} would be that {taken}; choose another object or verb"
        )
    newest = same_view[-1] if same_view else None
    following = (newest.major if newest else 0) + 1
    if event_type in contracts:
        next_type = f"{object_type}.{verb}.v{following}"
        raise UnusableInput(
            f"{event_type}: is there already: {contracts[event_type].path}; edit it, or start {next_type}"
        )
    if major != following:
        known = f"the newest major is {newest.type}" if newest else "there is no major of it yet"
        raise UnusableInput(f"{event_type}: {known}; the next is {object_type}.{verb}.v{following}")
    if newest is None:
        text = _first(event_type, owner or OWNER, tuple(actors) or ACTORS)
    else:
        text = next_major(newest, event_type, owner, actors)
    _check(event_type, text, newest)
    return text


def _first(event_type: str, owner: str, actors: Sequence[str]) -> str:
    object_type, verb, _ = event_type.split(".")
    words = {
        "type": event_type,
        "owner": owner,
        "description": f"The {object_type.replace('_', ' ')} was {verb.replace('_', ' ')}.",
        "object": object_type,
        "source": f"/services/{owner}",
        "actor_name": f"{actors[0]}/1",
        "object_name": f"{object_type}/1",
    }
    return FIRST_MAJOR.substitute(
        {name: scalar(word) for name, word in words.items()},
        actors=f"[{', '.join(map(scalar, actors))}]",
        view=f"{object_type}_{verb}",
    )


def _check(event_type: str, text: str, older: Contract | None) -> None:
    """Hold the text to what `contracts check` asks of it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{event_type}.yaml"
        path.write_text(text, encoding="utf-8")
        try:
            contract = load_contract(path)
            if older is not None:
                compile_upcast(older, contract)
            faults: Iterable[Any] = list(example_faults(contract))
        except UnusableInput as error:
            raise UnusableInput(str(error).replace(f"{path}: ", f"{event_type}: ")) from error
    for fault in faults:
        raise UnusableInput(f"{event_type}: would not hold: {fault.place} of the major before it {fault.why}")
