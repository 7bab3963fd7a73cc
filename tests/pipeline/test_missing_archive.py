"""A home without an archive: only what brings events begins one; all else says that it is missing.

A disk that is not mounted looks like that, and so does a path that is misspelt.
"""

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import click
import dagster as dg
import pytest

from event_archive import UnusableInput, open_archive
from orchestration.assets.archive import open_archive as open_in_a_run
from orchestration.assets.events import event_assets
from orchestration.assets.partitions import daily_partitions, span_of_days
from orchestration.automation.nightly_checks import nightly_job, nightly_schedule
from orchestration.automation.sensors import inbox_sensor, land_job
from orchestration.build import build_definitions
from orchestration.command_line.main import factlog as command_line
from orchestration.dbt.process import run_dbt
from orchestration.settings import Settings
from support.command_typing import RATED, Typed, write
from support.installation import landed, published_installation

CONTRACT = str(Settings.contracts / "translation.rated.v1.yaml")
SCHEMA = {"type": "object", "properties": {"name": {"type": "string"}}}
BEGINS = {("demo",), ("dev",), ("land",), ("inbox",)}
"""Those that bring events."""

LOOKS = {("doctor",)}
"""What says of everything whether it is well, and so of an archive that is missing."""

OF_FILES = {
    ("check",),
    ("init",),
    *(("contracts", name) for name in ("check", "diff", "docs", "export", "import", "list", "new", "show")),
}
"""Those that read contracts, schemas and models, or write a new project, and ask no archive."""

ARGUMENTS: dict[tuple[str, ...], list[list[str]]] = {
    ("clean",): [["--dry-run"], ["--older-than", "0s"]],
    ("contracts", "check"): [["--against", str(Settings.contracts)]],
    ("contracts", "diff"): [["schema.json", "schema.json"]],
    ("contracts", "docs"): [["--check"]],
    ("contracts", "export"): [["translation.rated.v1", "--format", "avro"]],
    ("contracts", "import"): [["schema.json", "--type", "parcel.sent.v1", "--output", "-"]],
    ("contracts", "new"): [["parcel.lost.v1", "--contracts", "own"]],
    ("contracts", "show"): [["translation.rated.v1"]],
    ("contracts", "try"): [[CONTRACT], [CONTRACT, "--no-readers"]],
    ("diff",): [["1", "2"], ["current"]],
    ("init",): [["shop"]],
    ("published", "diff"): [["1", "2"], ["current"]],
    ("published", "pin"): [["1"]],
    ("published", "prune"): [["--keep", "2"], ["--keep", "2", "--dry-run"]],
    ("published", "serve"): [["1"], ["--newest"]],
    ("published", "show"): [[], ["1"]],
    ("published", "unpin"): [["1"]],
    ("quarantine", "recover"): [[], ["--dry-run"]],
    ("query",): [["SELECT 1"], ["--archive", "SELECT 1"]],
    ("refresh",): [[], ["--full"], ["--dry-run"]],
    ("remap",): [["--mapping", "wider.yaml"], ["--mapping", "wider.yaml", "--dry-run"]],
    ("replay",): [
        ["--days", "2026-01-01"],
        ["--days", "2026-01-01", "--estimate"],
        ["--into", "replayed.duckdb"],
        ["--verify"],
    ],
}
"""What is typed after a command, where it needs something."""


