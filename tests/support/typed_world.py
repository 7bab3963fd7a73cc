"""An installation in which every command has something to do, copied anew for each command that is typed.

Belongs here: how each command is typed there, and a dbt that answers at once. Not here: the faults
(`world_faults`), and tests.
"""

import json
import os
import shutil
import subprocess
import sys
import traceback
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import pytest

import orchestration.dbt.process
from event_archive import Source, land
from orchestration.command_line.main import run
from orchestration.dbt.process import DEFINITIONS
from support.command_typing import PROJECT
from support.installation import drop, land_events, note, published_installation

# Every command, as somebody would type it in a folder with the files that `prepare` puts there.
COMMANDS = {
    "demo": "demo --scale 0.01",
    "init": "init made",
    "land": "land more.ndjson",
    "inbox": "inbox",
    "status": "status",
    "doctor": "doctor",
    "log": "log",
    "verify": "verify",
    "clean": "clean --older-than 0s",
    "contracts check": "contracts check --against old",
    "contracts diff": "contracts diff old/note.written.v1.yaml new/note.written.v1.yaml",
    "contracts docs": "contracts docs --page page.md",
    "contracts export": "contracts export note.written.v1 --format avro --output note.avsc",
    "contracts import": "contracts import shop.json --type order.placed.v1 --output order.yaml",
    "contracts list": "contracts list",
    "contracts new": "contracts new note.torn.v1",
    "contracts show": "contracts show note.written.v1",
    "contracts try": "contracts try new/note.written.v1.yaml",
    "quarantine list": "quarantine list --samples 1",
    "quarantine recover": "quarantine recover",
    "quarantine show": "quarantine show 2 --position 1",
    "corrections": "corrections --all",
    "remap": "remap --mapping wider.yaml",
    "refresh": "refresh",
    "replay": "replay --into replayed.duckdb",
    "published list": "published list",
    "published serve": "published serve 1",
    "published show": "published show 1",
    "published diff": "published diff 1 current",
    "published pin": "published pin 1 --note kept",
    "published unpin": "published unpin 1",
    "published prune": "published prune --keep 2",
    "diff": "diff 1 current",
    "query": "query --archive FROM~events.all_events",
    "check": "check",
}
MAPPING = """
rules:
  - when: "TRUE"
    type: note.written.v1
    id: no
    source: {$constant: /paper}
    time: at
    actor: {user: no}
    object: {note: no}
    data: {notebook: {$constant: red}, words: %s}
"""
DBT = """#!/bin/sh
while [ $# -gt 0 ]; do [ "$1" = --target-path ] && target=$2; shift; done
mkdir -p "$target" && cp -p "{built}"/* "$target"/
warehouse=${{FACTLOG_WAREHOUSE:-$FACTLOG_HOME/warehouse.duckdb}}
[ -e "$warehouse" ] || cp "{warehouse}" "$warehouse"
"""


@dataclass(frozen=True)
class Outcome:
    """How a command ended: its exit code, or the exception that it let through, and what it printed."""

    code: int
    escaped: str
    error: str


@dataclass(frozen=True)
class TypedWorld:
    """An installation to copy, and the folder for the copy in which a command is typed."""

    template: Path
    copy: Path
    capture: pytest.CaptureFixture[str]

    def type(self, command: str, fault: AbstractContextManager[object] | None = None) -> Outcome:
        """Type a command in a new copy, while a fault is at work."""
        self.renew()
        return self.type_again(command, fault)

    def renew(self) -> None:
        """Make a new copy."""
        os.chdir(self.template)
        shutil.rmtree(self.copy, ignore_errors=True)
        shutil.copytree(self.template, self.copy, symlinks=True)
        os.chdir(self.copy / "here")

    def type_again(self, command: str, fault: AbstractContextManager[object] | None = None) -> Outcome:
        """Type a command in the copy as it stands."""
        escaped, code = "", -1
        try:
            with fault or nullcontext():
                code = run([word.replace("~", " ") for word in COMMANDS[command].split()])
        except BaseException:
            escaped = traceback.format_exc()
        return Outcome(code, escaped, self.capture.readouterr().err)

    def type_in_process(self, command: str, before: str) -> Outcome:
        """Type a command in the copy as it stands, in a process of its own that does something `before`."""
        script = f"""if True:
            import sys
            import orchestration.dbt.process
            from orchestration.command_line.main import run
            from support.world_faults import limit
            orchestration.dbt.process.dbt_executable = lambda: {str(self.template.parent / "dbt")!r}
            {before}
            sys.exit(run(sys.argv[1:]))
        """
        words = [word.replace("~", " ") for word in COMMANDS[command].split()]
        done = subprocess.run(
            [sys.executable, "-c", script, *words],
            env=os.environ | {"PYTHONPATH": f"{PROJECT}:{PROJECT / 'tests'}"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
            timeout=120,
            check=False,
        )
        escaped = done.stderr if "Traceback" in done.stderr else ""
        return Outcome(done.returncode, escaped, done.stderr)


def prepare(folder: Path) -> None:
    """Make an installation with something for every command to do, and a folder to stand in."""
    settings = published_installation(folder)
    land_events(settings, [note(20, notebook=7), note(21)], "refused.ndjson")
    drop(settings, "dropped.ndjson", [note(30)])
    here = folder / "here"
    here.mkdir()
    records = here / "records.ndjson"
    records.write_text('{"no": "n50", "at": "2026-01-02T12:00:00Z", "words": 50}\n')
    for name, words in (("narrower", "{$constant: 1}"), ("wider", "words")):
        (here / f"{name}.yaml").write_text(MAPPING % words)
    mapping = settings.load_mapping(here / "narrower.yaml")
    land(settings.open_archive(), Source(records.name, records), mapping=mapping, limits=settings.limits)
    for name in ("old", "new"):
        shutil.copytree(settings.contracts, here / name)
    # `contracts docs` writes its own.
    models = settings.dbt_project / "models"
    (models / "sources.yml").rename(models / "staging" / "_events.yml")
    (settings.dbt_target / DEFINITIONS).touch()
    (here / "more.ndjson").write_text(json.dumps(note(40)) + "\n")
    schema = {"type": "object", "properties": {"total": {"type": "integer"}}, "required": ["total"]}
    (here / "shop.json").write_text(json.dumps(schema))
    built = folder.parent / "built"
    shutil.copytree(settings.dbt_target, built, ignore=shutil.ignore_patterns("compiled", "run", "*.log"))
    shutil.copy(settings.warehouse, folder.parent / "warehouse.duckdb")
    dbt = folder.parent / "dbt"
    dbt.write_text(DBT.format(built=built, warehouse=folder.parent / "warehouse.duckdb"))
    dbt.chmod(0o755)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The installation, made once."""
    folder = tmp_path_factory.mktemp("world")
    prepare(folder / "template")
    return folder


@pytest.fixture
def typed_world(
    prepared: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[TypedWorld]:
    """The installation, with a dbt that gives at once what it gave when it was made."""
    monkeypatch.chdir(tmp_path)
    copy = tmp_path / "copy"
    for name, folder in {
        "HOME": "home",
        "CONTRACTS": "project/contracts",
        "DBT_PROJECT": "project/dbt",
    }.items():
        monkeypatch.setenv(f"FACTLOG_{name}", str(copy / folder))
    monkeypatch.setattr(orchestration.dbt.process, "dbt_executable", lambda: str(prepared / "dbt"))
    yield TypedWorld(prepared / "template", copy, capfd)
