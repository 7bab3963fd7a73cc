"""The rival of the benchmarks makes the same tables as the models: what is compared is the same work.

Belongs here: that script over a small company. Not here: how fast anything is (`benchmarks`).
"""

from pathlib import Path

from benchmarks.replaying import build_by_hand, same_rows
from examples.company.scenario import Scenario
from examples.company.simulation import simulate
from support.workshop import Workshop, land_lines

SCENARIO = Scenario.sized(days=90, scale=0.1)


def test_the_script_by_hand_makes_the_tables_of_the_models(workshop: Workshop, tmp_path: Path) -> None:
    home = workshop.new_home()
    land_lines(home, [event.line.decode() for event in simulate(SCENARIO)])
    workshop.build(home, from_nothing=True)
    rival = tmp_path / "by-hand.duckdb"
    build_by_hand(str(home.home), str(rival))
    same_rows(home.warehouse, rival)
