"""Schema files: contracts made from JSON Schema, Avro and Protobuf files, and such files made from contracts.

Belongs here: reading and writing the languages that producers have. Not here: comparing two schemas
(`evolution.compatibility`), and what a contract means (`registry.contract`).
"""
