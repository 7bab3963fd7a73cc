"""What somebody types to break out: of SQL, of a folder, of a number. One line, and nothing is changed.

Belongs here: hostile arguments and settings, on an archive with something to lose. Not here: those that
are merely wrong (`test_command_line`), and SQL that writes (`test_querying_writes_nothing`).
"""

import re
from pathlib import Path

import pytest

from support.command_typing import Typed, good_and_bad

BIG = "1" * 5000
NOT_UTF8 = "x\udcff"
REFUSED = [
    ["quarantine", "show", BIG, "--position", "1"],
    ["quarantine", "list", "--source", NOT_UTF8],
    ["replay", "--known-at", BIG, "--into", "new.duckdb"],
    ["replay", "--known-at", "9" * 18, "--into", "new.duckdb"],
    ["replay", "--known-at", "0001-01-01T00:00:00+23:59", "--into", "new.duckdb"],
    ["replay", "--as-of", "9999-12-31T23:59:59-23:59", "--into", "new.duckdb"],
    ["replay", "--into", "../home/archive/log/new.duckdb"],
    ["replay", "--into", "../home/archive/anchor.json"],
    ["replay", "--into", "../home/published/new.duckdb"],
    ["replay", "--into", "~nobody-of-that-name/new.duckdb"],
    ["replay", "--into", "/dev/full"],
    ["published", "serve", BIG],
    ["diff", BIG, "current"],
    ["diff", "x' || y", "current"],
    ["diff", "~nobody-of-that-name/x", "current"],
    ["contracts", "new", "../x.done.v1"],
    ["contracts", "new", "a/b.done.v1"],
    ["contracts", "show", "../../x"],
    ["contracts", "export", "../x", "--format", "avro"],
    ["contracts", "import", "shop.json", "--type", "../x.done.v1", "--output", "-"],
    ["contracts", "import", "shop.json", "--type", "a.done.v1", "--output", "../home/archive/log/a.yaml"],
    ["contracts", "export", "translation.requested.v2", "--format", "avro", "--output", "../home/archive/a"],
    ["contracts", "export", "translation.requested.v2", "--format", "avro", "--output", "../home/inbox/a"],
    ["contracts", "docs", "--page", "../home/archive/events/page.md"],
    ["contracts", "list", "--contracts", "~nobody-of-that-name"],
    ["land", "a" * 5000],
    ["land", "/dev/zero/x"],
    ["log", "--limit", BIG],
    ["query", "--archive", f"SELECT {NOT_UTF8}"],
    ["query", "--archive", "(" * 5000],
    ["query", "--archive", "SELECT " + "1+" * 20000 + "1"],
]
FOUND_NOTHING = [
    ["quarantine", "list", "--reason", "x' OR 1=1 --"],
    ["quarantine", "list", "--type", "'; COPY (SELECT 1) TO 'pwned' --"],
    ["quarantine", "list", "--source", "' OR true --"],
    ["quarantine", "recover", "--reason", "x' OR 1=1 --"],
]
SETTINGS = {
    "FACTLOG_THREADS": [BIG, "99999", "-1", "\u0663"],
    "FACTLOG_MEMORY": [f"{BIG}G", f"{'9' * 18}G", "0"],
    "FACTLOG_CLOCK_SKEW": [BIG, "9" * 18],
    "FACTLOG_CUT": [BIG, "x"],
    "FACTLOG_AS_OF": ["0001-01-01T00:00:00+23:59", "x"],
    "FACTLOG_FIRST_DAY": [BIG],
    "FACTLOG_HOME": [f"/tmp/{NOT_UTF8}", "~nobody-of-that-name/x", "/a" * 3000, "/dev/null/x"],
    "FACTLOG_PROJECT": [f"/tmp/{NOT_UTF8}", "~nobody-of-that-name/x", "/a" * 3000, "/dev/null"],
    "FACTLOG_CONTRACTS": ["~nobody-of-that-name/x", "/dev/null"],
}


def content(home: Path) -> dict[Path, bytes]:
    """All that was landed."""
    archive = home / "archive"
    return {path: path.read_bytes() for path in archive.rglob("*") if path.is_file()}


def refuses(answer: tuple[int, str, str]) -> None:
    """Hold an answer to be one line, and no traceback."""
    code, out, err = answer
    assert (code, out) == (2, "")
    assert re.fullmatch(r"factlog: \S.*\n", err)


def test_hostile_arguments_are_refused_and_change_nothing(home: Path, factlog: Typed) -> None:
    assert factlog("land", good_and_bad())[0] == 0
    Path("shop.json").write_text('{"type": "object", "properties": {}}')
    before, here = content(home), sorted(Path().iterdir())
    for arguments in REFUSED:
        refuses(factlog(*arguments))
    for arguments in FOUND_NOTHING:
        assert factlog(*arguments)[0] == 0
    assert content(home) == before
    assert sorted(Path().iterdir()) == here


@pytest.mark.parametrize("name", SETTINGS)
def test_hostile_settings_are_refused(factlog: Typed, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    for value in SETTINGS[name]:
        monkeypatch.setenv(name, value)
        refuses(factlog("log"))
