"""The local storage keeps what every storage promises."""

from pathlib import Path

from event_archive.store.local import LocalStorage
from event_archive.store.storage import Storage
from support.storage_suite import StorageSuite


class TestLocalStorage(StorageSuite):
    def open(self, place: Path) -> Storage:
        return LocalStorage(place, may_create=True)
