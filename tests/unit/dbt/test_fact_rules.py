"""What a fact may read: given a manifest of dbt, expect nothing, or one line with what to write instead."""

from typing import Any

import pytest

from event_archive import UnusableInput
from orchestration.dbt.fact_rules import check_facts

CONFIG = {"materialized": "fact", "key": "invoice_id", "events": "stg_line__sold"}


def model(name: str, *reads: str, sql: str = "select 1", **config: object) -> dict[str, Any]:
    """A model of dbt's graph; a view where nothing else is said."""
    return {
        "resource_type": "model",
        "name": name,
        "schema": "shop",
        "alias": name,
        "original_file_path": f"models/{name}.sql",
        "raw_code": sql,
        "config": {"materialized": "view"} | config,
        "depends_on": {"nodes": list(reads), "macros": []},
    }


def seed(name: str) -> dict[str, Any]:
    """A seed of dbt's graph."""
    return {
        "resource_type": "seed",
        "name": name,
        "config": {"materialized": "seed"},
        "depends_on": {"macros": []},
    }


SOLD, PAID = "source.shop.events.line_sold", "source.shop.events.invoice_paid"
STAGING = {
    "model.shop.stg_line__sold": model("stg_line__sold", SOLD),
    "model.shop.stg_invoice__paid": model("stg_invoice__paid", PAID),
    "seed.shop.tax_rates": seed("tax_rates"),
}
LINES, PAYMENTS, RATES = STAGING


def manifest(*nodes: dict[str, Any], fact: dict[str, Any] | None = None) -> dict[str, Any]:
    """Two event types with staging models, a seed, a fact, and whatever else is given."""
    fact = fact or model("invoices", LINES, **CONFIG)
    return {
        "sources": {
            SOLD: {"resource_type": "source", "schema": "events", "identifier": "line_sold"},
            PAID: {"resource_type": "source", "schema": "events", "identifier": "invoice_paid"},
            "source.shop.crm.accounts": {
                "resource_type": "source",
                "name": "accounts",
                "schema": "crm",
                "identifier": "accounts",
            },
        },
        "macros": {},
        "nodes": STAGING | {f"model.shop.{node['name']}": node for node in (*nodes, fact)},
    }


def fact(*reads: str, sql: str = "select 1", **config: object) -> dict[str, Any]:
    """The fact `invoices`."""
    return model("invoices", *reads, sql=sql, **CONFIG | config)


BOTH = ["stg_line__sold", "stg_invoice__paid"]
UNION = model("int_lines", LINES, PAYMENTS, sql="from a union all by name from b -- no join")
RIGHT: dict[str, dict[str, Any]] = {
    "events of a staging model": manifest(),
    "a composite key": manifest(fact=fact(LINES, key=["invoice_id", "line_number"])),
    "events of a source": manifest(fact=fact(SOLD, events="events.line_sold")),
    "several relations of events": manifest(fact=fact(LINES, PAYMENTS, events=BOTH)),
    "a view over views, put one under the other": manifest(
        UNION, fact=fact("model.shop.int_lines", events="int_lines")
    ),
    "a seed beside": manifest(fact=fact(LINES, RATES)),
    "a view over a seed": manifest(model("rates", RATES), fact=fact(LINES, "model.shop.rates")),
    "an ephemeral model over a seed": manifest(
        model("rates", RATES, materialized="ephemeral"), fact=fact(LINES, "model.shop.rates")
    ),
    "lookups": manifest(fact=fact(LINES, PAYMENTS, lookups="stg_invoice__paid")),
    "a word in a comment": manifest(fact=fact(LINES, sql="-- is_incremental() is not for facts\nselect 1")),
    "a report reads facts": manifest(model("report", "model.shop.invoices", materialized="table")),
}


@pytest.mark.parametrize("case", RIGHT)
def test_a_fact_may_read(case: str) -> None:
    check_facts(RIGHT[case])


JOINED = model("int_paid_lines", LINES, PAYMENTS, sql="from a join b using (invoice_id)")
WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "dbt's incremental": (
        manifest(model("sales", LINES, materialized="incremental", unique_key="invoice_id")),
        'models/sales.sql: materialized="incremental" loses what is corrected or comes late; write '
        'config(materialized="fact", key="invoice_id", events="stg_line__sold"), read '
        "{{ factlog.events() }}, and leave is_incremental() out",
    ),
    "dbt's incremental of several": (
        manifest(model("sales", LINES, PAID, materialized="incremental", unique_key=["a", "b"])),
        'config(materialized="fact", key=["a", "b"], events=["stg_line__sold", "events.invoice_paid"])',
    ),
    "no key": (manifest(fact=fact(LINES, key=None)), "models/invoices.sql: a fact declares key"),
    "no events": (manifest(fact=fact(LINES, events=None)), "models/invoices.sql: a fact declares events"),
    "logic of its own": (
        manifest(fact=fact(LINES, sql="{% if is_incremental() %} where true {% endif %}")),
        "leave is_incremental() and its condition out",
    ),
    "events that it never reads": (
        manifest(fact=fact(LINES, events=["stg_line__sold", "stg_invoice__paid"])),
        "its events are of stg_invoice__paid, which it never reads",
    ),
    "events of what has none": (
        manifest(model("rates", RATES), fact=fact("model.shop.rates", events="rates")),
        "its events are of rates, which reads no event",
    ),
    "events of an ephemeral model": (
        manifest(
            model("int_lines", LINES, materialized="ephemeral"),
            fact=fact("model.shop.int_lines", events="int_lines"),
        ),
        "its events are of int_lines, which is ephemeral and so no relation; make it a view",
    ),
    "events through a table": (
        manifest(
            model("int_lines", LINES, materialized="table"),
            model("int_again", "model.shop.int_lines"),
            fact=fact("model.shop.int_again", events="int_again"),
        ),
        "its events come through int_lines, a table; a fact sees what a correction touches through views",
    ),
    "events through a join of events": (
        manifest(JOINED, fact=fact("model.shop.int_paid_lines", events="int_paid_lines")),
        "its events come through int_paid_lines, which joins events with events",
    ),
    "events beside its events": (
        manifest(fact=fact(LINES, PAYMENTS)),
        "it reads stg_invoice__paid, whose events don't say which keys to derive: name it in events",
    ),
    "another fact": (
        manifest(
            model("payments", PAYMENTS, **CONFIG | {"events": "stg_invoice__paid"}),
            fact=fact(LINES, "model.shop.payments"),
        ),
        "it reads payments, a fact, which may have seen other commits; a fact reads events only",
    ),
    "a table without events": (
        manifest(model("rates", RATES, materialized="table"), fact=fact(LINES, "model.shop.rates")),
        "it reads rates, a table, which may change without an event; make it a seed or a view",
    ),
    "a source of somebody else": (
        manifest(fact=fact(LINES, "source.shop.crm.accounts")),
        "it reads accounts, which may change without an event; make it a seed, or events",
    ),
    "lookups that it never reads": (
        manifest(fact=fact(LINES, lookups="stg_invoice__paid")),
        "its lookups name stg_invoice__paid, which it never reads; leave it out",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_fact_may_not_read_and_says_in_one_line_what_to_write(case: str) -> None:
    wrong, said = WRONG[case]
    with pytest.raises(UnusableInput) as raised:
        check_facts(wrong)
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)
