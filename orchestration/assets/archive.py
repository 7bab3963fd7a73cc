"""The archive, for a run: where it can't be used, the run fails with the one line that says why.

Belongs here: opening it. Not here: beginning one, which is for whoever brings the first events (the command
line, `dev`). To a run, an archive that is missing is one that was lost.
"""

import dagster as dg

from event_archive import Archive, UnusableInput
from orchestration.settings import Settings


def open_archive(settings: Settings) -> Archive:
    """Open the archive of an installation; fails the run where there is none, or a contract does not hold."""
    try:
        return settings.open_archive()
    except UnusableInput as error:
        raise dg.Failure(description=str(error), allow_retries=False) from None
