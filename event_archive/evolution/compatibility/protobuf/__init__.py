"""Compatibility of Protobuf files: whether messages written under one are read under another.

Belongs here: comparing two files. Not here: files (`..files`) and contracts (`..contracts`).
"""
