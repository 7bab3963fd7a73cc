"""The reporting dataset: the tables that analysts get, their file, and comparing tables.

Belongs here: tables, files and digests. Not here: versions and which is served (`publishing`).
"""
