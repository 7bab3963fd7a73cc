"""Ratios against a named rival on the same input in one run; `python -m benchmarks` prints them.

Belongs here: measuring. Not here: tests, which never assert a time.
"""
