"""Replay beside the served dataset: into a file over two cuts, and to verify what is served.

Belongs here: deriving aside. Not here: replaying days in place (`refresh`).
"""
