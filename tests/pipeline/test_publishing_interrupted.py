"""Publishing that is interrupted: a crash at any step, a refresh that was killed, somebody else at work."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import duckdb
import pytest

from orchestration.dataset.versions import served_version, versions
from orchestration.publishing.publish import publish
from orchestration.refresh import refresh
from orchestration.settings import PROJECT, Settings
from orchestration.warehouse.lock import warehouse_lock
from support.installation import copy_of, land_events, landed, note, published_installation
from support.power_loss import Disk

SERVED = "reporting.duckdb"
# For each number n and folder on standard input it publishes there in a fork of itself, which begins as a
# new process does and kills itself at its n-th step on the file system, as a crash would; it prints how that
# ended.
CRASHING = """
import os, pathlib, signal, sys, traceback
from orchestration.dataset import dataset_file
from orchestration.publishing import publish as publishing
from orchestration.settings import Settings

steps = last = 0
def crash_at(what):
    def step(*arguments, **options):
        global steps
        steps += 1
        if steps == last:
            os.kill(os.getpid(), signal.SIGKILL)
        return what(*arguments, **options)
    return step

os.fsync = crash_at(os.fsync)
dataset_file.copy_tables = crash_at(dataset_file.copy_tables)
publishing.write_dataset = crash_at(publishing.write_dataset)
for method in ("replace", "chmod", "hardlink_to", "write_text"):
    setattr(pathlib.Path, method, crash_at(getattr(pathlib.Path, method)))
while line := sys.stdin.readline():
    number, os.environ["FACTLOG_HOME"] = line.rstrip().split(maxsplit=1)
    last = int(number)
    if (child := os.fork()) == 0:
        try:
            publishing.publish(Settings.from_environment())
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """An installation with ten notes landed, and nothing derived yet."""
    return landed(tmp_path)


@pytest.fixture
def published(tmp_path: Path) -> Settings:
    """An installation with ten notes landed and published."""
    return published_installation(tmp_path)


def words(settings: Settings) -> list[tuple[object, ...]]:
    """What an analyst sees who opens the file."""
    with closing(duckdb.connect(settings.published / SERVED, read_only=True)) as connection:
        return connection.execute("FROM writing.notebooks ORDER BY notebook").fetchall()


def test_a_refresh_that_was_killed_is_waited_for_and_done_again(settings: Settings) -> None:
    code = "from orchestration.refresh import refresh; from orchestration.settings import Settings"
    killed = subprocess.Popen(
        [sys.executable, "-c", f"{code}; refresh(Settings.from_environment())"],
        env=settings.environment() | {"PYTHONPATH": str(PROJECT)},
        stderr=subprocess.PIPE,
    )
    while not (settings.dbt_target / "dbt.log").exists():
        assert killed.poll() is None
        time.sleep(0.05)
    killed.kill()
    killed.communicate()
    messages: list[str] = []
    assert refresh(settings, log=messages.append).publication.is_new
    assert messages == [f"waiting for a refresh (process {killed.pid}), which holds the warehouse"]


def test_a_crash_at_any_step_leaves_the_old_version_and_a_way_on(
    published: Settings, tmp_path_factory: pytest.TempPathFactory
) -> None:
    old = words(published)
    land_events(published, [note(11, notebook="green")], "more.ndjson")
    # A crash of its own kind: the warehouse is built and checked, and then the process dies while publishing.
    with pytest.MonkeyPatch.context() as patched:
        patched.delattr("orchestration.refresh.publish_locked")
        with pytest.raises(NameError):
            refresh(published)
    new, served = [("blue", 5, 20), ("green", 1, 11), ("red", 5, 25)], set()
    with crashing(published) as publish_until:
        for step in range(1, 50):
            copy = copy_of(published, tmp_path_factory.mktemp("step"))
            ended = publish_until(step, copy)
            if ended == 0:
                break
            assert ended == -9, step
            is_old = getattr(served_version(copy), "number", None) == 1
            served.add(is_old)
            assert words(copy) == (old if is_old else new), f"after a crash at step {step}"
            publication = publish(copy)
            assert words(copy) == new
            left = {
                str(path.relative_to(copy.published)) for path in copy.published.rglob("*") if path.is_file()
            }
            complete = {
                f"versions/{version.number}/{name}"
                for version in versions(copy)
                for name in (SERVED, "manifest.json")
            }
            assert left == complete | {SERVED}, f"litter of a crash at step {step} was left"
            assert served_version(copy) == publication.version
    assert step >= 12
    assert served == {True, False}, "crashes before and after the new version is served"


@contextmanager
def crashing(settings: Settings) -> Iterator[Callable[[int, Settings], int]]:
    """Publish in other processes, with a crash at a step of each; a call tells how its process ended."""
    environment = {"PYTHONPATH": f"{PROJECT}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"}
    process = subprocess.Popen(
        [sys.executable, "-c", CRASHING],
        env=settings.environment() | environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdin
        assert process.stdout
        asked, told = process.stdin, process.stdout

        def publish_until(step: int, where: Settings) -> int:
            asked.write(f"{step} {where.home}\n")
            asked.flush()
            return int(told.readline())

        yield publish_until


def test_a_loss_of_power_leaves_whole_versions_and_a_link_to_one(settings: Settings) -> None:
    folder = settings.published
    disk = Disk(settings.home)

    def check(disk: Disk) -> None:
        manifests = [*folder.glob("versions/*/manifest.json")]
        for manifest in manifests:
            assert not disk.has(manifest) or disk.has(manifest.with_name(SERVED)), manifest
        if disk.has(folder / SERVED):
            same = [path for path in manifests if path.with_name(SERVED).samefile(folder / SERVED)]
            assert [disk.has(path) for path in same] == [True], "what is served has no manifest"

    for number in (1, 2):
        land_events(settings, [note(10 + number)], f"{number}.ndjson")
        with disk.watched(check):
            assert refresh(settings).publication.version.number == number
        assert disk.lacks(folder) == []


def test_who_finds_the_warehouse_taken_waits_and_says_for_whom(settings: Settings) -> None:
    messages: list[str] = []
    taken, release = threading.Event(), threading.Event()

    def hold() -> None:
        with warehouse_lock(settings, "a long refresh"):
            taken.set()
            release.wait(30)

    holder = threading.Thread(target=hold)
    holder.start()
    taken.wait(30)

    def say(message: str) -> None:
        messages.append(message)
        release.set()

    with warehouse_lock(settings, "another", log=say):
        holder.join(30)
    assert messages == [f"waiting for a long refresh (process {os.getpid()}), which holds the warehouse"]
