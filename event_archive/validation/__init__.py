"""Validation: whether a record is an event under its contract, and if not, why.

Belongs here: the exact validator and the fast one, which is never laxer. Not here: finding records
(`decoding`) and duplicates (`landing`).
"""
