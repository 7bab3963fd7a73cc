"""Automation: the jobs, sensors and schedules that start runs.

Belongs here: what runs when. Not here: assets, and the work itself.
"""
