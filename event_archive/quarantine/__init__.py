"""The quarantine: records that were refused, and how they become events after all.

Belongs here: asking for them, repairing and recovering them. Not here: refusing them (`landing`).
"""
