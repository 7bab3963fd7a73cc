"""Tools around contracts that need dbt or git: lineage, pages, staging models, released contracts.

Belongs here: reading contracts together with dbt's manifest. Not here: the contracts' own rules
(`event_archive`).
"""
