"""Mappings: how records that are not CloudEvents become events.

Belongs here: mapping files and applying them. Not here: validating what they make (`validation`).
"""
