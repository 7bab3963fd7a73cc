"""The house: its rooms, its sizes and its words, held for every module that is in it or comes to it.

Belongs here: what can be told from the tree and the syntax alone. Not here: which way imports point
(import-linter, in `pyproject.toml`), style and complexity (ruff), and whether anything works.
"""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import grimp
import pytest

PROJECT = Path(__file__).parents[2]
PRODUCT = ("event_archive", "orchestration")
PACKAGES = (*PRODUCT, "examples", "benchmarks", "tests")
MOST_MODULE_LINES = 250
MOST_MODEL_LINES = 100
FEWEST_WORDS, MOST_WORDS = 35, 60
SAYS_NOTHING = {"utils", "util", "helpers", "helper", "common", "core", "manager", "managers", "misc"}
SKIPS = {"skip", "skipif", "xfail", "importorskip", "skipTest", "SkipTest"}


def modules(*packages: str) -> list[Path]:
    """Every Python module of these packages, relative to the project."""
    found = [path for package in packages for path in (PROJECT / package).rglob("*.py")]
    return sorted(path.relative_to(PROJECT) for path in found if "target" not in path.parts)


@cache
def tree_of(module: Path) -> ast.Module:
    return ast.parse((PROJECT / module).read_text(encoding="utf-8"))


def lines_of(path: Path) -> int:
    return len((PROJECT / path).read_text(encoding="utf-8").splitlines())


def test_no_module_is_too_long() -> None:
    long = {str(path) for path in modules(*PRODUCT) if lines_of(path) > MOST_MODULE_LINES}
    assert long == set()


def test_no_model_is_too_long() -> None:
    models = [path.relative_to(PROJECT) for path in (PROJECT / "dbt_project").glob("m*/**/*.sql")]
    assert models
    long = {str(path) for path in models if lines_of(path) > MOST_MODEL_LINES}
    assert long == set()


def test_every_name_says_something() -> None:
    assert [path for path in modules(*PACKAGES) if {path.stem, *path.parts} & SAYS_NOTHING] == []


@pytest.mark.parametrize("package", PACKAGES)
def test_a_class_has_a_name_of_its_own(package: str) -> None:
    found = defaultdict(list)
    for path in modules(package):
        for node in tree_of(path).body:
            if isinstance(node, ast.ClassDef):
                found[node.name].append(str(path))
    assert {name: places for name, places in found.items() if len(places) > 1} == {}


def skips(tree: ast.Module) -> Iterator[int]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute | ast.Name) and SKIPS & {
            getattr(node, "attr", ""),
            getattr(node, "id", ""),
        }:
            yield node.lineno


def test_no_test_is_skipped() -> None:
    skipping = {str(path) for path in modules("tests") for _ in skips(tree_of(path))}
    assert skipping == set()


def test_every_module_says_what_belongs_in_it() -> None:
    """In a test module the first sentence does: what is given, and what is expected."""
    mute = set()
    for path in modules(*PACKAGES):
        about = ast.get_docstring(tree_of(path)) or ""
        wanted = [] if path.name.startswith("test_") else ["here:", "Not here:"]
        if not about or any(word not in about for word in wanted):
            mute.add(str(path))
    assert mute == set()


@pytest.mark.parametrize("package", PRODUCT)
def test_imports_make_no_circle(package: str) -> None:
    graph = grimp.build_graph(package, cache_dir=None)
    imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    TopologicalSorter(imports).prepare()  # raises CycleError, which names the circle


def test_readme_lists_every_folder() -> None:
    """The top of the tree, and the rooms of the two packages, each in a row of the README's table."""
    listed = re.findall(
        r"^\| `([\w/]+)/` \|", (PROJECT / "README.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    tops = {path.parts[0] for path in modules(*PACKAGES)} | {"dbt_project", "docs", "var"}
    rooms = {
        str(path.relative_to(PROJECT))
        for package in PRODUCT
        for path in (PROJECT / package).iterdir()
        if path.is_dir() and path.name != "__pycache__" and any(path.glob("*.*"))
    }
    assert sorted(listed) == sorted(tops | rooms)


def test_the_glossary_says_of_each_word_what_it_is_and_what_not() -> None:
    lines = (PROJECT / "docs/glossary.md").read_text(encoding="utf-8").splitlines()
    table = [line for line in lines if line.startswith("|")]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table[2:]]
    assert FEWEST_WORDS <= len(rows) <= MOST_WORDS
    assert [row for row in rows if len(row) != 3 or not all(row)] == []
    words = [row[0].lower().replace("_", " ") for row in rows]
    assert words == sorted(set(words)), "in the order of the alphabet, each word once"
