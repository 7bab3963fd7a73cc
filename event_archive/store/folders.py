"""The parts of an archive, once: what is in each, and what has to be kept.

Belongs here: their names, and which of them a check, a cleaning and a backup look at. Not here: what a
file is called within its folder (`commit`, `landing`, `quarantine`, `key_index`).
"""

ANCHOR = "anchor.json"
LOG = "log"
EVENTS = "events"
QUARANTINE = "quarantine"
RECOVERIES = "recoveries"
RECORDS = "records"
KEYS = "keys"
SCRATCH = "scratch"

LOCK = f"{SCRATCH}/.lock"
"""Who holds it may write. No litter, as `CHECKED` is none, though both lie in scratch."""

CHECKED = f"{SCRATCH}/.checked"
"""Which files were compared with their SHA-256; can be lost."""

NAMED_BY_COMMITS = (EVENTS, QUARANTINE, RECOVERIES, RECORDS)
"""Their files exist once an entry of the log names them, and are called by their SHA-256."""

TO_BACK_UP = (ANCHOR, LOG, *NAMED_BY_COMMITS)
"""All that can't be made again, in the order in which a copy is whole although something lands meanwhile."""

MADE_AGAIN = (KEYS, SCRATCH)
"""What follows from the rest, and what is on its way: no copy needs it."""

PARTS = (*TO_BACK_UP, *MADE_AGAIN)
"""All that an archive has; where nothing of it is, no archive is."""
