"""The expression language that mappings, upcasts and repairs share: parsed, checked, compiled to SQL.

Belongs here: the language. Not here: what is computed with it.
"""
