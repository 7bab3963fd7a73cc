"""Ratios against a named rival on the same input in one run; `python -m benchmarks` prints them."""
