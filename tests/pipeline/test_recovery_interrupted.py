"""Recoveries that are killed at any moment, and several at once: whole or nothing, and nothing twice.

Belongs here: recoveries as processes. Not here: what they find (`test_recover`).
"""

import subprocess
import sys
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest

from event_archive import Archive, recover, verify
from event_archive.clean import clean
from event_archive.registry.contract import load_contracts
from event_archive.store.commit import Counts
from event_archive.store.remaps import totals
from event_archive.unnamed_files import UnnamedFiles, unnamed_files
from support.events import (
    LOST_DATA,
    Event,
    archived,
    contract_file,
    contracts_in,
    land_bytes,
    lines,
    lost,
    new_archive,
    weighed,
)

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {"PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"}
FOUND = "parcel.found.v1"
REFUSED_BEFORE, RECOVERED_AFTER = Counts(8, 2, 0, 6), Counts(8, 4, 1, 3)


def found(number: int, place: str = "Ulm") -> Event:
    return lost(number, type=FOUND, id=f"found-{number}") | {"data": {"place": place}}


def refusing(folder: Path) -> Archive:
    """An archive that has refused events whose contract is there by now, and others."""
    archive = new_archive(folder)
    land_bytes(archive, lines([weighed(1), found(1), b"broken", found(2)]), "first")
    land_bytes(archive, lines([weighed(2), found(2), found(1, "Bonn"), b"broken"]), "second")
    contracts_in(folder / "contracts", contract_file(FOUND, LOST_DATA))
    return opened(folder)


def opened(folder: Path) -> Archive:
    return Archive(folder / "archive", load_contracts(folder / "contracts"))


@pytest.fixture(scope="module")
def crashed(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Installations in which the recovery was killed, each at another moment."""
    folder = tmp_path_factory.mktemp("crash")
    refusing(folder / "template")
    script = ROOT / "tests" / "support" / "crash.py"
    crash = [str(script), str(folder / "template"), str(folder / "out"), "recover"]
    subprocess.run([sys.executable, *crash], env=ENVIRONMENT, cwd=ROOT, check=True)
    return sorted((folder / "out").iterdir())


def test_a_recovery_that_is_killed_is_whole_or_nothing_and_can_be_repeated(crashed: list[Path]) -> None:
    whole: Counter[int] = Counter()
    for folder in crashed:
        archive = opened(folder)
        commits = archive.log.commits()
        whole[len(commits)] += 1
        assert totals(commits) == (REFUSED_BEFORE if len(commits) == 2 else RECOVERED_AFTER), folder.name
        assert len(archived(archive)) == totals(commits).accepted, folder.name
        assert verify(archive) == [], folder.name

        recover(archive)
        assert recover(archive).commit is None
        assert totals(archive.log.commits()) == RECOVERED_AFTER, folder.name
        assert [commit.kind for commit in archive.log.commits()] == ["landing", "landing", "recovery"]
        assert archived(archive)["/post", "found-1"]["data"] == {"place": "Ulm"}
        assert len(archived(archive)) == 4, folder.name

        clean(archive, timedelta(0))
        assert unnamed_files(archive) == UnnamedFiles([], []), folder.name
        assert verify(archive) == [], folder.name
    assert whole[2] > 15, "too few were killed before the commit"
    assert whole[3] > 3, "too few were killed after the commit"


WORK = """
import sys
from pathlib import Path
from event_archive import Archive
from event_archive.registry.contract import load_contracts
from event_archive import land
from event_archive import recover
from event_archive.decoding.sources import find_sources
folder = Path(sys.argv[1])
archive = Archive(folder / "archive", load_contracts(folder / "contracts"))
sys.stdin.readline()
for source in find_sources(sys.argv[2:]):
    land(archive, source)
    recover(archive)
"""


def test_processes_that_recover_and_land_at_once_add_each_event_once(tmp_path: Path) -> None:
    archive = refusing(tmp_path)
    land_bytes(new_archive(tmp_path), lines(found(number) for number in range(10, 60)), "third")
    files = []
    for place in range(4):
        file = tmp_path / f"file-{place}"
        file.write_bytes(lines([found(number) for number in range(place * 10, place * 10 + 20)]))
        files.append(str(file))
    command = [sys.executable, "-c", WORK, str(tmp_path)]
    running = [
        subprocess.Popen([*command, *order], stdin=subprocess.PIPE, env=ENVIRONMENT, cwd=ROOT, text=True)
        for order in (files, files[::-1], files[2:] + files[:2])
    ]
    for process in running:
        assert process.stdin
        process.stdin.write("go\n")
        process.stdin.close()
    assert [process.wait(60) for process in running] == [0, 0, 0]
    assert verify(archive) == []
    events = archived(archive)  # refuses an event that is there twice
    assert events.keys() == {("/post", "event-1"), ("/post", "event-2")} | {
        ("/post", f"found-{number}") for number in range(60)
    }
    commits = archive.log.commits()
    assert Counter(commit.kind for commit in commits)["landing"] == 3 + len(files)
    assert totals(commits).conserved
    assert totals(commits).received == 8 + 50 + 80
    assert totals(commits).rejected == 3
    assert recover(archive).commit is None
