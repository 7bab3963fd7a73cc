"""The store: bytes that last, and the log that says which of them count.

Belongs here: storage, commits, the log, the index of keys. Not here: what is in a segment (`landing`).
"""
