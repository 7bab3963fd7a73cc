"""Example domains: each holds contracts of its own.

Belongs here: examples. Not here: anything that the product imports.
"""
