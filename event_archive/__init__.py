"""The event archive, a library: contracts, landing, the log of commits, and views over what it names.

Belongs here: what every user of the archive imports: the public names. Not here: Dagster, dbt, and any one
company.
"""
