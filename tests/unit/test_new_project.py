"""`factlog init`: what it writes, where it writes nothing, and that what it writes fits together."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from orchestration.new_project import EXAMPLES, TEMPLATE, make_project
from orchestration.project_file import KEYS, read_project
from orchestration.settings import PROJECT, Settings
from support.command_typing import Typed

KINDS = [None, *EXAMPLES]


@pytest.mark.parametrize("example", KINDS)
def test_a_project_is_whole(tmp_path: Path, example: str | None) -> None:
    made = make_project(tmp_path / "own", example=example)
    assert all(path.is_file() and not path.is_symlink() for path in made)
    names = {path.relative_to(tmp_path / "own").as_posix() for path in made}
    assert names >= {
        *("factlog.toml", "workspace.yaml", "Makefile", "README.md", ".gitignore", ".ci/run"),
        *("requirements.txt", "dbt_project/dbt_project.yml", "dbt_project/profiles.yml"),
    }
    assert os.access(tmp_path / "own/.ci/run", os.X_OK)
    settings = Settings.from_environment({}, tmp_path / "own/dbt_project")
    assert settings.contracts == tmp_path / "own/contracts"
    settings.load_inbox_mappings()


@pytest.mark.parametrize("example", KINDS)
def test_contracts_hold_and_what_follows_from_them_is_up_to_date(
    home: Path, factlog: Typed, monkeypatch: pytest.MonkeyPatch, example: str | None
) -> None:
    made = make_project(Path("own").absolute(), example=example)
    monkeypatch.setenv("FACTLOG_PROJECT", str(Path("own").absolute()))
    assert factlog("contracts", "check")[0] == 0
    if any(path.name == "event-types.md" for path in made):
        assert factlog("contracts", "docs", "--check") == (
            0,
            "",
            "Everything says what the contracts say.\n",
        )


def test_every_key_stands_in_the_template() -> None:
    """Those that have a default, in a comment: who looks for a setting finds it."""
    text = (TEMPLATE / "factlog.toml").read_text()
    assert [key for key in KEYS if f"{key} = " not in text] == []
    read = read_project(TEMPLATE / "factlog.toml")
    assert read.inbox_mappings == (("till", TEMPLATE / "mappings/till.yaml"),)


@pytest.mark.parametrize(("example", "folder"), [(None, "till"), ("shop", "provider")])
def test_a_record_as_the_mapping_tells_of_it_lands_by_it(
    home: Path, factlog: Typed, monkeypatch: pytest.MonkeyPatch, example: str | None, folder: str
) -> None:
    make_project(Path("own").absolute(), example=example)
    monkeypatch.setenv("FACTLOG_PROJECT", str(Path("own").absolute()))
    mapping = Path(f"own/mappings/{folder}.yaml").read_text()
    (record,) = re.findall(r"^#   (\{.*\})$", mapping, re.MULTILINE)
    (home / "inbox" / folder).mkdir(parents=True)
    (home / "inbox" / folder / "records.json").write_text(record)
    code, out, err = factlog("inbox", "--json")
    assert (code, json.loads(out)[0]["accepted"]) == (0, 1), out + err


def test_a_project_is_called_after_its_folder(home: Path, factlog: Typed) -> None:
    code, out, _ = factlog("init", "My Shop-2")
    assert (code, out.splitlines()[0]) == (0, "Made a project in My Shop-2: 21 files.")
    assert "cd 'My Shop-2'" in out
    text = Path("My Shop-2/dbt_project/dbt_project.yml").read_text()
    assert "name: my_shop_2\n" in text
    assert "search_order: [my_shop_2, factlog, dbt]" in text
    assert "my_project" not in text + Path("My Shop-2/README.md").read_text()
    assert factlog("init", "other", "--name", "shop")[0] == 0
    assert "name: shop\n" in Path("other/dbt_project/dbt_project.yml").read_text()


@pytest.mark.parametrize(
    "arguments",
    [
        ["2026"],
        ["factlog"],
        ["größe/ß"],
        ["own", "--name", "Shop"],
        ["own", "--name", "a: {b}\nc"],
        ["own", "--name", "{{ x }}"],
        ["own", "--name", "dbt"],
        ["own", "--name", "x" * 64],
        ["own", "--name", "shop", "--example", "shop"],
        ["own", "--example", "none"],
    ],
)
def test_what_is_no_name_is_said_in_one_line_and_nothing_is_written(
    home: Path, factlog: Typed, arguments: list[str]
) -> None:
    code, out, err = factlog("init", *arguments)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert [*Path().iterdir()] == []


def test_nothing_is_overwritten(home: Path, factlog: Typed) -> None:
    own = Path("own")
    (own / "contracts").mkdir(parents=True)
    (own / "contracts/order.placed.v1.yaml").write_text("mine")
    (own / "notes.md").write_text("mine")
    code, _, err = factlog("init", "own")
    assert (code, err.count("\n")) == (2, 1)
    assert "own/contracts/order.placed.v1.yaml: is there already and is not overwritten" in err
    there = sorted(path.name for path in own.rglob("*") if path.is_file())
    assert there == ["notes.md", "order.placed.v1.yaml"]
    (own / "contracts/order.placed.v1.yaml").unlink()
    assert factlog("init", "own")[0] == 0
    assert (own / "notes.md").read_text() == "mine"
    assert factlog("init", "own/notes.md")[0] == 2


def test_making_a_project_loads_nothing_heavy() -> None:
    heavy = "{'dagster', 'dbt', 'duckdb', 'polars', 'pyarrow'}"
    code = f"import sys, orchestration.command_line.init; print({heavy} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "set()"
