"""Standard output and standard error as they really are: full, closed, or without a character.

Belongs here: what a stream does where it can't print. Not here: layout (`screen`), and exit codes
(`main`).
"""

import contextlib
import io
import os
import sys
from collections.abc import Iterator

STANDARD_OUTPUT = "standard output"


class NamedOutput(io.TextIOWrapper):
    """Standard output, whose faults say so: it may lie on another disk than the archive."""

    def write(self, text: str) -> int:
        """Write a text."""
        with named_fault():
            return super().write(text)

    def flush(self) -> None:
        """Bring to the file what was written."""
        with named_fault():
            super().flush()


@contextlib.contextmanager
def named_fault() -> Iterator[None]:
    """Let a fault of the operating system name standard output."""
    try:
        yield
    except OSError as error:
        error.filename = STANDARD_OUTPUT
        raise


def prepare_streams() -> None:
    """Make the standard streams ready for any text, whoever started this process.

    One that is closed becomes one that goes nowhere: the next file that is opened would get its number, and
    what is printed would be written into that file. What a terminal lacks is printed as its number.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            nowhere = os.open(os.devnull, os.O_RDWR)
            setattr(sys, name, os.fdopen(nowhere, "r" if name == "stdin" else "w", closefd=False))
    output = sys.stdout
    if isinstance(output, io.TextIOWrapper):
        sys.stdout = NamedOutput(
            output.detach(),
            encoding=output.encoding,
            errors="backslashreplace",
            line_buffering=output.line_buffering,
        )


def print_error(text: str) -> None:
    """Print on standard error, if anybody can be reached there."""
    with contextlib.suppress(OSError):
        print(text, file=sys.stderr)


def discard_output() -> None:
    """Send what is still to be printed nowhere: it must not raise again at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
