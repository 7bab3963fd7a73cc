"""What several files of the pipeline's tests share and is dear to make.

Belongs here: that fixture; it is no `conftest.py`, because mypy takes one module of a name. Not here: what
holds for all tests (`conftest`).
"""

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from support.workshop import Workshop


@pytest.fixture(scope="session")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> "Workshop":
    """Where deals are played; dbt is imported by those alone who need it."""
    from support.workshop import Workshop

    return Workshop(tmp_path_factory.mktemp("workshop"))
