"""`factlog refresh`, `replay`, `diff`, `published`: deriving datasets and comparing them.

Belongs here: options and reports. Not here: the work.
"""
