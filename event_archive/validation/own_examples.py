"""A contract against its own examples: each has to be an event that the contract accepts.

Belongs here: validating the examples, and what is wrong with a contract, in one line. Not here: validating
records that land (`exact_validator`), and what may become of a released contract (`evolution.release_rules`).
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from event_archive.registry.contract import Contract, Contracts
from event_archive.validation.exact_validator import Rejected, validate


@dataclass(frozen=True)
class ContractFault:
    """What a contract must not say: its event `type`, the `place` in its file, and why in one line."""

    type: str
    place: str
    why: str


def example_faults(contract: Contract) -> Iterator[ContractFault]:
    """Yield a fault for each example that the contract itself rejects, in the order of the file."""
    latest = datetime.max.replace(tzinfo=UTC)
    for number, example in enumerate(contract.examples):
        record = json.dumps(example, ensure_ascii=False).encode()
        verdict = validate(record, Contracts([contract]), latest)
        if isinstance(verdict, Rejected):
            yield ContractFault(contract.type, f"examples/{number}", f"is refused: {verdict.detail}")
