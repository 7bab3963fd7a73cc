"""Whether all is well: where things stand, and what is wrong with an installation.

Belongs here: collecting facts without an engine, judging them, and wording them. Not here: what a command
prints them with (`command_line`), and mending anything.
"""
