"""How moments are shown: in the zone of the project, and never so that one reads like another."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestration.shown_times import format_time

BERLIN, LONDON = ZoneInfo("Europe/Berlin"), ZoneInfo("Europe/London")


@pytest.mark.parametrize(
    ("zone", "moment", "shown"),
    [
        (ZoneInfo("UTC"), datetime(2026, 1, 2, 12, tzinfo=UTC), "2026-01-02 12:00:00"),
        (UTC, datetime(2026, 1, 2, 12, 0, 0, 250_000, tzinfo=UTC), "2026-01-02 12:00:00.250000"),
        (BERLIN, datetime(2026, 1, 2, 23, 30, tzinfo=UTC), "2026-01-03 00:30:00+01:00"),
        # The hour that comes twice when summer time ends.
        (BERLIN, datetime(2026, 10, 25, 0, 30, tzinfo=UTC), "2026-10-25 02:30:00+02:00"),
        (BERLIN, datetime(2026, 10, 25, 1, 30, tzinfo=UTC), "2026-10-25 02:30:00+01:00"),
        # Outside of UTC the offset is said also where it is none.
        (LONDON, datetime(2026, 1, 2, 12, tzinfo=UTC), "2026-01-02 12:00:00+00:00"),
        # What is no moment in any zone stays as it is.
        (BERLIN, datetime(2026, 1, 2, 12), "2026-01-02 12:00:00"),
        (BERLIN, datetime.max.replace(tzinfo=UTC), "9999-12-31 23:59:59.999999"),
    ],
)
def test_a_moment_in_a_zone(zone: ZoneInfo, moment: datetime, shown: str) -> None:
    assert format_time(moment, zone) == shown


@given(st.datetimes(timezones=st.just(UTC)), st.sampled_from([UTC, BERLIN, LONDON, ZoneInfo("Asia/Tokyo")]))
def test_what_is_shown_is_that_moment(moment: datetime, zone: ZoneInfo) -> None:
    """Without an offset it is in UTC, as the options of the command line read it."""
    read = datetime.fromisoformat(format_time(moment, zone))
    assert (read if read.tzinfo else read.replace(tzinfo=UTC)) == moment
