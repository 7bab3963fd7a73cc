"""`factlog contracts`: one module per command.

Belongs here: options and reports. Not here: the work.
"""
