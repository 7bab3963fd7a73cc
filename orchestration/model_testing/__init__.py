"""What the tests of a project call: given these events, expect these rows, in whatever order they arrive.

Belongs here: the door; everything is imported from it. Not here: how (`given_events`, `arrivals`).

    from orchestration.model_testing import expect_confluence, given

    EVENTS = Path(__file__).with_name("events.ndjson")

    def test_an_order_costs_what_its_last_event_says() -> None:
        given(EVENTS).expect("sales.orders", [{"order_id": "o3", "amount_minor": 950}])

    def test_the_order_of_arrival_changes_nothing() -> None:
        expect_confluence(EVENTS)
"""

from orchestration.model_testing.arrivals import expect_confluence
from orchestration.model_testing.given_events import Derived, given

__all__ = ["Derived", "expect_confluence", "given"]
