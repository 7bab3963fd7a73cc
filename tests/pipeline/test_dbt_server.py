"""dbt that is forked from a process that stays: what it does is what dbt does, whoever is killed."""

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from orchestration.dbt import serving
from orchestration.dbt.process import run_dbt
from orchestration.dbt.served_dbt import SOCKET
from orchestration.publishing.query import query
from orchestration.refresh import refresh
from orchestration.settings import Settings
from orchestration.warehouse.lock import LOCK_FILE, try_lock, warehouse_lock
from support.forked_dbt import KEEP, keep_of_home, server_of_home, wait_until_served
from support.held_dbt import (
    MACRO,
    WITHIN,
    HeldDbt,
    children,
    command_line,
    has_built,
    is_running,
    wait_for,
)
from support.hunting import examples
from support.installation import copy_of, land_events, new_installation, note

SAY = """
{%% macro say() %%}{{ print(env_var('WORD', '-') ~ '|' ~ var('word', '-') ~ '|%s') }}{%% endmacro %%}
"""
Served = tuple[Settings, "subprocess.Popen[bytes]"]
WORDS = st.text("abcdefgh", min_size=1, max_size=4)


@pytest.fixture(autouse=True)
def _a_server_for_each_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "server_folder", server_of_home)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    made = new_installation(tmp_path_factory.mktemp("template"))
    land_events(made, [note(number) for number in range(5)])
    write_macros(made, "text")
    return made


@pytest.fixture
def home(template: Settings, tmp_path: Path) -> Settings:
    """An installation with a path that is longer than the address of a socket can be."""
    return copy_of(template, tmp_path / "far" / ("x" * 120))


