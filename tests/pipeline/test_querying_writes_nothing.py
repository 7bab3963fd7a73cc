"""Whatever is asked, nothing is written: not in the home, not where the user stands, not in their own folder.

Belongs here: every kind of statement that DuckDB knows, alone and within others, each fence by itself, and
where a large query keeps what does not fit. Not here: what a query answers (`test_querying`).
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from event_archive import UnusableInput
from orchestration.command_line.query import ask_archive
from orchestration.publishing.query import Answer, open_fenced_engine, query
from orchestration.publishing.write_fence import fenced_thread
from orchestration.settings import Settings
from support.installation import published_installation

Ask = Callable[[Settings, str], Answer]
COPY = "COPY (SELECT 'x') TO '{file}' (FORMAT csv, HEADER false)"
# Each statement type of DuckDB with texts of that type that write where they can. {file} is there, {new} not.
EXAMPLES: dict[str, list[str]] = {
    "SELECT": [
        "WITH written AS (COPY (SELECT 'x') TO '{file}' (FORMAT csv)) FROM written",
        "SELECT 'é', (WITH written AS (COPY (SELECT 'x') TO '{file}') SELECT count(*) FROM written)",
        "FROM query('COPY (SELECT 1) TO ''{file}'' ')",
        "FROM enable_logging(storage = 'file', storage_path = '{new}')",
    ],
    "INSERT": ["INSERT INTO writing.notes VALUES ('note/99', 'red', 1, '2026-01-02')"],
    "UPDATE": ["UPDATE writing.notes SET words = 0"],
    "CREATE": [
        "CREATE TABLE writing.mine AS SELECT 1",
        "CREATE OR REPLACE PERSISTENT SECRET mine (TYPE http, BEARER_TOKEN 'x')",
    ],
    "DELETE": ["DELETE FROM writing.notes", "TRUNCATE writing.notes"],
    "PREPARE": [f"PREPARE writing AS {COPY}"],
    "EXECUTE": ["EXECUTE writing"],
    "ALTER": ["ALTER TABLE writing.notes RENAME TO mine", "COMMENT ON TABLE writing.notes IS 'mine'"],
    "TRANSACTION": ["BEGIN"],
    "COPY": [
        COPY,
        "COPY (SELECT 'x') TO '{new}' (FORMAT parquet, PER_THREAD_OUTPUT true)",
        "COPY (SELECT 1 AS a, 2 AS b) TO '{new}' (FORMAT csv, PARTITION_BY (a))",
    ],
    "EXPLAIN": [
        "explain (analyze, format json) /* a */ copy (SELECT 'x') TO '{file}' (FORMAT csv)",
        f"EXPLAIN ANALYZE PREPARE writing AS {COPY}",
    ],
    "DROP": ["DROP TABLE writing.notes", "DROP SCHEMA events CASCADE"],
    "EXPORT": ["EXPORT DATABASE '{new}'", "EXPORT DATABASE '{new}' (FORMAT parquet)"],
    "PRAGMA": [
        "IMPORT DATABASE '{new}'",
        "COPY FROM DATABASE memory TO temp",
    ],
    "VACUUM": ["VACUUM", "ANALYZE", "VACUUM ANALYZE writing.notes"],
    "CALL": [
        "CALL enable_logging(storage = 'file', storage_path = '{new}')",
        "CHECKPOINT",
        "FORCE CHECKPOINT",
    ],
    "SET": [
        "SET temp_directory = '{new}'",
        "SET profiling_output = '{new}'",
        "SET VARIABLE mine = 1",
        "USE temp",
    ],
    "LOAD": ["INSTALL httpfs", "FORCE INSTALL httpfs FROM '{file}'", "LOAD '{file}'"],
    "ATTACH": [
        "ATTACH '{new}'",
        "ATTACH '{new}' AS mine (STORAGE_VERSION 'v1.4.0')",
        "ATTACH '{file}' (TYPE duckdb)",
    ],
    "DETACH": ["DETACH memory"],
    "MULTI": [
        "COPY (PIVOT (SELECT 1 AS a, 2 AS b) ON a USING sum(b)) TO '{file}' (FORMAT csv)",
        "CREATE TABLE writing.mine AS PIVOT (SELECT 1 AS a, 2 AS b) ON a USING sum(b)",
    ],
    "MERGE_INTO": [
        "MERGE INTO writing.notes USING (SELECT 1) ON false WHEN NOT MATCHED THEN INSERT DEFAULT VALUES"
    ],
}
# Types that DuckDB makes of no text: what looks like them is of another type, and stands there.
OF_NO_TEXT = {
    "INVALID",
    "ANALYZE",
    "VARIABLE_SET",
    "CREATE_FUNC",
    "RELATION",
    "EXTENSION",
    "LOGICAL_PLAN",
    "COPY_DATABASE",
}
WITHOUT_A_NAME = ["UPDATE EXTENSIONS", "UPDATE EXTENSIONS (httpfs)"]
SEVERAL = [f"SELECT 1; {COPY}", "SELECT 1; ATTACH '{new}'"]
STATEMENTS = [text for texts in EXAMPLES.values() for text in texts] + WITHOUT_A_NAME + SEVERAL
WITHIN = ["{}", "EXPLAIN ANALYZE {}", "PREPARE p AS {}", "WITH w AS ({}) FROM w"]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A published installation, a folder to stand in, and a user's own folder (where secrets would go)."""
    folder = tmp_path_factory.mktemp("world")
    published_installation(folder / "installation")
    (folder / "here").mkdir()
    (folder / "user").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder / "here")
        patch.setenv("HOME", str(folder / "user"))
        yield folder


