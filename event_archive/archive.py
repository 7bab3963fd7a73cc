"""An archive: its storage, its log and the contracts that its events were judged by.

Belongs here: the three things that every operation on an archive needs, together. Not here: the operations
(`landing`, `verify`, `clean`, `views`, `quarantine`).
"""

from pathlib import Path

from event_archive.registry.contract import Contracts
from event_archive.store.local import LocalStorage, Storage
from event_archive.store.log import Log
from event_archive.validation.fast_validator import Shape


class Archive:
    """The archive in folder `root`, made if it is not there."""

    def __init__(self, root: Path, contracts: Contracts) -> None:
        self.root = root
        self.contracts = contracts
        self.storage: Storage = LocalStorage(root)
        self.log = Log(self.storage)
        self.shapes: dict[str, list[Shape]] = {}
        """By event type, how producers were seen to spell their events: see `shape`."""
