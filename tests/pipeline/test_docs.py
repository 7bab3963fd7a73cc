"""What the README and the pages in docs/ tell a reader to type works, and prints what they say it prints.

Belongs here: running the fenced `console` and `sh` blocks of every page, in order, in a scratch copy of the
project. Not here: what the commands do (each has tests of its own).

In a `console` block a line that opens with `$ ` is a command and `> ` continues it; the lines below it are
lines of its output, in that order: `…` stands for any text, and a line `…` for any lines. A `sh` block is one
script. A block that can't be run here follows a line `<!-- not run: why -->`.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
PAGES = ["README.md", *sorted(str(page.relative_to(PROJECT)) for page in PROJECT.glob("docs/*.md"))]
LINKING = [
    *PAGES,
    *("CONTRIBUTING.md", "CHANGELOG.md"),
    *sorted(str(page.relative_to(PROJECT)) for page in PROJECT.glob("docs/decisions/*.md")),
]
FENCE = re.compile(r"^(?P<indent> *)```(?P<language>\w*)\s*$")
NOT_RUN = re.compile(r"<!-- not run: \S.* -->")
LEFT_BEHIND = shutil.ignore_patterns(
    "var",
    ".venv",
    ".git",
    ".*_cache",
    ".hypothesis",
    "target",
    "logs",
    "dbt_packages",
    "__pycache__",
    "*.egg-info",
)


@dataclass(frozen=True)
class TypedCommand:
    """One thing to type, and the lines that it is said to print."""

    place: str
    script: str
    output: tuple[str, ...] = ()


def blocks(page: str) -> Iterator[tuple[int, str, list[str], bool]]:
    """Yield the line number, language, lines and whether it is to be run, of each fenced block of a page."""
    before, inside, language, start, run, indent = "", False, "", 0, True, ""
    lines: list[str] = []
    for number, line in enumerate((PROJECT / page).read_text(encoding="utf-8").splitlines(), start=1):
        fence = FENCE.match(line)
        if fence and not inside:
            inside, language, start, lines, indent = True, fence["language"], number, [], fence["indent"]
            run = not NOT_RUN.search(before)
        elif fence:
            inside = False
            yield start, language, lines, run
        elif inside:
            lines.append(line.removeprefix(indent))
        if line.strip():
            before = line
    assert not inside, f"{page}:{start}: the block is not closed"


def steps(page: str) -> list[TypedCommand]:
    """Return what a reader of a page types, in order."""
    commands = []
    for number, language, lines, run in blocks(page):
        if run and language == "sh":
            commands.append(TypedCommand(f"{page}:{number}", "\n".join(lines)))
        elif run and language == "console":
            commands.extend(typed(page, number, lines))
    return commands


def typed(page: str, number: int, lines: list[str]) -> Iterator[TypedCommand]:
    """Yield the commands of a `console` block, each with its output."""
    command, output, place = "", list[str](), ""
    for at, line in enumerate([*lines, "$ "], start=number + 1):
        if line.startswith("$ "):
            if command:
                yield TypedCommand(place, command, tuple(output))
            command, output, place = line[2:], [], f"{page}:{at}"
        elif line.startswith("> ") and not output:
            command += "\n" + line[2:]
        else:
            assert command, f"{page}:{at}: a console block starts with a line `$ …`"
            output.append(line)


def missing_line(shown: tuple[str, ...], printed: str) -> str | None:
    """Return the first line that a page shows and that is not printed, in the order of the page."""
    remaining = iter([" ".join(line.split()) for line in printed.splitlines()])
    for line in shown:
        wanted = " ".join(line.split())
        if wanted in ("", "…"):
            continue
        pattern = re.compile(".*".join(re.escape(part.strip()) for part in wanted.split("…")))
        if not any(pattern.fullmatch(actual) for actual in remaining):
            return line
    return None


def make_project(folder: Path) -> Path:
    """Copy the project, with the virtual environment that these tests run in and an empty var/."""
    shutil.copytree(PROJECT, folder, ignore=LEFT_BEHIND)
    (folder / ".venv").symlink_to(Path(sys.prefix), target_is_directory=True)
    return folder


def follow(page: str, project: Path) -> None:
    """Type everything that a page says, and hold it to its word."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("FACTLOG_", "DAGSTER"))
    }
    environment |= {
        "FACTLOG_HOME": str(project / "var"),
        "PYTHONPATH": str(project),
        "PATH": f"{project / '.venv/bin'}{os.pathsep}{os.environ['PATH']}",
        # The packages are there already: `make` is not to install them once more into the copy.
        "MAKEFLAGS": "PROJECT= TOOLS= --no-print-directory",
        "COLUMNS": "110",
        "LC_ALL": "C.UTF-8",
    }
    for step in steps(page):
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", step.script],
            cwd=project,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, (
            f"{step.place}: {step.script}\nexit code {done.returncode}\n{done.stdout}"
        )
        missing = missing_line(step.output, done.stdout)
        assert missing is None, f"{step.place}: {step.script}\ndoes not print: {missing}\nbut:\n{done.stdout}"


@pytest.fixture(scope="module")
def after_readme(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Follow the README once: every page starts where its reader then stands."""
    project = make_project(tmp_path_factory.mktemp("readme") / "factlog")
    follow("README.md", project)
    return project


def test_readme_does_what_it_says(after_readme: Path) -> None:
    assert (after_readme / "var" / "published" / "reporting.duckdb").exists()


@pytest.mark.parametrize("page", PAGES[1:])
def test_page_does_what_it_says(page: str, after_readme: Path, tmp_path: Path) -> None:
    project = make_project(tmp_path / "factlog")
    shutil.copytree(after_readme / "var", project / "var", symlinks=True)
    follow(page, project)


@pytest.mark.parametrize("page", LINKING)
def test_links_lead_somewhere(page: str) -> None:
    text = (PROJECT / page).read_text(encoding="utf-8")
    targets = [target.split("#")[0] for target in re.findall(r"\]\(([^)\s]+)\)", text)]
    folder = (PROJECT / page).parent
    missing = [
        target for target in targets if "://" not in target and target and not (folder / target).exists()
    ]
    assert not missing


@pytest.mark.parametrize(
    "target", re.findall(r"^([a-z]+):.*##", (PROJECT / "Makefile").read_text(), re.MULTILINE)
)
def test_make_target_can_be_made(target: str) -> None:
    """Also those that no page can run: a dry run finds a missing prerequisite or a broken rule."""
    done = subprocess.run(
        ["make", "--dry-run", target], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("shown", "printed", "missing"),
    [
        (("a …", "…", "c"), "x\na  b\nb\nc\n", None),
        (("c", "a"), "a\nc\n", "a"),
        (("ab…c",), "abc", None),
    ],
)
def test_lines_are_held_to_their_order(shown: tuple[str, ...], printed: str, missing: str | None) -> None:
    assert missing_line(shown, printed) == missing
