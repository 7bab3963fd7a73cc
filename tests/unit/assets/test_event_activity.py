"""What the log says of event types: given days and rows, expect what is odd, and a picture of them."""

import re
from datetime import date, timedelta
from xml.etree import ElementTree

from orchestration.assets.event_activity import Activity, is_overdue, odd_volume
from orchestration.assets.event_pictures import picture

NEWEST = date(2026, 3, 10)  # a Tuesday, which may not be over: Monday is judged


def weekly(now: int, *before: int) -> Activity:
    """The events of Monday, and of the Mondays before it."""
    monday = NEWEST - timedelta(days=1)
    return Activity({monday - timedelta(weeks=weeks): rows for weeks, rows in enumerate((now, *before))})


def test_a_day_is_compared_with_the_same_weekday() -> None:
    assert odd_volume(weekly(100, 110, 90, 100, 100), NEWEST) == (
        False,
        "Monday 2026-03-09: 100 events, where 4 weeks before had 100 on average",
        {"events": 100, "weeks before": 100},
    )
    assert odd_volume(weekly(49, 110, 90, 100, 100), NEWEST)[0]
    assert odd_volume(weekly(201, 110, 90, 100, 100), NEWEST)[0]
    assert odd_volume(weekly(0, 110, 90, 100, 100), NEWEST)[0]


def test_few_events_or_few_weeks_are_no_measure() -> None:
    assert not odd_volume(weekly(0, 19, 19, 19, 19), NEWEST)[0]
    assert not odd_volume(weekly(1000, 100), NEWEST)[0]
    assert not odd_volume(Activity(), NEWEST)[0]


def test_a_type_is_overdue_by_its_own_pauses_and_the_time_of_the_data() -> None:
    days = [date(2026, 1, 1), date(2026, 1, 8), date(2026, 1, 15)]
    activity = Activity(dict.fromkeys(days, 1))
    assert not is_overdue(activity, date(2026, 1, 29))[0]
    overdue, said, numbers = is_overdue(activity, date(2026, 1, 30))
    assert overdue
    assert numbers == {"days silent": 15, "longest pause": 7}
    assert "15 day(s) before the newest of all types (2026-01-30); the longest pause was 7 day(s)" in said
    assert not is_overdue(Activity(dict.fromkeys(days[:2], 1)), date(2027, 1, 1))[0], "too little is known"


def test_each_judgement_has_a_number_that_dagster_plots() -> None:
    for activity in (Activity(), weekly(7), weekly(1000, 100, 90)):
        for judge in (odd_volume, is_overdue):
            _, _, numbers = judge(activity, NEWEST)
            assert numbers
            assert all(isinstance(number, int | float) for number in numbers.values())


def test_a_picture_is_whole_whatever_the_numbers_are() -> None:
    for by_day, by_lateness in [({}, {}), ({NEWEST: 7, date(2000, 1, 1): 3}, {0: 5, 1: 2, 400: 3})]:
        svg = picture(by_day, by_lateness, NEWEST)
        ElementTree.fromstring(svg)
        bars = re.findall(r"M[0-9.]+ ", svg)
        assert len(bars) == (3 if by_day else 0), "a day, and two groups of lateness"
