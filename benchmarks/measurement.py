"""What one benchmark says: a figure, and the bound that it is held to."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Measurement:
    """One figure. `figures`: the absolute values behind it, for the reader; they differ between machines."""

    name: str
    value: float
    relation: Literal[">=", "<="]
    bound: float
    figures: str

    @property
    def holds(self) -> bool:
        """Whether the figure keeps to its bound."""
        return self.value >= self.bound if self.relation == ">=" else self.value <= self.bound
