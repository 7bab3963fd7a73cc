"""Running dbt: as a process of its own, which lets go of the warehouse when it ends.

Belongs here: the command, its folders, what it prints while it works, and a manifest that is up to date.
Not here: what a manifest says (`graph`), which models are built and what comes of it (`refresh`,
`assets.models`).
"""

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

from event_archive import UnusableInput
from event_archive.store.durable import make_durable_folder
from orchestration.dbt.fact_rules import check_facts
from orchestration.dbt.graph import Manifest, read_manifest
from orchestration.dbt.packages import link_package
from orchestration.dbt.project_files import last_change
from orchestration.dbt.project_rules import check_names, check_project_files
from orchestration.dbt.serving import dbt_command
from orchestration.full_disk import full
from orchestration.settings import DBT_FOLDER, Settings

DEFINITIONS, MANIFEST, RUN_RESULTS = "definitions.json", "manifest.json", "run_results.json"
PARTIAL_PARSE = "partial_parse.msgpack"
BUILT, TESTED = ("LogModelResult", "LogSeedResult", "LogSnapshotResult"), "LogTestResult"
LOGGED_AT = re.compile(r"\A\d\d:\d\d:\d\d +")


@dataclass(frozen=True)
class NodeFinished:
    """A node that dbt has just finished: a model (or seed, or snapshot) or a test, and which of how many."""

    name: str
    is_model: bool
    index: int
    total: int


OnNode = Callable[[NodeFinished], None]


def dbt_executable() -> str:
    """Return the dbt that is installed beside this Python; raises UnusableInput where there is none."""
    beside = Path(sys.executable).with_name("dbt")
    executable = str(beside) if beside.exists() else shutil.which("dbt")
    if executable is None:
        raise UnusableInput(
            "dbt is not installed beside this Python; install factlog with its packages (a clone: make setup)"
        )
    return executable


def run_dbt(
    settings: Settings,
    arguments: Sequence[str],
    *,
    target: Path | None = None,
    lock: int | None = None,
    on_node: OnNode | None = None,
) -> str:
    """Run one dbt command to its end and return what it printed; a failing test is not an error here.

    `lock` is handed on: if this process is killed, whoever comes next still waits for dbt. `on_node` is
    called for each node as soon as it is finished; of the rest, only errors are then returned. Raises
    UnusableInput where dbt itself could not work.
    """
    check_project_files(settings.dbt_project)
    # What is written aside goes with its folder: nobody can be sent there.
    details = "" if target else f"; details: {settings.dbt_target / 'dbt.log'}"
    target = target or settings.dbt_target
    project = str(settings.dbt_project)
    log_format = ["--log-format", "json"] if on_node else ["--quiet"]
    command = [*dbt_command(settings, dbt_executable()), *log_format, "--no-use-colors", *arguments]
    command += ["--project-dir", project, "--profiles-dir", project]
    command += ["--target-path", str(target), "--log-path", str(target)]
    make_durable_folder(target)
    begin_with_parsed(settings.home / DBT_FOLDER, target)
    link_package(settings.dbt_project)
    with subprocess.Popen(
        command,
        cwd=project,
        env=settings.environment(),
        pass_fds=[] if lock is None else [lock],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            output = listen(process.stdout, on_node) if on_node else process.stdout.read()
        except BaseException:
            process.kill()
            raise
    # 1: a node failed, which its results say; 2: dbt itself could not work.
    if process.returncode not in (0, 1):
        raise UnusableInput(f"dbt {arguments[0]}: {first_lines(output)}{details}")
    return output


def begin_with_parsed(known: Path, target: Path) -> None:
    """Begin in a new folder with what was parsed in another: dbt reads only what has changed since."""
    parsed = known / PARTIAL_PARSE
    if parsed.is_file() and not (target / PARTIAL_PARSE).exists():
        with contextlib.suppress(OSError):  # without it dbt reads everything
            shutil.copyfile(parsed, target / PARTIAL_PARSE)


def listen(lines: Iterable[str], on_node: OnNode) -> str:
    """Read dbt's messages in JSON: hand on each node that it finishes, return errors and what is no JSON."""
    rest = []
    for line in lines:
        try:
            message = json.loads(line)
            info, data = message["info"], message["data"]
        except (ValueError, TypeError, KeyError):
            rest.append(line)
            continue
        if info["name"] in BUILT or info["name"] == TESTED:
            node, total = data["node_info"], data.get("total") or data.get("num_models")
            on_node(NodeFinished(node["node_name"], info["name"] in BUILT, data["index"], total))
        elif info["level"] == "error":
            rest.append(f"{info['msg']}\n")
    return "".join(rest)


def first_lines(output: str, at_most: int = 4) -> str:
    """The start of what dbt printed, without the time and without a traceback.

    Where something is full, only that: the rest follows from it.
    """
    if cause := full(output):
        return cause
    lines = [LOGGED_AT.sub("", line.strip()) for line in output.splitlines() if line.strip()]
    lines = list(takewhile(lambda line: not line.startswith("Traceback"), lines))
    return " ".join(lines[:at_most]) or "failed without a word"


def load_manifest(settings: Settings, *, keep: bool = True) -> Manifest:
    """Read dbt's manifest for the definitions, after parsing the project where it has changed since.

    Raises UnusableInput where a model can't be kept up to date.
    With `keep` false nothing is left behind: whoever only looks writes nothing.
    """
    manifest = settings.dbt_target / DEFINITIONS
    if not is_current(settings, manifest):
        if keep:
            make_durable_folder(settings.dbt_target)
        # Several processes load the definitions at once: each parses aside, and the last one's file stays.
        # It is dated by its start, so that what changes meanwhile is seen the next time.
        started = time.time()
        with tempfile.TemporaryDirectory(
            prefix=".parse-", dir=settings.dbt_target if keep else None
        ) as aside:
            output = run_dbt(settings, ["parse"], target=Path(aside))
            parsed = Path(aside) / MANIFEST
            if not parsed.exists():
                raise UnusableInput(f"dbt parse: {first_lines(output)}")
            read = read_manifest(parsed)
            check_definitions(read)
            if not keep:
                return read
            os.utime(parsed, (started, started))
            parsed.replace(manifest)
            # The first build need not parse it all again.
            (Path(aside) / PARTIAL_PARSE).replace(settings.dbt_target / PARTIAL_PARSE)
            return read
    return read_manifest(manifest)


def check_definitions(manifest: Manifest) -> None:
    """Raise UnusableInput for what dbt takes and a build would make wrong results of."""
    check_names(manifest)
    check_facts(manifest)


def keep_manifest(settings: Settings, started: float, known: Manifest | None = None) -> Manifest:
    """Return the manifest of a build that started then, and keep it where that of the definitions is old.

    `known`: the definitions' manifest, if it was read before the build. It is the same where it is current
    still, and then nothing is read again.
    """
    definitions, built = settings.dbt_target / DEFINITIONS, settings.dbt_target / MANIFEST
    if is_current(settings, definitions):
        return read_manifest(built) if known is None else known
    read = read_manifest(built)
    check_definitions(read)
    unfinished = settings.dbt_target / f".{DEFINITIONS}.{os.getpid()}"
    shutil.copyfile(built, unfinished)
    os.utime(unfinished, (started, started))
    unfinished.replace(definitions)
    return read


def is_current(settings: Settings, manifest: Path) -> bool:
    """Whether a manifest is there, and of the project as it is now."""
    return manifest.exists() and manifest.stat().st_mtime >= last_change(settings.dbt_project)
