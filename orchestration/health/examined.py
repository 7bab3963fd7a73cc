"""What came of looking at one thing of an installation.

Belongs here: that value alone. Not here: looking (`doctor` and what it lists).
"""

from dataclasses import dataclass

WELL, NOTE, WRONG = "well", "note", "wrong"


@dataclass(frozen=True)
class Examined:
    """What was looked at, whether it is well, what was found, and what to do where it is not.

    `state`: a note is worth knowing, and keeps nothing from working.
    """

    name: str
    state: str
    found: str
    to_do: str = ""
