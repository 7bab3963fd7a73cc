"""The errors that users are meant to read.

Belongs here: the error that stands for input the product can't use. Not here: rejected *records*, which are
data (see `quarantine`), and programming errors, which keep their traceback.
"""


class UnusableInput(Exception):
    """Input that can't be used; the message is one line: what, where, why, and what to do about it."""


class UnusableSource(UnusableInput):
    """One input that can't be read (`problem`: why); the inputs beside it may well be."""

    def __init__(self, origin: str, problem: str) -> None:
        super().__init__(f"{origin}: {problem}")
        self.problem = problem
