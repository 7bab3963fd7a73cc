"""Ctrl-C: one line and exit code 130, at any moment from the first import to the last.

Belongs here: who listens for it and when. Not here: which exceptions of libraries mean it (`world_faults`).
Nothing is imported that takes time: until this is loaded, Python itself answers.

Libraries make other exceptions of an interruption, or lose it: DuckDB words it as a fault of the query, an
import that was broken off as a missing name. So that it came is noted, and what follows is taken for it.
"""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

INTERRUPTED = 130
LINE = "factlog: interrupted; what the log names is complete, run the same command again"


class Interruptions:
    """Whether somebody has pressed Ctrl-C since it was listened for."""

    def __init__(self) -> None:
        self.came = False

    def note(self, _number: int, _frame: FrameType | None) -> None:
        """Note it, and break off what is under way."""
        self.came = True
        raise KeyboardInterrupt


INTERRUPTIONS = Interruptions()


@contextmanager
def leaving_at_once() -> Iterator[None]:
    """Leave at once on Ctrl-C: nothing is under way yet."""
    if is_default := signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, leave)
    yield
    if is_default:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def leave(_number: int, _frame: FrameType | None) -> None:
    """Say it and leave, without what Python does at its end."""
    os.write(2, f"{LINE}\n".encode())
    os._exit(INTERRUPTED)


@contextmanager
def noting_interruptions() -> Iterator[None]:
    """Note every Ctrl-C of a command; once that has ended, the next one ends the process without a word.

    Where whoever started it lets it ignore Ctrl-C, it does.
    """
    if is_default := signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, INTERRUPTIONS.note)
    yield
    if is_default:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
