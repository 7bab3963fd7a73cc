"""Publishing: numbered versions of the dataset, of which one is served; and querying it.

Belongs here: auditing, writing and serving versions. Not here: their tables, and reading which versions there
are (`dataset`).
"""
