"""Planning: what a build would do and why, before it does it.

Belongs here: arrivals, plans, estimates, days to replay. Not here: building (`refresh`).
"""
