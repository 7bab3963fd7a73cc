"""The states of a record that a landing rejected.

Belongs here: their names. Not here: how a record comes to its state (`recovery_outcomes`).
"""

REJECTED, RECOVERED, DUPLICATE, IGNORED = STATES = ("refused", "recovered", "duplicate", "ignored")
