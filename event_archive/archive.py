"""An archive: its storage, its log, the files this names, and the contracts that events are validated by.

Belongs here: what every operation on an archive needs, together. Not here: the operations
(`landing`, `quarantine`, `views`, `verification`, `clean`).
"""

from pathlib import Path

from event_archive.registry.contract import Contracts, load_contracts
from event_archive.store.checked_files import CheckedFiles
from event_archive.store.folders import CHECKED
from event_archive.store.local import LocalStorage
from event_archive.store.log import Log
from event_archive.store.storage import Storage

WHAT_TO_DO = "run `factlog verify` and bring the file back from a copy"


class Archive:
    """The archive in folder `root`; raises UnusableInput where there is none, or where it can't be made.

    `may_create`: begin an empty one where there is none.
    """

    def __init__(self, root: Path, contracts: Contracts, *, may_create: bool = False) -> None:
        self.root = root
        self.contracts = contracts
        self.storage: Storage = LocalStorage(root, may_create=may_create)
        self.log = Log(self.storage)
        self.files = CheckedFiles(self.storage, root / CHECKED, WHAT_TO_DO)


def open_archive(root: Path, contracts: Path | Contracts, *, may_create: bool = False) -> Archive:
    """Open the archive in folder `root`; with `may_create`, begin an empty one where there is none.

    `contracts`: those that its events are validated by, or the folder that holds their files. Raises
    UnusableInput where there is no archive, where it can't be made, or where a contract does not hold.
    """
    known = contracts if isinstance(contracts, Contracts) else load_contracts(contracts)
    return Archive(root, known, may_create=may_create)
