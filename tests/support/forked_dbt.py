"""The dbt that the tests of this process run: forked by one server for all homes, so that it starts at once.

Belongs here: that server, and programs that ask it, in the place of `dbt`. Not here: the server itself, which
is the product's (`orchestration.warehouse.dbt_server`); each installation would have its own.
"""

import atexit
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from orchestration.dbt import served_dbt, serving

KEEP = """
import sys
from pathlib import Path
from orchestration.dbt.serving import identity, start_server

start_server(Path(sys.argv[1]))
print(identity(), flush=True)
sys.stdin.read()
"""
PROGRAM = """#!/bin/sh
exec "{python}" -IS "{client}" "{folder}" {identity} "{dbt}" "$@"
"""
READY_WITHIN = 120.0
LINUX = "linux"
# The product's own, which the tests of this process replace.
server_of_home, keep_of_home = serving.server_folder, serving.ServerKeeper.keep


@cache
def serving_folder() -> Path:
    """The folder of the server that all tests of this process share."""
    folder = Path(tempfile.mkdtemp(prefix="factlog-dbt-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    wait_until_served(folder, serving.start_server(folder))
    return folder


def wait_until_served(folder: Path, server: "subprocess.Popen[bytes]") -> None:
    """Wait until a server answers in a folder."""
    deadline = time.monotonic() + READY_WITHIN
    while not (folder / served_dbt.SOCKET).exists():
        assert server.poll() is None, f"the server of dbt ended with {server.returncode}"
        assert time.monotonic() < deadline, f"no server of dbt within {READY_WITHIN:.0f} s"
        time.sleep(0.02)


@cache
def forked_dbt() -> Path:
    """A program that stands for the `dbt` beside this Python."""
    program = serving_folder() / "dbt"
    dbt = Path(sys.executable).with_name("dbt")
    write_program(program, Path(sys.executable), serving_folder(), serving.identity(), dbt)
    return program


def put_forked_dbt(python: Path, program: Path) -> None:
    """Put a program in the place of the `dbt` of another Python; its server ends with this process."""
    folder = Path(tempfile.mkdtemp(prefix="factlog-dbt-"))
    keeper = subprocess.Popen(
        [python, "-P", "-c", KEEP, folder], cwd="/", stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    atexit.register(keeper.communicate)
    assert keeper.stdout is not None
    identity = keeper.stdout.readline().decode().strip()
    wait_until_served(folder, keeper)
    plain = folder / "plain" / program.name
    plain.parent.mkdir()
    shutil.move(program, plain)
    write_program(program, python, folder, identity, plain)


def write_program(program: Path, python: Path, folder: Path, identity: str, dbt: Path) -> None:
    """Write a program that has a server run dbt."""
    client = served_dbt.__file__
    program.write_text(
        PROGRAM.format(python=python, client=client, folder=folder, identity=identity, dbt=dbt)
    )
    program.chmod(0o755)


def no_server(_: serving.ServerKeeper) -> None:
    """Keep none: what the tests of this process build, the server of all of them forks."""


@pytest.fixture(scope="session", autouse=True)
def _dbt_starts_at_once() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patched:
        if sys.platform == LINUX:
            patched.setattr(serving, "server_folder", lambda _: serving_folder())
            patched.setattr(serving.ServerKeeper, "keep", no_server)
        yield
