"""The dbt package of the product: where it is installed, and how a dbt project finds it.

Belongs here: the link in a project's `dbt_packages`, where dbt looks for packages. Not here: what the package
holds (`package/`), and running dbt (`process`). `dbt deps` makes the same link where the project's
`packages.yml` names the package; with this, nobody has to run it, and the link follows an update.
"""

import contextlib
import os
from pathlib import Path

from event_archive import UnusableInput
from event_archive.store.durable import make_durable_folder

PACKAGE = Path(__file__).with_name("package")
INSTALLED = "dbt_packages"


def link_package(project: Path) -> None:
    """Make the product's package one of a project's; raises UnusableInput where that can't be written."""
    link = project / INSTALLED / "factlog"
    if link.resolve() == PACKAGE:
        return
    if link.exists() and not link.is_symlink():
        raise UnusableInput(
            f"{link}: a copy of the package of factlog, which is not updated with it; remove the folder"
        )
    unfinished = link.with_name(f".factlog.{os.getpid()}")
    try:
        make_durable_folder(link.parent)
        unfinished.symlink_to(PACKAGE, target_is_directory=True)
        unfinished.replace(link)
    except OSError as error:
        with contextlib.suppress(OSError):
            unfinished.unlink()
        raise UnusableInput(
            f"{link}: {error.strerror}; dbt finds the package of factlog there, so the folder has to be "
            f"writable, or a link to {PACKAGE}"
        ) from None
