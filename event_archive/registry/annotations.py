"""The words of a schema that change nothing: neither what is accepted nor what a column holds.

Belongs here: the one list of them. Not here: what each says to a person (`views.documented_columns`,
`schema_files`).
"""

ANNOTATIONS = frozenset(
    {"title", "description", "examples", "default", "$comment", "deprecated", "readOnly", "writeOnly"}
)
CHANGES_NOTHING = ANNOTATIONS | {"x-pii"}
