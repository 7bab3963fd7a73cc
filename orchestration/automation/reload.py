"""Loading the definitions again while Dagster runs: the days of the events may be others than they were.

Belongs here: asking for it. Not here: when (`sensors`), and what is loaded (`build`).

A partition set of days ends where it ended when it was loaded. This process is started by Dagster's code
server (`dagster code-server start`, as `dagster dev` does), which starts another one and leaves this one to
end; the user interface notices by itself. Elsewhere somebody loads the definitions again to see the days.
"""

import os
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from threading import Thread

from dagster._grpc.client import DagsterGrpcClient

WITHIN_SECONDS = 180


def reload_definitions() -> bool:
    """Ask the code server for it, in the background; whether there is one."""
    client = code_server(os.getppid())
    if client is None:
        return False
    Thread(target=_reload, args=(client,), name="reload-definitions", daemon=True).start()
    return True


def code_server(process: int, proc: Path = Path("/proc")) -> DagsterGrpcClient | None:
    """A client of the code server that a process is; None where it is none, or nobody can tell."""
    try:
        words = (proc / str(process) / "cmdline").read_text(errors="replace").split("\0")
    except OSError:
        return None
    if "code-server" not in words:
        return None
    options = {name: value for name, value in pairwise(words) if name.startswith("-")}
    socket = options.get("--socket") or options.get("-f")
    port = options.get("--port") or options.get("-p") or ""
    if not socket and not port.isdigit():
        return None
    host = options.get("--host") or options.get("-h") or "localhost"
    return DagsterGrpcClient(socket=socket) if socket else DagsterGrpcClient(port=int(port), host=host)


def _reload(client: DagsterGrpcClient) -> None:
    with suppress(Exception):  # whatever the server says, nothing depends on it
        client.reload_code(timeout=WITHIN_SECONDS)
