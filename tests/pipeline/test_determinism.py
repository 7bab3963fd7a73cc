"""Determinism: the same log prefix and the same code give the same digest of every table.

Belongs here: what must not make a difference, such as the machine's cores, the folder, and where in a file an
event lies. Not here: the order in which events arrive (`test_confluence`).
"""

from collections.abc import Mapping
from pathlib import Path
from shutil import copytree
from typing import Any

import yaml

from examples.company.scenario import Scenario
from examples.company.simulation import simulate
from orchestration.settings import PROJECT, Settings
from support.dealing import LANDINGS, deal
from support.workshop import Workshop, land_lines, states

SCENARIO = Scenario(days=40, customers=12, editors=6, requests_per_day=30)


def landings() -> list[list[str]]:
    """The company's events in order of time, with many that correct each other in between."""
    lines, dealt = [event.line.decode() for event in simulate(SCENARIO)], deal(1, 200)
    each = len(lines) // LANDINGS + 1
    return [lines[number * each :][:each] + dealt.landing(number) for number in range(LANDINGS)]


def profile(folder: Path, *, threads: int, duckdb: Mapping[str, Any]) -> Path:
    """The project's profile, with so many threads of dbt and these options of DuckDB."""
    content = yaml.safe_load((PROJECT / "dbt_project" / "profiles.yml").read_text())
    content["factlog"]["outputs"]["warehouse"] |= {"threads": threads, "config_options": dict(duckdb)}
    folder.mkdir()
    (folder / "profiles.yml").write_text(yaml.safe_dump(content))
    return folder


def test_neither_cores_nor_folders_nor_the_order_within_a_file_make_a_difference(
    workshop: Workshop, tmp_path: Path
) -> None:
    forwards, backwards = workshop.new_home(), workshop.new_home()
    for lines in landings():
        land_lines(forwards, lines)
        land_lines(backwards, lines[::-1])
    elsewhere = Settings(home=tmp_path / "another's home")
    copytree(forwards.home, elsewhere.home)

    alone = profile(tmp_path / "alone", threads=1, duckdb={"threads": 1})
    many = profile(tmp_path / "many", threads=4, duckdb={"threads": 4, "preserve_insertion_order": False})
    workshop.build(forwards, from_nothing=True, profiles=alone)
    workshop.build(elsewhere, from_nothing=True, profiles=many)
    workshop.build(backwards, from_nothing=True)

    expected = states(forwards)
    assert set(expected) == workshop.marts
    assert [table for table, state in expected.items() if not state.rows] == []
    assert states(elsewhere) == expected
    assert states(backwards) == expected
