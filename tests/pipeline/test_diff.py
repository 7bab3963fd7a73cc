"""Two published versions compared, as an analyst types it and as Dagster shows it.

Not here: how rows are compared and traced, case by case (`tests/unit/diff/test_diff_compare.py`).
"""

import json
import re
from pathlib import Path

import dagster as dg
import pytest

from orchestration.automation.diff_job import diff_job
from orchestration.command_line.main import run
from orchestration.names import DIFF_JOB
from orchestration.refresh import refresh
from orchestration.settings import Settings
from support.installation import copy_of, land_events, note, published_once, put, temporary_folder

# As the company's staging models do it: what a later event mended is left out.
STANDING = """
select event_id, object_id as note_id, event_date, data.notebook as notebook, data.words as words
from {{ source('events', 'note_written') }} anti join events.removed_events using (source, event_id)
"""


@pytest.fixture(scope="module")
def settings() -> Settings:
    """Version 1: ten notes. Version 2: an eleventh, which is late, and a correction of the fourth."""
    settings = copy_of(published_once(), temporary_folder())
    put(settings.dbt_project / "models/staging/stg_note__written.sql", STANDING)
    mended = note(3, words=30) | {"id": "mended-3", "corrects": "written-3", "time": "2026-01-02T15:00:00Z"}
    land_events(settings, [note(10, "2026-01-01"), mended], "late.ndjson")
    refresh(settings)
    return settings


@pytest.fixture
def typed(settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> "Typed":
    """Types `factlog diff`."""
    for name, value in settings.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("COLUMNS", "110")
    return Typed(capsys)


class Typed:
    """What came of typing a command: the exit code, standard output, standard error."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self.capsys = capsys

    def __call__(self, *arguments: str) -> tuple[int, str, str]:
        code = run(["diff", *arguments])
        return code, *self.capsys.readouterr()


REPORT = """\
A  version 1: commits 1 to 1, landed by WHEN, code CODE
B  version 2: commits 1 to 2, landed by WHEN, code CODE

table              rows in A  rows in B  changed  removed  added
────────────────────────────────────────────────────────────────
writing.notebooks          2          2        2        0      0
writing.notes             10         11        1        0      1

1 table is the same in A and B.

writing.notebooks: 2 changed

~ notebook blue
    notes  5 → 6
    words  20 → 30
  by note.written.v1 written-10
     occurred 2026-01-01 12:00:00, landed WHEN in commit 2 from late.ndjson

~ notebook red
    words  25 → 52
  by note.written.v1 mended-3
     occurred 2026-01-02 15:00:00, landed WHEN in commit 2 from late.ndjson
     corrects written-3, of 2026-01-02 12:00:00

writing.notes: 1 changed, 1 added

~ note_id 3
    words  3 → 30
  by note.written.v1 mended-3
     occurred 2026-01-02 15:00:00, landed WHEN in commit 2 from late.ndjson
     corrects written-3, of 2026-01-02 12:00:00

+ note_id 10
  by note.written.v1 written-10
     occurred 2026-01-01 12:00:00, landed WHEN in commit 2 from late.ndjson
"""


def test_an_analyst_reads_what_changed_and_by_which_late_event_and_correction(typed: Typed) -> None:
    code, out, err = typed("1", "2")
    out = re.sub(r"landed (by )?2\S+ [\d:]+", r"landed \1WHEN", out)
    out = re.sub(r"code \S+", "code CODE", out)
    assert (code, [line.rstrip() for line in out.splitlines()], err) == (0, REPORT.splitlines(), "")


def test_one_table_few_rows_and_what_programs_read(typed: Typed) -> None:
    code, out, err = typed("1", "current", "--table", "writing.notes", "--limit", "1")
    assert "… and 1 more row (--limit 0 shows all)\n" in out
    assert (code, "writing.notebooks" in out, err) == (0, False, "")
    code, out, _ = typed("1", "2", "--json", "--exit-code")
    assert code == 1, "they differ, and it was asked for"
    record = json.loads(out)
    assert (record["differs"], record["a"]["sequence"], record["b"]["sequence"]) == (True, 1, 2)
    [changed, added] = record["tables"][1]["rows"]
    assert (changed["key"], changed["values"]) == ({"note_id": "3"}, {"words": {"a": 3, "b": 30}})
    assert (changed["events"][0]["event_id"], changed["events"][0]["mends"]) == ("mended-3", "written-3")
    assert (added["kind"], added["event_count"]) == ("added", 1)


def test_nothing_to_compare_and_what_cannot_be(typed: Typed) -> None:
    code, out, _ = typed("2", "current", "--exit-code")
    assert (code, out.splitlines()[2:]) == (0, ["A and B are the same file: nothing to compare."])
    for arguments, reason in [
        (["7", "1"], "factlog: version 7: not published; published versions: 1, 2; did you mean 2?\n"),
        (
            ["1", "2", "--table", "notes"],
            "factlog: notes: no such table on either side; did you mean writing.notes?\n",
        ),
    ]:
        assert typed(*arguments) == (2, "", reason)


def test_dagster_shows_the_same(settings: Settings) -> None:
    def launched(**form: object) -> dg.ExecuteInProcessResult:
        config = {"ops": {"compare_datasets": {"config": form}}}
        return diff_job(settings).execute_in_process(run_config=config, raise_on_error=False)

    done = launched(a="1", table="writing.notes")
    assert (done.success, done.job_def.name) == (True, DIFF_JOB)
    [output] = [event.step_output_data for event in done.all_events if event.is_successful_output]
    shown = {name: value.value for name, value in output.metadata.items()}
    assert (shown["differs"], shown["changed"], shown["added"]) == (True, 1, 1)
    assert "| writing.notes | 10 | 11 | 1 | 0 | 1 |" in str(shown["report"])
    assert "corrects written-3, of 2026-01-02 12:00:00" in str(shown["report"])
    failed = launched(a="nowhere.duckdb")
    [event] = [event for event in failed.all_events if event.is_step_failure]
    assert "nowhere.duckdb: no such file" in str(event.step_failure_data.error_display_string)


def test_a_file_among_the_replays_is_named_by_its_name(settings: Settings, tmp_path: Path) -> None:
    folder = settings.home / "replays"
    folder.mkdir()
    (folder / "first.duckdb").symlink_to(settings.published / "versions/1/reporting.duckdb")
    config = {"ops": {"compare_datasets": {"config": {"a": "first.duckdb", "b": "1"}}}}
    done = diff_job(settings).execute_in_process(run_config=config)
    [output] = [event.step_output_data for event in done.all_events if event.is_successful_output]
    assert "the same file" in str(output.metadata["report"].value)
