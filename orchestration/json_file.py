"""A JSON file that the product or dbt has written, and that somebody may have damaged since.

Belongs here: reading one, with a line on what to do where it is none. Not here: what its fields mean.
"""

import json
from pathlib import Path
from typing import Any

from event_archive import UnusableInput


def read_json_file(path: Path, remedy: str) -> dict[str, Any]:
    """Return the object that a file holds; raises UnusableInput, with the remedy, where it holds none."""
    try:
        content = json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        raise UnusableInput(f"{path}: is damaged, it holds no JSON object; {remedy}")
    return content
