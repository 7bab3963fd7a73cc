"""The tiers of the tests: unit, pipeline, browser; the folder is the tier, and the cheapest runs first.

Belongs here: what holds for every test. Not here: fixtures that some share (the plugins).
"""

from pathlib import Path

import pytest
from hypothesis import settings

pytest_plugins = ["support.command_typing", "support.shared_workshop", "support.typed_world"]
TIERS = {
    "unit": "one function or one module; no process, no server; milliseconds to a second each",
    "pipeline": "several parts together: the command line, dbt, Dagster",
    "browser": "the Dagster UI in a headless Chromium",
}
HERE = Path(__file__).parent

# The same tests everywhere and every time; `pytest --hypothesis-profile=explore` looks for new cases instead.
# No deadline: a busy machine is no fault of the product.
settings.register_profile("same", derandomize=True, deadline=None)
settings.register_profile("explore", deadline=None)
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


def tier_of(path: Path) -> str:
    """Name the tier of a test file: its folder under tests/."""
    tier = path.relative_to(HERE).parts[0]
    if tier not in TIERS:
        raise pytest.UsageError(
            f"{path}: a test lies in one of {', '.join(f'tests/{name}/' for name in TIERS)}"
        )
    return tier
