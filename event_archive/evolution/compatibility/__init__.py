"""Compatibility: whether data written under one schema is accepted under another, and why not.

Belongs here: comparing two schemas (JSON Schema, Avro, Protobuf) and two contracts. Not here: revisions
of released contracts (`release_rules`), and validating single events (`validation`).
"""
