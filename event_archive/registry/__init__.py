"""The registry: what a contract says, and the column types, casts and upcasts that follow from it.

Belongs here: reading contracts and compiling them. Not here: the contracts themselves (`contracts/`), judging
events (`validation`), and how a contract may change (`evolution`).
"""
