"""What tests share: worlds of events, installations, a daemon, dbt in this process.

Belongs here: fixtures and what several test modules call. Not here: tests.
"""
