"""What bash proposes when the tab key is pressed, in a project, outside of one, and in a damaged one."""

import subprocess
import sys
from pathlib import Path

import pytest

from orchestration.settings import Settings
from support.installation import published_installation

BIN = Path(sys.executable).parent
SCRIPT = """
eval "$(_FACTLOG_COMPLETE=bash_source factlog)"
COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
_factlog_completion factlog {last}
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """An installation with one published version."""
    return published_installation(tmp_path_factory.mktemp("installation"))


def proposed(settings: Settings, typed: str, **environment: str) -> list[str]:
    """What bash proposes for the last word that was typed; an empty one where a space is the last."""
    words = [f"'{word}'" for word in typed.split(" ")]
    done = subprocess.run(
        ["bash", "--norc", "-c", SCRIPT.format(words=" ".join(words), last=words[-1])],
        env=settings.environment() | {"PATH": f"{BIN}:/usr/bin:/bin"} | environment,
        cwd=settings.home,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    return done.stdout.split()


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("factlog re", ["remap", "refresh", "replay"]),
        ("factlog published s", ["serve"]),
        ("factlog published serve ", ["1"]),
        ("factlog diff ", ["1", "current"]),
        ("factlog diff 1 --table writing.n", ["writing.notebooks", "writing.notes"]),
        ("factlog contracts show note.", ["note.read.v1", "note.written.v1"]),
        ("factlog quarantine list --type note.w", ["note.written.v1"]),
        ("factlog refresh --f", ["--full"]),
    ],
)
def test_what_is_there_is_proposed(settings: Settings, typed: str, expected: list[str]) -> None:
    shown = proposed(settings, typed)
    assert set(expected) <= set(shown)
    assert all(name.startswith(typed.rsplit(" ", maxsplit=1)[-1]) for name in shown)


def test_without_a_project_or_in_a_damaged_one_nothing_is_proposed_and_nothing_said(
    settings: Settings, tmp_path: Path
) -> None:
    nothing = {"FACTLOG_HOME": str(tmp_path / "none"), "FACTLOG_CONTRACTS": str(tmp_path / "none")}
    for typed in ("factlog published serve ", "factlog contracts show ", "factlog diff 1 --table "):
        assert proposed(settings, typed, **nothing) == []
    assert proposed(settings, "factlog published serve ", FACTLOG_THREADS="many") == []
    assert not (tmp_path / "none").exists()
