"""The house: its rooms, its sizes and its words, held for every module that is in it or comes to it.

Belongs here: what can be told from the tree and the syntax alone. Not here: which way imports point
(import-linter, in `pyproject.toml`), style and complexity (ruff), and whether anything works.
"""

import ast
import re
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import grimp
import pytest

import event_archive

PROJECT = Path(__file__).parents[2]
PRODUCT = ("event_archive", "orchestration")
PACKAGES = (*PRODUCT, "examples", "benchmarks", "tests")
MOST_MODULE_LINES = 250
MOST_MODEL_LINES = 100
FEWEST_WORDS, MOST_WORDS = 35, 60
SAYS_NOTHING = {"utils", "util", "helpers", "helper", "common", "core", "manager", "managers", "misc"}
PLACES = {*PACKAGES, ".ci", "dbt_project", "docs"}
"""Below these, what a page names has to be there; what is below `var/` comes of running the product."""
OF_THE_PROJECT = {".py", ".toml", ".lock"}
"""Files that are named by themselves and are the project's, where another suffix may be a reader's own."""
ASK_THE_STORAGE = {
    "event_archive/store/key_index.py",
    "event_archive/store/key_snapshot.py",
    "event_archive/store/log.py",
    "event_archive/unique_keys.py",
    "event_archive/verification.py",
    "event_archive/views/segment_sql.py",
}
MAKE_TEMPORARY_FOLDERS = {
    "event_archive/landing/transaction.py",
    "orchestration/contract_tools/readers.py",
}
SKIPS = {"skip", "skipif", "xfail", "importorskip", "skipTest", "SkipTest"}


def modules(*packages: str) -> list[Path]:
    """Every Python module of these packages, relative to the project."""
    paths = [path for package in packages for path in (PROJECT / package).rglob("*.py")]
    return sorted(path.relative_to(PROJECT) for path in paths if "target" not in path.parts)


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


def test_no_module_or_folder_has_a_name_that_says_nothing() -> None:
    assert [path for path in modules(*PACKAGES) if {path.stem, *path.parts} & SAYS_NOTHING] == []


@pytest.mark.parametrize("package", PACKAGES)
def test_a_class_has_a_name_of_its_own(package: str) -> None:
    """Private ones, too: whoever looks a class up by its name finds one in the package."""
    modules_of = defaultdict(list)
    for path in modules(package):
        for node in tree_of(path).body:
            if isinstance(node, ast.ClassDef):
                modules_of[node.name].append(str(path))
    assert {name: paths for name, paths in modules_of.items() if len(paths) > 1} == {}


def skips(tree: ast.Module) -> Iterator[int]:
    """Yield the lines that skip a test, or expect it to fail."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute | ast.Name) and SKIPS & {
            getattr(node, "attr", ""),
            getattr(node, "id", ""),
        }:
            yield node.lineno


def test_no_test_is_skipped() -> None:
    skipping = {str(path) for path in modules("tests") for _ in skips(tree_of(path))}
    assert skipping == set()


def test_a_folder_is_made_by_the_one_function_that_makes_it_durable() -> None:
    """Elsewhere only below temporary folders, whose content nobody finds after a loss of power."""
    making = {
        str(path)
        for path in modules(*PRODUCT)
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Attribute) and node.attr in {"mkdir", "makedirs"}
    }
    assert making - MAKE_TEMPORARY_FOLDERS == {"event_archive/store/durable.py"}


def test_readers_get_the_location_of_a_committed_file_where_it_is_checked() -> None:
    """From `archive.files`. The storage itself gives it to those who check, or who only name the file."""
    asking = {
        str(path)
        for path in modules(*PRODUCT)
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Attribute)
        and node.attr == "location"
        and ast.unparse(node.value).endswith("storage")
    }
    assert asking == ASK_THE_STORAGE


def test_every_module_says_what_belongs_in_it() -> None:
    """In a test module the first sentence does: what is given, and what is expected."""
    silent = set()
    for path in modules(*PACKAGES):
        about = ast.get_docstring(tree_of(path)) or ""
        wanted = [] if path.name.startswith("test_") else ["here:", "Not here:"]
        if not about or any(word not in about for word in wanted):
            silent.add(str(path))
    assert silent == set()


def test_every_public_name_of_the_archive_is_at_its_door() -> None:
    assert sorted(event_archive.__all__) == sorted(event_archive._MODULES)
    assert [name for name in event_archive.__all__ if getattr(event_archive, name).__name__ != name] == []


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


def paths_named(page: Path) -> Iterator[str]:
    """Yield what a page names in backticks, outside of its blocks, as a path within the project."""
    text = re.sub(r"^ *```.*?^ *```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    for name in re.findall(r"`([^`\s]+)`", text):
        path = Path(name)
        if ("/" in name and path.parts[0] in PLACES) or path.suffix in OF_THE_PROJECT:
            yield name


@pytest.mark.parametrize(
    "page",
    ["README.md", "CONTRIBUTING.md", *(f"docs/{path.name}" for path in sorted(PROJECT.glob("docs/*.md")))],
)
def test_paths_that_a_page_names_exist(page: str) -> None:
    """`…` in a path stands for any folders, `*` for any name. Decisions may name what is no longer there."""
    missing = [name for name in paths_named(PROJECT / page) if not any(PROJECT.glob(name.replace("…", "**")))]
    assert missing == []


def test_each_rule_of_ruff_that_is_ignored_has_its_reason_beside_it() -> None:
    text = (PROJECT / "pyproject.toml").read_text(encoding="utf-8")
    lint = tomllib.loads(text)["tool"]["ruff"]["lint"]
    assert not {"extend-ignore", "extend-per-file-ignores"} & set(lint)
    everywhere = text.partition("\nignore = [\n")[2].partition("\n]")[0].splitlines()
    by_file = text.partition("\n[tool.ruff.lint.per-file-ignores]\n")[2].partition("\n\n")[0].splitlines()
    assert (len(everywhere), len(by_file)) == (len(lint["ignore"]), len(lint["per-file-ignores"]))
    assert [line for line in (*everywhere, *by_file) if not re.search(r"[],]\s*# \S", line)] == []


def test_the_glossary_says_of_each_word_what_it_is_and_what_not() -> None:
    lines = (PROJECT / "docs/glossary.md").read_text(encoding="utf-8").splitlines()
    table = [line for line in lines if line.startswith("|")]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table[2:]]
    assert FEWEST_WORDS <= len(rows) <= MOST_WORDS
    assert [row for row in rows if len(row) != 3 or not all(row)] == []
    words = [row[0].lower().replace("_", " ") for row in rows]
    assert words == sorted(set(words)), "in the order of the alphabet, each word once"
