"""The files that a dbt project is made of, its packages included.

Belongs here: which these are, and when one of them changed last. Not here: what they say (`project_rules`),
and the digests of them (`publishing.build_inputs`). Nothing heavy is imported: who asks where things stand
waits for no engine.
"""

from collections.abc import Iterator
from pathlib import Path

from orchestration.dbt.packages import INSTALLED, PACKAGE

GENERATED = {"target", "logs", INSTALLED, "package-lock.yml"}


def last_change(project: Path) -> float:
    """When a file of the dbt project or of a package of its was last changed, added or removed.

    In seconds since 1970.
    """
    return max(path.stat().st_mtime for path in project_paths(project))


def project_paths(project: Path) -> Iterator[Path]:
    """All files and folders of a dbt project and of its packages, be these copies or links to somewhere."""
    packages = (path.resolve() for path in (project / INSTALLED).glob("*"))
    for folder in sorted({project, PACKAGE, *packages}):
        if folder.is_dir():
            yield folder
            yield from sources(folder)


def sources(folder: Path) -> Iterator[Path]:
    """All files and folders of a dbt project, without what dbt and git put beside them."""
    for path in folder.iterdir():
        if path.name not in GENERATED and path.name[0] != "." and path.exists():
            yield from (path, *(below for below in path.rglob("*") if below.exists()))
