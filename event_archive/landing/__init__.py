"""Landing: one input into the archive, in one atomic commit.

Belongs here: routing, deduplication, the files of a commit, and the commit. Not here: decoding and
validation.
"""
