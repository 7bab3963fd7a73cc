"""The wheel, in an environment of its own and outside of any clone: a project is made, and runs at once.

Belongs here: what whoever installs factlog does first, and the pages that tell it. Not here: what the
commands do (each has tests of its own), and the pages that are followed in a clone (`test_docs`).
"""

from pathlib import Path

import pytest

from support.daemon import free_port, serving
from support.installed_wheel import InstalledWheel, install_wheel
from support.typed_pages import OUTSIDE, hold_to_page, steps


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> InstalledWheel:
    return install_wheel(tmp_path_factory.mktemp("wheel"))


def typed(installed: InstalledWheel, script: str, where: Path) -> str:
    done = installed.run(script, where)
    assert done.returncode == 0, f"{script}\n{done.stdout}"
    return done.stdout


def test_it_is_the_wheel_that_runs(installed: InstalledWheel, tmp_path: Path) -> None:
    """Otherwise the rest of these tests would be of the clone."""
    script = (
        "python -c 'import examples, event_archive, orchestration as o; print(o.__file__)'; dbt --version"
    )
    out = typed(installed, script, tmp_path)
    assert out.startswith(str(installed.folder))


def test_a_project_of_ones_own_runs_at_once(installed: InstalledWheel, tmp_path: Path) -> None:
    out = typed(installed, "factlog init my-shop", tmp_path)
    assert "factlog land events" in out
    project = tmp_path / "my-shop"
    # What is derived of them, the page of the first steps shows.
    out = typed(installed, "factlog land events && cd contracts && factlog log", project)
    assert "events/orders.ndjson" in out
    typed(installed, "make check", project)
    out = typed(installed, "make test", project)
    assert "3 passed" in out


@pytest.mark.parametrize(
    ("example", "first", "table"),
    [
        ("shop", "factlog land events && factlog refresh", "billing.open_amounts"),
        ("github", "factlog land --mapping mapping.yaml sample.ndjson && factlog refresh", "activity.pushes"),
        ("translations", "factlog demo --scale 0.01", "billing.invoices"),
    ],
)
def test_an_example_runs_at_once(
    installed: InstalledWheel, tmp_path: Path, example: str, first: str, table: str
) -> None:
    out = typed(installed, f"factlog init here --example {example}", tmp_path)
    assert first.removesuffix(" --scale 0.01").removesuffix(" && factlog refresh") in out
    project = tmp_path / "here"
    typed(installed, first, project)
    assert "row" in typed(installed, f'factlog query "FROM {table}"', project)
    assert "0.1.0" in typed(installed, "factlog published --json", project)


@pytest.mark.parametrize("page", OUTSIDE)
def test_page_does_what_it_says_in_an_empty_folder(
    installed: InstalledWheel, tmp_path: Path, page: str
) -> None:
    where, folder = tmp_path / "where", tmp_path / "empty"
    folder.mkdir()
    for step in steps(page):
        done = installed.run(f"trap 'pwd > {where}' EXIT\n{step.script}", folder)
        hold_to_page(step, done)
        folder = Path(where.read_text().strip())


def test_dagster_serves_the_project(installed: InstalledWheel, tmp_path: Path) -> None:
    typed(installed, "factlog init shop", tmp_path)
    port, project = free_port(), tmp_path / "shop"
    started = [str(installed.folder / "bin" / "factlog"), "dev", "--no-browser", "--port", port]
    home = project / "var"
    home.mkdir()
    served = serving(started, port, home, where=project, environment=installed.environment)
    with served as dev:
        nodes = dev.ask("{ assetNodes { assetKey { path } } }")["assetNodes"]
    keys = {"/".join(node["assetKey"]["path"]) for node in nodes}
    assert {"events/order/placed", "sales/orders", "sales/revenue_per_day"} <= keys
