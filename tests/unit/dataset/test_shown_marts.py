"""The names of marts without their schemas: given marts, expect names that are never those of another."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestration.dataset.shown_marts import shown_names

NAMES = st.sampled_from(["a", "A", "b", "a_b", "b_a", "main", "a_a", "a_b_a"])
MARTS = st.sets(st.builds("{}.{}".format, NAMES, NAMES), max_size=8).filter(
    lambda marts: len({mart.lower() for mart in marts}) == len(marts)
)


@pytest.mark.parametrize(
    ("marts", "names"),
    [
        (["billing.invoices", "analytics.quality"], {"invoices", "quality"}),
        (["billing.invoices", "shop.invoices"], {"billing_invoices", "shop_invoices"}),
        (["billing.Invoices", "shop.invoices"], {"billing_Invoices", "shop_invoices"}),
        (["main.invoices", "shop.invoices"], {"invoices", "shop_invoices"}),
        # What would be called billing_invoices has that name already, in another schema.
        (["billing.invoices", "shop.invoices", "x.billing_invoices"], {"billing_invoices", "shop_invoices"}),
    ],
)
def test_a_mart_has_its_own_name_or_that_of_its_schema_too(marts: list[str], names: set[str]) -> None:
    shown = shown_names(marts)
    assert set(shown.values()) == names
    assert shown.get("x.billing_invoices", "billing_invoices") == "billing_invoices"


@given(MARTS)
def test_no_name_is_that_of_two_marts_nor_of_another_mart(marts: set[str]) -> None:
    shown = shown_names(marts)
    lower = [name.lower() for name in shown.values()]
    assert len(lower) == len(set(lower))
    in_main = {mart.split(".", 1)[1].lower(): mart for mart in marts if mart.lower().startswith("main.")}
    for mart, name in shown.items():
        assert name in (mart.split(".", 1)[1], mart.replace(".", "_", 1))
        assert in_main.get(name.lower(), mart) == mart
    bare = [mart.split(".", 1)[1].lower() for mart in marts]
    assert all(mart in shown for mart in marts if bare.count(mart.split(".", 1)[1].lower()) == 1)