@pytest.fixture
def settings(world: Path) -> Settings:
    """The settings of that installation."""
    project = world / "installation" / "project"
    home = world / "installation" / "home"
    return Settings(home=home, contracts=project / "contracts", dbt_project=project / "dbt")


def content(folder: Path) -> dict[str, bytes | None]:
    """All that lies below a folder: the bytes of files, and the folders.

    Not what the product notes for itself of files that it has checked, before it opens them for a query.
    """
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
        if not path.name.startswith(".checked")
    }


def places(world: Path, settings: Settings) -> list[dict[str, Path]]:
    """Where a statement may try to write: in the archive, beside what is published, outside of the home."""
    return [
        {"file": settings.archive_root / "anchor.json", "new": settings.archive_root / "new"},
        {"file": settings.published / "versions/1/manifest.json", "new": settings.published / "new"},
        {"file": world / "installation" / "project" / "dbt" / "profiles.yml", "new": Path("new")},
    ]


def test_every_statement_type_has_an_example() -> None:
    assert set(duckdb.StatementType.__members__) == EXAMPLES.keys() | OF_NO_TEXT


@pytest.mark.parametrize("kind", EXAMPLES)
def test_the_examples_are_of_their_type(kind: str) -> None:
    for text in EXAMPLES[kind]:
        (statement,) = duckdb.extract_statements(text)
        assert statement.type.name == kind, text


@pytest.mark.parametrize("sql", STATEMENTS)
@pytest.mark.parametrize("ask", [query, ask_archive])
def test_no_statement_writes_alone_or_within_another(
    world: Path, settings: Settings, ask: Ask, sql: str
) -> None:
    before = content(world)
    for place in places(world, settings):
        for outer in WITHIN:
            with suppress(UnusableInput):
                ask(settings, outer.format(sql.format(**place)))
    assert content(world) == before


@pytest.mark.parametrize("sql", STATEMENTS)
def test_a_statement_that_writes_is_refused_and_not_only_without_effect(
    world: Path, settings: Settings, sql: str
) -> None:
    with pytest.raises(UnusableInput) as error:
        ask_archive(settings, sql.format(**places(world, settings)[0]))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "sql", [COPY, "ATTACH '{new}'", "EXPORT DATABASE '{new}'", "CREATE PERSISTENT SECRET s (TYPE http)"]
)
def test_the_kernel_refuses_what_got_through_all_other_fences(
    world: Path, settings: Settings, sql: str
) -> None:
    """Landlock is in every Linux since 5.13; where it is not, this test says that a fence is missing."""
    before = content(world)
    for place in places(world, settings):
        with (
            open_fenced_engine(settings) as engine,
            pytest.raises(duckdb.Error, match="Permission denied"),
        ):
            engine.thread.submit(engine.connection.execute, sql.format(**place)).result()
    assert content(world) == before


def test_a_fenced_thread_writes_into_its_folder_alone(tmp_path: Path) -> None:
    (tmp_path / "open").mkdir()
    (tmp_path / "old").write_text("old")
    with fenced_thread(tmp_path / "open") as thread:
        assert thread.submit((tmp_path / "open" / "new").write_text, "new").result() == 3
        assert thread.submit((tmp_path / "old").read_text).result() == "old"
        changes: list[Callable[[], object]] = [
            lambda: (tmp_path / "new").write_text("new"),
            lambda: (tmp_path / "old").write_text("new"),
            lambda: (tmp_path / "old").open("a"),
            (tmp_path / "old").unlink,
            lambda: (tmp_path / "old").rename(tmp_path / "open" / "old"),
            lambda: (tmp_path / "link").hardlink_to(tmp_path / "old"),
            lambda: (tmp_path / "link").symlink_to(tmp_path / "old"),
            (tmp_path / "folder").mkdir,
            lambda: (tmp_path / "open" / ".." / "new").write_text("new"),
        ]
        for change in changes:
            with pytest.raises(OSError):
                thread.submit(change).result()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["old", "open"]
    (tmp_path / "new").write_text("the thread that asked is free")


@pytest.mark.parametrize("ask", [query, ask_archive])
def test_what_does_not_fit_into_memory_goes_to_a_temporary_folder(
    world: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, ask: Ask
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    before = content(world)
    large = "(SELECT DISTINCT hash(range) FROM range(3000000))"
    sql = f"SELECT current_setting('temp_directory') FROM {large} LIMIT 1"
    [(spill,)] = ask(replace(settings, memory_bytes=64 << 20), sql).rows
    assert Path(spill).parent == tmp_path
    assert list(tmp_path.iterdir()) == []
    assert content(world) == before
