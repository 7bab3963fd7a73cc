"""Landing: inputs into the archive, each in one atomic commit, or small ones together.

Belongs here: routing, deduplication, the files of a commit, and the commit. Not here: decoding and
validation.
"""
