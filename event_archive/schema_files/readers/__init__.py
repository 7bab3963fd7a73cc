"""Readers: a contract from a JSON Schema, Avro or Protobuf file.

Belongs here: one module per language. Not here: writing them (`writers`).
"""
