"""An archive: its storage, its log and the contracts that its events are validated by.

Belongs here: the three things that every operation on an archive needs, together. Not here: the operations
(`landing`, `quarantine`, `views`, `verification`, `clean`).
"""

from pathlib import Path

from event_archive.registry.contract import Contracts, load_contracts
from event_archive.store.local import LocalStorage
from event_archive.store.log import Log
from event_archive.store.storage import Storage


class Archive:
    """The archive in folder `root`, made if it is not there; raises UnusableInput where it can't be made."""

    def __init__(self, root: Path, contracts: Contracts) -> None:
        self.root = root
        self.contracts = contracts
        self.storage: Storage = LocalStorage(root)
        self.log = Log(self.storage)


def open_archive(root: Path, contracts: Path | Contracts) -> Archive:
    """Open the archive in folder `root`, and make it if it is not there.

    `contracts`: those that its events are validated by, or the folder that holds their files. Raises
    UnusableInput where the archive can't be made or a contract does not hold.
    """
    return Archive(root, contracts if isinstance(contracts, Contracts) else load_contracts(contracts))
