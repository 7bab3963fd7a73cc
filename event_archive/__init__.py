"""The event archive, a library: contracts, landing, the log of commits, and views over what it names.

Belongs here: the public names, for whoever uses the archive from outside; they are imported when they are
asked for. Not here: Dagster, dbt, and any one company.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from event_archive.archive import Archive, open_archive
    from event_archive.decoding.sources import Source
    from event_archive.errors import UnusableInput
    from event_archive.landing.land import Landed, land
    from event_archive.limits import Limits
    from event_archive.quarantine.recover import recover
    from event_archive.verification import verify
    from event_archive.views.event_views import create_views
    from event_archive.views.scan import scan

__all__ = [
    "Archive",
    "Landed",
    "Limits",
    "Source",
    "UnusableInput",
    "create_views",
    "land",
    "open_archive",
    "recover",
    "scan",
    "verify",
]

_MODULES = {
    "Archive": "archive",
    "Landed": "landing.land",
    "Limits": "limits",
    "Source": "decoding.sources",
    "UnusableInput": "errors",
    "create_views": "views.event_views",
    "land": "landing.land",
    "open_archive": "archive",
    "recover": "quarantine.recover",
    "scan": "views.scan",
    "verify": "verification",
}


def __getattr__(name: str) -> Any:
    """Import a public name; `factlog --help` must not wait for engines that it does not need."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
