"""Dagster, dbt, publishing and the command line: thin shells over the archive."""
