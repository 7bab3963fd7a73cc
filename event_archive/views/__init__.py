"""Views: what readers see of the archive, with upcasts applied and corrections decided.

Belongs here: the views `events.*` and what is known of their columns and days. Not here: dbt models.
"""
