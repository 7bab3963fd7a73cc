"""The reporting dataset: the tables that analysts get, their file, its versions, and comparing tables.

Belongs here: tables, files, digests, and which version is served. Not here: writing versions (`publishing`).
"""
