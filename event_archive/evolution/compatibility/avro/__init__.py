"""Compatibility of Avro schemas: whether data written under one is read under another.

Belongs here: comparing two schemas. Not here: files (`..files`) and contracts (`..contracts`).
"""
