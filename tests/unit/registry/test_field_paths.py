"""Paths of fields: which objects and lists a field is in."""

import pytest

from event_archive.registry.field_paths import dotted, joined, parents

PARENTS: dict[str, set[str]] = {
    "customer_id": set(),
    "address.street": {"address"},
    "a.b.c": {"a", "a.b"},
    "lines[].sku": {"lines", "lines[]"},
    "lines[].tags[].name": {"lines", "lines[]", "lines[].tags", "lines[].tags[]"},
    "lines[]": {"lines"},
    "[].sku": {"[]"},
}


@pytest.mark.parametrize("path", PARENTS)
def test_a_field_is_in_every_object_and_list_on_its_path(path: str) -> None:
    assert parents(path) == PARENTS[path]


def test_a_path_is_put_together_from_names() -> None:
    assert joined("", "a") == "a"
    assert joined("lines[]", "sku") == "lines[].sku"
    assert dotted(["lines", 1, "sku"]) == "lines[1].sku"
