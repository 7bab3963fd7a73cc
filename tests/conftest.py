"""The tiers of the tests: unit, pipeline, browser; the folder is the tier, and the cheapest runs first.

Belongs here: what holds for every test. Not here: fixtures that some share (the plugins).
"""

import signal
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from support.hunting import HUNT

pytest_plugins = [
    "support.command_typing",
    "support.forked_dbt",
    "support.handing_out",
    "support.shared_workshop",
    "support.typed_world",
]
TIERS = {
    "unit": "one function or one module; no process, no server; milliseconds to a second each",
    "pipeline": "several parts together: the command line, dbt, Dagster",
    "browser": "the Dagster UI in a headless Chromium",
}
HERE = Path(__file__).parent

# A shell starts what runs in its background deaf to Ctrl-C, and so would be what tests start and interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# The same tests everywhere and every time; `pytest --hypothesis-profile=explore` looks for new cases instead,
# and `make hunt` for many times as many (`support.hunting`). No deadline and no check of speed: a busy
# machine is no fault of ours. Nothing is inherited: where CI is set in the environment, the profile that
# Hypothesis takes for the default is its own "ci", under which no case is ever new.
ANYWHERE = settings.get_profile("default")
WITHOUT_CLOCKS: dict[str, Any] = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("same", ANYWHERE, derandomize=True, database=None, **WITHOUT_CLOCKS)
settings.register_profile("explore", ANYWHERE, **WITHOUT_CLOCKS)
settings.register_profile(HUNT, ANYWHERE, max_examples=100_000, print_blob=True, **WITHOUT_CLOCKS)
settings.load_profile("same")


def pytest_configure(config: pytest.Config) -> None:
    """Name the tiers, so that `pytest -m unit` works and a misspelt tier is an error."""
    for tier, about in TIERS.items():
        config.addinivalue_line("markers", f"{tier}: {about}")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test with its tier and put the tiers in order; a test outside of a tier is an error."""
    order = list(TIERS)
    for item in items:
        item.add_marker(tier_of(item.path))
    items.sort(key=lambda item: order.index(tier_of(item.path)))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """Begin each test without an instance of Dagster that another closed: definitions would ask that one."""
    if dagster := sys.modules.get("dagster._core.storage.defs_state.base"):
        dagster._current_storage.set(None)


def tier_of(path: Path) -> str:
    """Name the tier of a test file: its folder under tests/."""
    tier = path.relative_to(HERE).parts[0]
    if tier not in TIERS:
        raise pytest.UsageError(
            f"{path}: a test lies in one of {', '.join(f'tests/{name}/' for name in TIERS)}"
        )
    return tier
