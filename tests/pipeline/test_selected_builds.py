"""Selected builds: what a build leaves out because its inputs are as they were, a whole one would make again.

Belongs here: the property over the example company, where few event types land at a time, and proof that it
fails where an edge of the graph is passed over. Not here: which nodes are chosen (`unit/planning`), and what
a refresh makes of it (`test_selected_refresh`).
"""

import json
import shutil
from copy import deepcopy
from dataclasses import replace
from random import Random

import pytest

from orchestration.dbt.graph import Manifest
from orchestration.json_file import read_json_file
from orchestration.planning.selection import Basis, input_digests
from orchestration.publishing.build_inputs import digest_of_code
from orchestration.settings import Settings
from orchestration.warehouse.outcomes import NOTHING_BUILT
from support.dealing import deal
from support.hunting import examples
from support.workshop import Workshop, differing, land_lines

EXAMPLES = 2
WORLDS, MANY_WORLDS = 30, 250
LANDINGS = 4
SEED = 7
LATE = {"translation.rated", "invoice.paid"}
PROJECT = "translation_company"
EDGES: dict[str, tuple[str, list[str]]] = {
    "none": ("translations", []),
    "from events to a view": ("stg_translation__rated", ["source.{}.events.translation_rated"]),
    "from a view to a view": ("int_invoice_events", ["model.{}.stg_invoice__paid"]),
    "from a view to a fact": ("translations", ["model.{}.stg_translation__rated"]),
    "from a fact to a report": ("quality_per_engine", ["model.{}.translations"]),
    # Either alone brings the other's news as well.
    "from corrections and what is looked up": (
        "compensations",
        ["model.{}.int_corrections", "model.{}.int_amounts"],
    ),
}


def lines_of(seed: int, worlds: int = WORLDS) -> list[str]:
    """Every line of a deal, in the order of their landings."""
    dealt = deal(seed, worlds)
    return [line for number in range(len(dealt.steps)) for line in dealt.landing(number)]


def kind(line: str) -> str:
    """The event type of a line, without its major."""
    return str(json.loads(line)["type"]).rpartition(".")[0]


def built_nodes(settings: Settings) -> set[str]:
    results = read_json_file(settings.dbt_target / "run_results.json", "")["results"]
    return {result["unique_id"] for result in results}


@pytest.mark.parametrize("example", range(examples(EXAMPLES)))
def test_a_selected_build_gives_what_a_whole_one_gives(workshop: Workshop, example: int) -> None:
    seed = Random().randrange(2**31)
    chance, lines, settings = Random(seed), lines_of(seed), workshop.new_home()
    kinds = sorted({*map(kind, lines)})
    chance.shuffle(kinds)
    built = []
    for number in range(LANDINGS):
        land_lines(settings, [line for line in lines if kind(line) in kinds[number::LANDINGS]])
        workshop.build(settings)
        built.append(built_nodes(settings))
    assert differing(workshop.marts, settings, workshop.from_nothing(settings)) == {}, f"lines_of({seed})"
    assert any(len(nodes) < len(max(built, key=len)) for nodes in built)


@pytest.fixture(scope="module")
def late(workshop: Workshop) -> tuple[Settings, Settings]:
    """Events of a few types that land once all others are derived, and what is right when they are, too."""
    settings, lines = workshop.new_home(), lines_of(SEED, MANY_WORLDS)
    land_lines(settings, [line for line in lines if kind(line) not in LATE])
    workshop.build(settings)
    land_lines(settings, [line for line in lines if kind(line) in LATE])
    return settings, workshop.from_nothing(settings)


@pytest.mark.parametrize("edge", EDGES)
def test_an_edge_that_is_passed_over_is_found(
    workshop: Workshop, late: tuple[Settings, Settings], edge: str
) -> None:
    settings, right = late
    built = workshop.beside(settings, edge.replace(" ", "-"), like=settings)
    shutil.copytree(settings.dbt_target, built.dbt_target)
    graph, archive, code = without(workshop.graph, EDGES[edge]), built.open_archive(), digest_of_code(built)
    inputs = input_digests(graph, archive.contracts, archive.log.commits(1), code)
    workshop.build(built, basis=Basis(graph, code, replace(NOTHING_BUILT, inputs=inputs)))
    assert bool(differing(workshop.marts, built, right)) == (edge != "none")


def without(manifest: Manifest, edges: tuple[str, list[str]]) -> Manifest:
    """The same graph, in which a node does not read some others."""
    graph = deepcopy(manifest)
    name, read = edges
    nodes = graph["nodes"][f"model.{PROJECT}.{name}"]["depends_on"]["nodes"]
    for other in read:
        nodes.remove(other.format(PROJECT))
    return graph
