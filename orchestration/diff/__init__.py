"""Diff: what differs between two datasets, and which events made it so.

Belongs here: comparing rows, causes, the report. Not here: the command.
"""
