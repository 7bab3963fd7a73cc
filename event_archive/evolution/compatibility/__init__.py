"""Compatibility: whether data written under one schema is accepted under another, judged and explained.

Belongs here: comparing two schemas (JSON Schema, Avro, Protobuf) and what is found. Not here: contracts,
their revisions and git (`contract`, `orchestration.command_line`), and judging single events (`judge`).
"""