@pytest.fixture(scope="module")
def served(template: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """An installation whose server survives the tests that share it."""
    home = copy_of(template, tmp_path_factory.mktemp("served") / ("x" * 120))
    with started(home) as server:
        yield home, server


@contextmanager
def started(home: Settings) -> Iterator["subprocess.Popen[bytes]"]:
    server = serving.start_server(server_of_home(home))
    try:
        wait_until_served(server_of_home(home), server)
        yield server
    finally:
        server.kill()
        server.wait()


def write_macros(home: Settings, text: str) -> None:
    macros = home.dbt_project / "macros" / "talking.sql"
    macros.parent.mkdir(exist_ok=True)
    macros.write_text(SAY % text + MACRO)


def say(home: Settings, word: str | None = None) -> str:
    """What dbt says of its environment, its variables and its project."""
    arguments = ["run-operation", "say", *(["--vars", f"word: {word}"] if word else [])]
    return run_dbt(home, arguments).splitlines()[0]


def test_what_is_served_is_what_dbt_gives(home: Settings, tmp_path: Path) -> None:
    plain = copy_of(home, tmp_path / "plain")
    with started(home) as server:
        served = [refresh(home)]
        wait_for(partial(has_built, server.pid))
        assert not children(server.pid)
        (home.home / "inbox").mkdir(exist_ok=True)
        land_events(home, [note(20)], "more.ndjson")
        served.append(refresh(home))
    by_dbt = [refresh(plain)]
    land_events(plain, [note(20)], "more.ndjson")
    by_dbt.append(refresh(plain))
    assert [(done.models, done.tests) for done in served] == [(done.models, done.tests) for done in by_dbt]
    rows = "FROM writing.notes ORDER BY ALL"
    assert query(home, rows).rows == query(plain, rows).rows


def test_a_build_sees_what_changed_since_the_last(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    home, server = served

    @given(WORDS, WORDS, WORDS)
    @settings(max_examples=examples(2), phases=[Phase.generate])
    def sees(text: str, variable: str, word: str) -> None:
        write_macros(home, text)
        monkeypatch.setenv("WORD", variable)
        assert say(home, word) == f"{variable}|{word}|{text}"

    sees()
    monkeypatch.delenv("WORD")
    write_macros(home, "text")
    assert say(home) == "-|-|text", "nothing of a build is left in the next"
    wait_for(partial(has_built, server.pid))


@pytest.mark.parametrize("party", ["client", "attendant", "dbt"])
def test_whoever_is_killed_takes_that_build_alone(served: Served, party: str) -> None:
    home, server = served
    with warehouse_lock(home, "a test") as lock:
        held = HeldDbt(home, lock)
    with held:
        attendant, dbt = held.attendant_and_dbt(server.pid)
        handle = os.open(home.home / LOCK_FILE, os.O_RDWR)
        assert not try_lock(handle), "dbt holds the warehouse, as long as it runs"
        os.kill({"client": held.client.pid, "attendant": attendant, "dbt": dbt}[party], signal.SIGKILL)
        assert held.ended() == -signal.SIGKILL
    wait_for(lambda: not is_running(dbt) and not is_running(attendant))
    assert try_lock(handle), "and no longer"
    os.close(handle)
    assert say(home) == "-|-|text"
    assert server.poll() is None


def test_a_signal_reaches_dbt(served: Served) -> None:
    home, server = served
    with HeldDbt(home) as held:
        _, dbt = held.attendant_and_dbt(server.pid)
        held.client.terminate()
        assert held.ended() == -signal.SIGTERM
    assert not is_running(dbt)


def test_a_server_that_is_killed_leaves_the_build_alone(home: Settings) -> None:
    with started(home) as server, HeldDbt(home) as held:
        held.attendant_and_dbt(server.pid)
        server.kill()
        server.wait()
        assert held.release() == 0
        assert (server_of_home(home) / SOCKET).exists()
        assert say(home) == "-|-|text", "whoever comes next starts dbt"


def test_a_server_that_has_ended_is_started_again(home: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving.ServerKeeper, "keep", keep_of_home)
    monkeypatch.setattr(serving, "RETRY_SECONDS", 0)
    keeper = serving.ServerKeeper(home)
    for _ in range(2):
        keeper.keep()
        server = keeper.process
        assert server is not None
        wait_until_served(server_of_home(home), server)
        keeper.keep()
        assert keeper.process is server, "one is enough"
        with started_second(home) as second:
            assert second.wait(WITHIN) == 0, "another process has one for this home"
        assert say(home) == "-|-|text"
        wait_for(partial(has_built, server.pid))
        (server_of_home(home) / SOCKET).unlink()
        server.kill()
        server.wait()


@contextmanager
def started_second(home: Settings) -> Iterator["subprocess.Popen[bytes]"]:
    yield serving.start_server(server_of_home(home))


def test_nothing_stays_behind_where_the_parent_ends(home: Settings) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-P", "-c", KEEP, server_of_home(home)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
    )
    wait_until_served(server_of_home(home), parent)
    (server,) = children(parent.pid)
    parent.kill()
    parent.communicate()
    wait_for(lambda: not is_running(server))
    assert not (server_of_home(home) / SOCKET).exists()
    assert say(home) == "-|-|text"


@pytest.mark.parametrize("differs", ["environment", "limit", "folder"])
def test_a_server_that_is_not_what_dbt_would_be_is_not_asked(
    served: Served, monkeypatch: pytest.MonkeyPatch, differs: str
) -> None:
    home, server = served
    files = resource.getrlimit(resource.RLIMIT_CORE)
    if differs == "environment":
        monkeypatch.setenv("PYTHONWARNINGS", "ignore")
    elif differs == "limit":
        soft = 4096 if files[0] != 4096 else 8192
        resource.setrlimit(resource.RLIMIT_CORE, (soft, files[1]))
    else:
        server_of_home(home).chmod(0o750)
    try:
        with HeldDbt(home) as held:
            wait_for(lambda: b"served_dbt" not in command_line(held.client.pid))
            assert held.release() == 0
    finally:
        resource.setrlimit(resource.RLIMIT_CORE, files)
        server_of_home(home).chmod(0o700)
    assert server.poll() is None


def test_a_server_of_other_code_does_not_begin(home: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "identity", lambda: "0" * 64)
    assert serving.start_server(server_of_home(home)).wait(WITHIN) == 0
    assert not (server_of_home(home) / SOCKET).exists()


def test_a_server_that_does_not_answer_is_not_waited_for(
    served: Served,
) -> None:
    home, server = served
    os.kill(server.pid, signal.SIGSTOP)
    with warehouse_lock(home, "a test") as lock:
        held = HeldDbt(home, lock)
    with held:
        wait_for(lambda: b"served_dbt" not in command_line(held.client.pid))
        assert held.release() == 0
    handle = os.open(home.home / LOCK_FILE, os.O_RDWR)
    assert try_lock(handle), "the server was not given the lock"
    os.close(handle)
    os.kill(server.pid, signal.SIGCONT)
    assert say(home) == "-|-|text"
    wait_for(lambda: not children(server.pid))
