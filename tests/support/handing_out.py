"""How `pytest -n 2 --dist loadfile` hands tests out: whole files from both ends, and long tests singly.

Belongs here: the order, and which tests are handed out by themselves. Not here: the tiers (`conftest`).

Tests of a file share what it makes, so they go to one process. The first process takes the cheapest file
that is left and every other the dearest: what is cheap fails within a minute, what is long does not begin
last, and all processes end at about the same time.
"""

from collections.abc import Mapping

import pytest
from xdist.scheduler.loadscope import LoadScopeScheduling
from xdist.workermanage import WorkerController

SINGLY = ("tests/pipeline/test_confluence.py::test_however_events_arrive_the_marts_are_the_same",)
"""Tests of many cases, of which each is long and needs nothing that its file makes."""


def part_of(test: str) -> str:
    """Name what a test is handed out with: its file, or the test alone."""
    return test if test.startswith(SINGLY) else test.partition("::")[0]


class FromBothEnds(LoadScopeScheduling):  # type: ignore[misc]
    """Hands out whole files in the order in which they were collected, from both of its ends."""

    def _split_scope(self, nodeid: str) -> str:
        return part_of(nodeid)

    def _assign_work_unit(self, node: WorkerController) -> None:
        if node is not self.nodes[0]:
            self.workqueue.move_to_end(next(reversed(self.workqueue)), last=False)
        super()._assign_work_unit(node)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> FromBothEnds | None:
    """Take the place of `--dist loadfile`."""
    options: Mapping[str, object] = vars(config.option)
    if options.get("dist") != "loadfile":
        return None
    config.option.loadscopereorder = False  # the order is that of the tiers
    return FromBothEnds(config, log)
