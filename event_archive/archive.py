"""An archive: its storage, its log and the contracts that its events were judged by.

Belongs here: the three things that every operation on an archive needs, together. Not here: the operations
(`landing`, `verify`, `clean`, `views`, `quarantine`).
"""

from pathlib import Path

from event_archive.registry.contract import Contracts, load_contracts
from event_archive.store.local import LocalStorage
from event_archive.store.log import Log
from event_archive.store.storage import Storage
from event_archive.validation.fast_validator import FastValidator


class Archive:
    """The archive in folder `root`, made if it is not there."""

    def __init__(self, root: Path, contracts: Contracts) -> None:
        self.root = root
        self.contracts = contracts
        self.storage: Storage = LocalStorage(root)
        self.log = Log(self.storage)
        self.fast_validators: dict[str, list[FastValidator]] = {}
        """By event type, how producers were seen to spell their events: see `shape`."""


def open_archive(root: Path, contracts: Path | Contracts) -> Archive:
    """Open the archive in folder `root`, and make it if it is not there.

    `contracts`: those that its events are judged by, or the folder that holds their files. Raises
    UnusableInput where the archive can't be made or a contract does not hold.
    """
    return Archive(root, contracts if isinstance(contracts, Contracts) else load_contracts(contracts))
