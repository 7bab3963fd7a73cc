"""The folders of an archive, once: what is in each, and what has to be kept.

Belongs here: their names, and which of them a check, a cleaning and a backup look at. Not here: what a
file is called within its folder (`commit`, `landing`, `quarantine`, `key_index`).
"""

ANCHOR = "anchor.json"
LOG = "log"
EVENTS = "events"
QUARANTINE = "quarantine"
RECOVERIES = "recoveries"
KEYS = "keys"
SCRATCH = "scratch"

NAMED_BY_COMMITS = (EVENTS, QUARANTINE, RECOVERIES)
"""Their files exist once an entry of the log names them."""

MAY_HOLD_LITTER = (*NAMED_BY_COMMITS, SCRATCH)
"""What a crash leaves behind lies in these."""

TO_BACK_UP = (ANCHOR, LOG, *NAMED_BY_COMMITS)
"""All that can't be made again, in the order in which a copy is whole although something lands meanwhile."""
