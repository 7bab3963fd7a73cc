"""Dagster, dbt, publishing and the command line: thin shells over the archive.

Belongs here: running things and showing how they went. Not here: what an event or a contract is
(`event_archive`), and SQL models (`dbt_project/`).
"""
