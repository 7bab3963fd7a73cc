"""The example company: a translation company, simulated (see `simulation`).

Belongs here: its simulation. Not here: its contracts (`event_archive/contracts`) and models (`dbt_project/`).
"""