def commands(group: click.Group = command_line, *names: str) -> Iterator[tuple[str, ...]]:
    """Every command there is, by its names: a new one is among them."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from commands(command, *names, name)
        else:
            yield (*names, name)


EVERY = list(commands())
ASKING = [
    [*names, *more]
    for names in EVERY
    if names not in BEGINS | LOOKS | OF_FILES
    for more in ARGUMENTS.get(names, [[]])
]


@pytest.fixture
def nothing(home: Path) -> Path:
    """A home that is not there."""
    return home


@pytest.fixture(params=["nothing", "a home", "an empty archive folder", "a file"])
def missing(request: pytest.FixtureRequest, home: Path) -> Path:
    """What may be where an archive is looked for; gives the folder that is not to change."""
    if request.param != "nothing":
        home.mkdir()
    if request.param == "an empty archive folder":
        (home / "archive").mkdir()
    if request.param == "a file":
        (home / "archive").write_text("")
    return home


def tree(folder: Path) -> list[str]:
    """All that is below a folder, or the folder is not there at all."""
    return sorted(str(path) for path in [folder, *folder.rglob("*")] if path.exists())


@pytest.mark.parametrize("typed", ASKING, ids=" ".join)
def test_a_command_that_asks_an_archive_says_that_there_is_none(
    missing: Path, factlog: Typed, typed: list[str]
) -> None:
    before = tree(missing)
    code, out, err = factlog(*typed)
    assert (code, out) == (2, ""), err
    assert err.count("\n") == 1
    assert err.startswith(f"factlog: {missing / 'archive'}: there is no archive here; ")
    assert "FACTLOG_HOME" in err
    assert "factlog land" in err
    assert tree(missing) == before


@pytest.mark.parametrize("names", sorted(OF_FILES), ids=" ".join)
def test_a_command_about_files_needs_no_archive_and_begins_none(
    nothing: Path, factlog: Typed, names: tuple[str, ...]
) -> None:
    Path("schema.json").write_text(json.dumps(SCHEMA))
    Path("own").mkdir()
    shutil.copy(CONTRACT, "own")
    for more in ARGUMENTS.get(names, [[]]):
        code, _, err = factlog(*names, *more)
        assert code == 0, err
    assert not nothing.exists()


def test_every_command_is_one_of_the_three_kinds() -> None:
    assert set(EVERY) >= BEGINS | LOOKS | OF_FILES
    assert set(ARGUMENTS) <= set(EVERY)
    assert len(ASKING) > 10


@pytest.mark.parametrize("command", [["land", "events.ndjson"], ["inbox"]], ids=" ".join)
def test_what_brings_events_begins_an_archive(home: Path, factlog: Typed, command: list[str]) -> None:
    write(RATED)
    if command == ["inbox"]:
        (home / "inbox").mkdir(parents=True)
        Path("events.ndjson").rename(home / "inbox" / "events.ndjson")
    assert factlog(*command)[0] == 0
    assert factlog("verify")[0] == 0
    assert (home / "archive").is_dir()


def test_who_looks_at_everything_names_it_and_makes_nothing(missing: Path, factlog: Typed) -> None:
    before = tree(missing)
    code, out, _ = factlog("doctor")
    assert code == 1
    assert "archive:" in out
    assert str(missing / "archive") in "".join(out.split())
    assert tree(missing) == before


def test_an_inbox_that_is_not_there_begins_none(missing: Path, factlog: Typed) -> None:
    before = tree(missing)
    code, out, err = factlog("inbox")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "there is no archive here" in err
    assert tree(missing) == before


def test_an_archive_in_which_nothing_has_landed_is_no_archive_that_holds(home: Path, factlog: Typed) -> None:
    open_archive(home / "archive", Settings.contracts, may_create=True)
    for more in ([], ["--json"], ["--expect", "0" * 64]):
        code, out, err = factlog("verify", *more)
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert "nothing has landed here" in err


@pytest.mark.parametrize(
    "command", [["land", "none.ndjson"], ["land", "--mapping", "none.yaml", "events.ndjson"]]
)
def test_a_landing_that_names_no_file_begins_none(nothing: Path, factlog: Typed, command: list[str]) -> None:
    write(RATED)
    assert factlog(*command)[0] == 2
    assert not nothing.exists()


@pytest.mark.parametrize("command", [["land", "events.ndjson"], ["demo"]], ids=" ".join)
@pytest.mark.parametrize("derived", ["warehouse.duckdb", "published/versions/1/manifest.json"])
def test_no_second_archive_begins_beside_what_was_derived_from_the_first(
    home: Path, factlog: Typed, derived: str, command: list[str]
) -> None:
    (home / derived).parent.mkdir(parents=True, exist_ok=True)
    (home / derived).write_text("")
    write(RATED)
    before = tree(home)
    code, out, err = factlog(*command)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert f"{home / 'archive'}: there is no archive here, but {home / derived} was derived from one" in err
    assert tree(home) == before
    (home / derived).unlink()
    assert factlog("land", "events.ndjson")[0] == 0


def test_what_is_published_is_read_without_the_archive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, factlog: Typed
) -> None:
    settings = published_installation(tmp_path / "published")
    monkeypatch.setenv("FACTLOG_HOME", str(settings.home))
    shutil.rmtree(settings.archive_root)
    code, out, err = factlog("query", "SELECT count(*) FROM writing.notes", "--csv")
    assert (code, out.splitlines()[1]) == (0, "10"), err
    assert factlog("published")[0] == 0
    assert not settings.archive_root.exists()


def test_a_command_that_reads_makes_no_folder(home: Path, factlog: Typed) -> None:
    factlog("land", write(RATED, RATED | {"id": "a-2", "data": {}}))
    for folder in ("scratch", "keys"):
        shutil.rmtree(home / "archive" / folder, ignore_errors=True)
    before = [path for path in tree(home) if Path(path).is_dir()]
    reading = ["status", "log", "verify", "quarantine list", "quarantine show", "corrections", "contracts"]
    for command in [*reading, "published", "query --archive FROM~events.all_events", "inbox"]:
        factlog(*(word.replace("~", " ") for word in command.split()))
        assert [path for path in tree(home) if Path(path).is_dir()] == before, command


def test_a_copy_that_can_not_be_written_is_read(tmp_path: Path) -> None:
    settings = landed(tmp_path)
    shutil.rmtree(settings.archive_root / "scratch")
    assert settings.open_archive().log.head() is not None
    assert not (settings.archive_root / "scratch").exists()


def test_the_library_begins_an_archive_only_where_it_is_asked_to(tmp_path: Path) -> None:
    with pytest.raises(UnusableInput, match="there is no archive here"):
        open_archive(tmp_path / "archive", Settings.contracts)
    assert tree(tmp_path) == [str(tmp_path)]
    open_archive(tmp_path / "archive", Settings.contracts, may_create=True)
    assert open_archive(tmp_path / "archive", Settings.contracts).log.commits() == []


def entered(entering: AbstractContextManager[object]) -> None:
    with entering:
        pass


def test_writing_does_not_go_on_where_the_disk_was_unmounted(tmp_path: Path) -> None:
    storage = landed(tmp_path).open_archive().storage
    archive = Path(storage.location("log")).parent
    for is_mount_point in (False, True):  # the disk of the home is gone, or that of the archive
        shutil.rmtree(archive, ignore_errors=True)
        if is_mount_point:
            archive.mkdir()
        ways: list[Callable[[], object]] = [
            storage.require,
            lambda: storage.create("log/1", b""),
            lambda: storage.replace("anchor.json", b""),
            lambda: entered(storage.scratch()),
            lambda: entered(storage.writing()),
        ]
        for way in ways:
            with pytest.raises(UnusableInput, match="there is no archive here"):
                way()
        assert list(archive.rglob("*")) == []


def test_dagster_says_that_the_archive_is_lost_and_begins_no_other(tmp_path: Path) -> None:
    settings = landed(tmp_path)
    archive = settings.open_archive()
    commits = archive.log.commits()
    events = event_assets(settings, archive, daily_partitions(settings, commits))
    inbox = inbox_sensor(settings, archive, land_job(), events, span_of_days(settings, commits))
    nightly = nightly_schedule(settings, nightly_job())
    shutil.rmtree(settings.archive_root)
    (settings.archive_root).mkdir()
    with dg.DagsterInstance.ephemeral() as instance:
        with pytest.raises(UnusableInput, match="there is no archive here"):
            inbox(dg.build_sensor_context(instance=instance))
        with pytest.raises(UnusableInput, match="there is no archive here"):
            nightly(dg.build_schedule_context(instance=instance))
    with pytest.raises(dg.Failure, match="there is no archive here"):
        open_in_a_run(settings)
    with pytest.raises(UnusableInput, match="there is no archive here"):
        build_definitions(settings)
    assert tree(settings.archive_root) == [str(settings.archive_root)]


def test_dev_begins_an_archive_but_no_second_one(
    home: Path, monkeypatch: pytest.MonkeyPatch, factlog: Typed
) -> None:
    def no_port(port: str) -> bool:
        return True  # it goes no further

    monkeypatch.setattr("orchestration.dev.is_taken", no_port)
    code, _, err = factlog("dev")
    assert (code, err.count("\n")) == (2, 1)
    assert "in use, perhaps by another `factlog dev`" in err
    assert (home / "archive").is_dir()
    shutil.rmtree(home / "archive")
    (home / "warehouse.duckdb").write_text("")
    code, _, err = factlog("dev")
    assert (code, err.count("\n")) == (2, 1)
    assert "there is no archive here, but" in err
    assert not (home / "archive").exists()


def test_dbt_makes_no_warehouse_where_there_is_no_archive(tmp_path: Path) -> None:
    settings = landed(tmp_path)
    shutil.rmtree(settings.archive_root)
    with pytest.raises(UnusableInput, match="there is no archive here"):
        run_dbt(settings, ["run", "--select", "notes"])
    assert not settings.warehouse.exists()
    settings.open_archive(may_create=True)
