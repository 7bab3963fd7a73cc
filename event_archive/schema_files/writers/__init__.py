"""Writers: a contract as JSON Schema, Avro, Protobuf, pydantic or Markdown.

Belongs here: one module per language. Not here: reading them (`readers`).
"""
