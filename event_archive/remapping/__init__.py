"""Remapping: what landed by a mapping, mapped once more by a wider one.

Belongs here: which commits that is done to, their records, and comparing the events with those that stood.
Not here: the work on each record (`landing.transaction`), and what is still refused (`quarantine`).
"""
