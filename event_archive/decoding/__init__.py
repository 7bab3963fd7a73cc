"""Decoding: from the bytes of an input to chunks of records, whatever their encoding and compression.

Belongs here: finding records and their places. Not here: what a record means (`validation`, `mapping`).
"""
