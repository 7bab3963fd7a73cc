"""dbt: running it as a process, and reading its manifest.

Belongs here: dbt's command line and files. Not here: the warehouse that it writes (`warehouse`).
"""
