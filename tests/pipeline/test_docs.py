"""What the README and the pages in docs/ tell a reader to type works, and prints what they say it prints.

Belongs here: running the fenced `console` and `sh` blocks of every page, in order, in a scratch copy of the
project. Not here: what the commands do (each has tests of its own), how a page is read (`typed_pages`), and
pages that begin with an empty folder, without a clone (`test_wheel`).
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from orchestration.settings import PROJECT
from support.forked_dbt import LINUX, forked_dbt
from support.typed_pages import OUTSIDE, hold_to_page, missing_line, steps

EVERY = ["README.md", *sorted(str(page.relative_to(PROJECT)) for page in PROJECT.glob("docs/*.md"))]
PAGES = [page for page in EVERY if page not in OUTSIDE]
LINKING = [
    *EVERY,
    *("CONTRIBUTING.md", "CHANGELOG.md"),
    *sorted(str(page.relative_to(PROJECT)) for page in PROJECT.glob("docs/decisions/*.md")),
]
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


def make_project(folder: Path) -> Path:
    """Copy the project, with the virtual environment that these tests run in and an empty var/."""
    shutil.copytree(PROJECT, folder, ignore=LEFT_BEHIND)
    make_environment(folder / ".venv")
    return folder


def make_environment(folder: Path) -> None:
    """Link to the environment of these tests, file by file: its dbt starts at once, for its factlog too."""
    (folder / "bin").mkdir(parents=True)
    for path in Path(sys.prefix).iterdir():
        if path.name != "bin":
            (folder / path.name).symlink_to(path)
    for path in Path(sys.prefix, "bin").iterdir():
        (folder / "bin" / path.name).symlink_to(path)
    program = folder / "bin" / "factlog"
    # A link would be run by the Python that it names, and dbt is the one that lies beside that.
    lines = program.read_text().splitlines(keepends=True)[1:]
    program.unlink()
    program.write_text("".join([f"#!{folder}/bin/python\n", *lines]))
    program.chmod(0o755)
    if sys.platform == LINUX:
        (folder / "bin" / "dbt").unlink()
        (folder / "bin" / "dbt").symlink_to(forked_dbt())


def follow(page: str, project: Path) -> None:
    """Type everything that a page says, and hold it to its word."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("FACTLOG_", "DAGSTER"))
    }
    environment |= {
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
        hold_to_page(step, done)


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
