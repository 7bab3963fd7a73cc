"""The quarantine: records that were rejected, and how they become events after all.

Belongs here: asking for them, repairing and recovering them. Not here: rejecting them (`landing`).
"""
