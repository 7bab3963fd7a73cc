"""Publishing: numbered versions of the dataset, of which one is served; and querying it.

Belongs here: writing, auditing and serving versions. Not here: the tables (`dataset`).
"""
