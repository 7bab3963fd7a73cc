"""What a comparison of two schemas finds: per direction, place and rule, with a sentence and an example.

Belongs here: the shape of the answer, the same for every schema language. Not here: how it is found.

The directions are those of schema registries: *backward*, data written under the old schema is accepted under
the new one; *forward*, data written under the new schema is accepted under the old one.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Direction(StrEnum):
    """Which side's data the other side reads."""

    BACKWARD = "backward"
    FORWARD = "forward"


class Mode(StrEnum):
    """What is asked for: one direction, or both."""

    BACKWARD = "backward"
    FORWARD = "forward"
    FULL = "full"

    @property
    def directions(self) -> tuple[Direction, ...]:
        """The directions to look at."""
        return tuple(Direction) if self is Mode.FULL else (Direction(self.value),)


class Verdict(StrEnum):
    """The answer. UNKNOWN is not a weaker COMPATIBLE: it says that the judgement can't be made."""

    COMPATIBLE = "compatible"
    INCOMPATIBLE = "incompatible"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Example:
    """A JSON value that the writer's side accepts and the reader's side refuses."""

    value: Any


@dataclass(frozen=True)
class SchemaFinding:
    """One reason against compatibility. `verdict` is INCOMPATIBLE or UNKNOWN, never COMPATIBLE.

    `path`: a place in the data, such as `customer/emails/[]`, `.` for the whole; `rule`: a name to group by,
    such as `required_added`; `sentence`: for a person, one line.
    """

    direction: Direction
    verdict: Verdict
    path: str
    rule: str
    sentence: str
    example: Example | None = None


@dataclass(frozen=True)
class Caution:
    """What the answer takes for granted, or what goes wrong though it is compatible; no verdict rests on it.

    `direction`: None where it is about both.
    """

    path: str
    rule: str
    sentence: str
    direction: Direction | None = None


@dataclass(frozen=True)
class Report:
    """The answer to one question, `mode`, with everything that speaks against it, and what to watch."""

    mode: Mode
    findings: tuple[SchemaFinding, ...]
    cautions: tuple[Caution, ...] = ()

    @property
    def verdict(self) -> Verdict:
        """The answer over all directions that were asked for."""
        return verdict_of(self.findings)

    def verdict_for(self, direction: Direction) -> Verdict:
        """The answer for one direction."""
        return verdict_of(finding for finding in self.findings if finding.direction is direction)


def verdict_of(findings: Iterable[SchemaFinding]) -> Verdict:
    """Incompatible where anything is; else unknown where anything is; else compatible."""
    verdicts = {finding.verdict for finding in findings}
    if Verdict.INCOMPATIBLE in verdicts:
        return Verdict.INCOMPATIBLE
    return Verdict.UNKNOWN if Verdict.UNKNOWN in verdicts else Verdict.COMPATIBLE
