"""A project of somebody's own: the files that it begins with, from the template or from an example.

Belongs here: which files those are, the name, and writing them where nothing is overwritten. Not here: what
stands in them (`project_template/`, the examples), and the command (`command_line.init`).

What decides results is not among them: it comes with the product as a dbt package, and is updated with it.
"""

import os
import re
import shutil
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from event_archive import UnusableInput
from event_archive.store.durable import make_durable_folder
from orchestration.project_file import FILE

TEMPLATE = Path(__file__).with_name("project_template")
FIRST = "factlog land events"
EXAMPLES = {
    "shop": FIRST,
    "translations": "factlog demo",
    "github": "factlog land --mapping mapping.yaml sample.ndjson",
}
"""The examples, each with what brings its first events."""
TEMPLATE_NAME = "my_project"
NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
TAKEN = {"dbt", "factlog"}
"""Names of dbt packages that every project has."""
OF_EVERY_PROJECT = (
    ".ci/run",
    ".gitignore",
    "Makefile",
    "dbt_project/profiles.yml",
    "requirements.txt",
    "workspace.yaml",
)
"""What an example takes from the template where it has none of its own: it is the same in each."""
LEFT_OUT = {
    *("__pycache__", ".pytest_cache", "dbt_packages", "logs", "target", "var", ".user.yml"),
    *("packages.yml", "package-lock.yml"),
}
"""What comes of running a project, and where the package of the product lies from the example's folder."""
NAMED_IN = ("README.md", "dbt_project/dbt_project.yml")


def project_name(folder: Path, name: str | None) -> str:
    """Return the name of a new project, by default after its folder; raises UnusableInput for none."""
    made = name or re.sub(r"\W+", "_", folder.name.lower(), flags=re.ASCII).strip("_")
    if not NAME.fullmatch(made) or made in TAKEN:
        raise UnusableInput(
            f"{made or folder.name}: no name for a project; give one of lower-case letters, digits and _ by "
            f"--name{f', other than {made}' if made in TAKEN else ''}"
        )
    return made


def make_project(folder: Path, *, name: str | None = None, example: str | None = None) -> list[Path]:
    """Write the files of a new project into a folder and return them; nothing there is overwritten."""
    files = example_files(example) if example else template_files()
    renamed = None if example else project_name(folder, name)
    if folder.exists() and not folder.is_dir():
        raise UnusableInput(f"{folder}: is no folder; name one that is to come, or an empty one")
    if there := sorted(place for place in files if os.path.lexists(folder / place)):
        raise UnusableInput(
            f"{folder / there[0]}: is there already and is not overwritten; name another folder, or move it "
            "away"
        )
    # The file that makes it a project comes last: a project that was left half made is none.
    places = sorted(files, key=lambda place: (place == FILE, place))
    try:
        for place in places:
            make_durable_folder((folder / place).parent)
            write(files[place], folder / place, renamed if place in NAMED_IN else None)
    except OSError as error:
        raise UnusableInput(f"{error.filename or folder}: can't be written: {error.strerror}") from error
    return [folder / place for place in places]


def write(source: Path, target: Path, renamed: str | None) -> None:
    """Write one file anew, with the project's name in place of the template's; run it may if that may."""
    text = source.read_bytes()
    if renamed is not None:
        text = text.replace(TEMPLATE_NAME.encode(), renamed.encode())
    with target.open("xb") as file:
        file.write(text)
    if os.access(source, os.X_OK):
        shutil.copymode(source, target)


def template_files() -> dict[str, Path]:
    """Return the files of the template by their place in a project."""
    return dict(files_below(TEMPLATE))


def example_files(example: str) -> dict[str, Path]:
    """Return the files of an example by their place in a project, with what every project has."""
    package = find_spec("examples")
    roots = [Path(root) / example for root in (package.submodule_search_locations or [])] if package else []
    found = next((root for root in roots if (root / FILE).is_file()), None)
    if found is None:
        raise UnusableInput(f"the example {example} is not installed with this factlog; install it anew")
    own = dict(files_below(found))
    common = {place: path for place, path in template_files().items() if place in OF_EVERY_PROJECT}
    return {**common, **own}


def files_below(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield the files below a folder by their place in it, without what comes of running a project."""
    for root, folders, names in os.walk(folder, followlinks=True):
        folders[:] = sorted(set(folders) - LEFT_OUT)
        for name in sorted(set(names) - LEFT_OUT):
            path = Path(root) / name
            yield path.relative_to(folder).as_posix(), path
