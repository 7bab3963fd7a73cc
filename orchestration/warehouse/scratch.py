"""A scratch warehouse: everything, or the facts of some days, derived from nothing beside the real one.

Belongs here: its folder, which is gone afterwards however this ends, and the dbt process that builds in it.
Not here: what it is built for (`replay`). It reads the archive only, so it needs no lock of the warehouse and
works during a refresh.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path

from event_archive import UnusableInput
from event_archive.registry.contract import Contracts
from event_archive.store.durable import make_durable_folder
from event_archive.wording import agree, format_count
from orchestration.dbt.graph import Manifest, read_manifest, table_of
from orchestration.dbt.kinds import marts, not_of_the_log
from orchestration.dbt.process import MANIFEST, OnNode, first_lines, run_dbt
from orchestration.full_disk import full, full_disk_in_one_line
from orchestration.settings import WAREHOUSE, Settings
from orchestration.warehouse.build_record import record_build
from orchestration.warehouse.outcomes import Check

FOLDER = "scratch"
DETAILS = "; details: "
BUILD = [
    *("build", "--full-refresh", "--exclude", "resource_type:snapshot+"),
    *("--exclude-resource-type", "test", "--exclude-resource-type", "unit_test"),
]


@dataclass(frozen=True)
class Scratch:
    """An empty folder, and the lock that says that it is in use: a child process has to inherit it."""

    folder: Path
    lock: int


@contextmanager
def scratch_folder(settings: Settings) -> Iterator[Scratch]:
    """Make a folder under FACTLOG_HOME; the folders that killed processes left there are removed first."""
    root = settings.home / FOLDER
    make_durable_folder(root)
    with locked(root / ".lock"):
        remove_litter(root)
        folder = Path(tempfile.mkdtemp(prefix="replay-", dir=root))
        lock = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        yield Scratch(folder, lock)
    finally:
        os.close(lock)
        shutil.rmtree(folder, ignore_errors=True)


def remove_litter(root: Path) -> None:
    """Remove the folders that nobody holds any more."""
    for folder in root.glob("replay-*"):
        with locked(folder / ".lock", wait=False) as is_free:
            if is_free:
                shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def locked(path: Path, *, wait: bool = True) -> Iterator[bool]:
    """Hold a lock; gives whether it could be taken."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        yield False
    else:
        yield True
    finally:
        os.close(handle)


@dataclass(frozen=True)
class DerivedWarehouse:
    """A scratch warehouse that was built: its settings, and the manifest of the dbt process that built it.

    `left_out`: the marts that are not in it, because they are made of a snapshot: of what builds saw.
    """

    settings: Settings
    manifest: Manifest
    left_out: tuple[str, ...] = ()


def derive(
    settings: Settings,
    contracts: Contracts,
    scratch: Scratch,
    *,
    cut: int,
    as_of: datetime | None = None,
    sample_days: Sequence[date] = (),
    select: Sequence[str] = (),
    on_node: OnNode | None = None,
) -> DerivedWarehouse:
    """Build models and seeds from nothing over a cut of the log.

    No tests: on a past cut one may rightly fail. No snapshots, which hold what each build saw, nor what is
    derived from one: no log gives it again. Raises UnusableInput where a model can't be built.
    """
    built = replace(
        settings,
        cut=cut,
        as_of=as_of,
        sample_days=tuple(sample_days),
        warehouse_file=scratch.folder / WAREHOUSE,
    )
    chosen = ["--select", *select] if select else []
    try:
        output = run_dbt(built, [*BUILD, *chosen], lock=scratch.lock, on_node=on_node)
    except UnusableInput as error:
        # The log that it refers to goes with the folder.
        raise UnusableInput(str(error).split(DETAILS, maxsplit=1)[0]) from None
    if not (built.dbt_target / "run_results.json").exists():
        raise UnusableInput(f"dbt build: {first_lines(output)}")
    with full_disk_in_one_line(str(built.warehouse)):
        manifest = read_manifest(built.dbt_target / MANIFEST)
        published = marts(manifest)
        left_out = sorted(
            table_of(node) for name, node in not_of_the_log(manifest).items() if name in published
        )
        checks = record_build(built, contracts, manifest, left_out=left_out)
        failed = [check for check in checks if not check.passed]
    if failed:
        raise UnusableInput(could_not_build(failed))
    return DerivedWarehouse(built, manifest, tuple(left_out))


def format_left_out(left_out: Sequence[str]) -> str:
    """Which tables a replay does not give, and why, in one line."""
    named, they_read = ", ".join(left_out), agree(len(left_out), "it is", "they are")
    return f"Left out: {named}, because {they_read} made of a snapshot, which holds what each build saw"


def could_not_build(failed: Sequence[Check]) -> str:
    """Which models could not be built; those that were skipped because of them are only counted."""
    causes = [check for check in failed if check.detail != "skipped"] or failed
    if cause := next(filter(None, (full(check.detail) for check in causes)), None):
        return f"{format_count(len(failed), 'model')} could not be built: {cause}"
    others = len(failed) - 1
    more = f"; {others} more could not be built" if others else ""
    return f"{causes[0].name} could not be built: {causes[0].detail}{more}"
