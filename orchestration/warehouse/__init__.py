"""The warehouse: the DuckDB file that dbt builds in, and what it remembers of builds.

Belongs here: its engine, its lock, its record of builds and requests. Not here: what analysts get (`dataset`,
`publishing`).
"""
