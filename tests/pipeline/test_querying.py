"""Reading the published dataset: nothing can be changed, and readers and the pipeline do not meet."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import duckdb
import pytest

from event_archive import UnusableInput
from orchestration.command_line.query import ask_archive
from orchestration.publishing.publish import publish
from orchestration.publishing.query import Answer, query
from orchestration.refresh import refresh
from orchestration.settings import Settings
from support.installation import land_events, landed, note, published_installation

SERVED = "reporting.duckdb"


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


def test_a_reader_is_not_in_the_way_and_keeps_what_it_opened(published: Settings) -> None:
    path = published.published / SERVED
    with closing(duckdb.connect(path, read_only=True)) as reader:
        count = "SELECT count(*) FROM writing.notes"
        assert reader.execute(count).fetchall() == [(10,)]
        land_events(published, [note(number) for number in range(10, 15)], "more.ndjson")
        assert refresh(published).publication.version.number == 2
        assert reader.execute(count).fetchall() == [(10,)]
        assert query(published, count).rows == [(15,)]


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("selec 1", "syntax error"),
        ("FROM nowhere", "does not exist"),
        ("CREATE TABLE writing.mine AS SELECT 1", "CREATE does not read"),
        ("COPY writing.notes TO '/tmp/notes.csv'", "COPY writes"),
        ("UPDATE EXTENSIONS", "UPDATE EXTENSIONS does not read"),
        ("FROM read_csv('/etc/passwd')", "disabled by configuration"),
        ("EXPLAIN ANALYZE DELETE FROM writing.notes", "read-only"),
        ("EXPLAIN ANALYZE SET enable_external_access = true", "locked"),
        ("ATTACH '/tmp/other.duckdb'", "ATTACH does not read"),
        ("SET enable_external_access = true", "SET does not read"),
    ],
)
def test_a_query_can_only_read_the_published_dataset(published: Settings, sql: str, reason: str) -> None:
    with pytest.raises(UnusableInput, match=reason) as error:
        query(published, sql)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("ask", [query, ask_archive])
def test_the_word_copy_is_no_harm_in_a_text_a_comment_or_quotes(
    published: Settings, ask: Callable[[Settings, str], Answer]
) -> None:
    sql = """SELECT 'a copy' AS "copy", $$ copy $$ AS copy_2, 'é' AS é -- copy\n/* copy */"""
    assert ask(published, sql).rows == [("a copy", " copy ", "é")]


def test_nothing_published_is_said(settings: Settings) -> None:
    with pytest.raises(UnusableInput, match="nothing is published yet"):
        query(settings, "SELECT 1")
    with pytest.raises(UnusableInput, match="nothing to publish yet"):
        publish(settings)
