"""Dagster assets: event types, the quarantine, dbt models, the published dataset; and their partitions.

Belongs here: what the Dagster UI shows and materializes. Not here: when it is materialized (`automation`),
and the work itself.
"""
