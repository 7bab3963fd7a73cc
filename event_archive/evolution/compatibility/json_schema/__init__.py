"""Compatibility of JSON Schemas: whether every value of one schema is a value of another.

Belongs here: comparing two schemas. Not here: files (`..files`) and contracts (`..contracts`).
"""
