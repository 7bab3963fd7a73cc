"""Where what an asset is made from is written, as Dagster links to it.

Belongs here: that link. Not here: which files these are.
"""

from collections.abc import Iterable
from pathlib import Path

import dagster as dg
from dagster._utils.warnings import disable_dagster_warnings

CODE_REFERENCES = "dagster/code_references"


def code_places(files: Iterable[tuple[Path, int]]) -> dict[str, dg.CodeReferencesMetadataValue]:
    """The metadata by which an asset's page opens these files, each at a line, in an editor."""
    with disable_dagster_warnings():  # each use of what is still called beta would be a line on the terminal
        references = [
            dg.LocalFileCodeReference(file_path=str(file), line_number=line, label=file.name)
            for file, line in files
        ]
        return {CODE_REFERENCES: dg.CodeReferencesMetadataValue(code_references=[*references])}
