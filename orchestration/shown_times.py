"""How a moment is shown to a person: in the zone that the project names.

Belongs here: that one text. Not here: which zone it is (`settings`), and what programs read: JSON, CSV and
everything that is stored or derived is in UTC.
"""

from datetime import UTC, datetime, tzinfo


def format_time(value: datetime, zone: tzinfo = UTC) -> str:
    """Return a moment in a zone, to the second where there is no fraction; outside of UTC with its offset.

    So a time without an offset is in UTC, whatever the project says, and no moment reads like another. What
    has no zone is no moment, and stays as it is.
    """
    if value.tzinfo is None:
        return value.isoformat(sep=" ")
    try:
        shown = value.astimezone(zone)
    except OverflowError:  # at the ends of the calendar, where only UTC has such a day
        shown, zone = value.astimezone(UTC), UTC
    text = shown.isoformat(sep=" ")
    return text.removesuffix("+00:00") if str(zone) == "UTC" else text
