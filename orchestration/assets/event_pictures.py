"""A small picture of an event type: how many events came per day, and how late they were.

Belongs here: drawing it, from numbers alone. Not here: the numbers (`event_activity`), and where it is shown.
"""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

DAYS_SHOWN = 90
LATE_GROUPS = (("1", 1, 1), ("2-7", 2, 7), ("8-30", 8, 30), (">30", 31, 1 << 30))
"""The groups of the histogram: how many days late, from and to."""
WIDTH, HEIGHT, TOP, BOTTOM, LATE_FROM, LATE_WIDTH = 640, 96, 16, 78, 440, 46
EVENTS, LATE, INK = "#4f43dd", "#d97706", "#6b7280"


def picture(by_day: Mapping[date, int], by_lateness: Mapping[int, int], newest: date) -> str:
    """The picture as SVG: bars of the last days up to the newest of the log, and a histogram of lateness."""
    days = [newest - timedelta(days=ago) for ago in reversed(range(DAYS_SHOWN))]
    counts = [by_day.get(day, 0) for day in days]
    late = [
        sum(rows for days_late, rows in by_lateness.items() if least <= days_late <= most)
        for _, least, most in LATE_GROUPS
    ]
    words = [
        label(0, 10, f"events per day, at most {max(counts):,}"),
        label(0, HEIGHT - 4, days[0].isoformat()),
        label(LATE_FROM - 24, HEIGHT - 4, days[-1].isoformat(), "end"),
        label(LATE_FROM, 10, f"days late: {sum(late):,} of {sum(by_lateness.values()):,} events"),
        *(
            label(LATE_FROM + place * LATE_WIDTH + 17, HEIGHT - 4, name, "middle")
            for place, (name, _, _) in enumerate(LATE_GROUPS)
        ),
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" '
        f'font-family="sans-serif" font-size="10" fill="{INK}">'
        f'<path fill="{EVENTS}" d="{bars(counts, 0, (LATE_FROM - 24) / DAYS_SHOWN)}"/>'
        f'<path fill="{LATE}" d="{bars(late, LATE_FROM, LATE_WIDTH)}"/>{"".join(words)}</svg>'
    )


def bars(counts: Sequence[int], left: float, width: float) -> str:
    """Bars of counts as a path; the highest fills the room, and none that counts is invisible."""
    highest = max([1, *counts])
    drawn = []
    for place, count in enumerate(counts):
        height = max(1.0, (BOTTOM - TOP) * count / highest) if count else 0.0
        if height:
            at, wide = left + place * width, width * 0.75
            drawn.append(f"M{at:.1f} {BOTTOM}v-{height:.1f}h{wide:.1f}v{height:.1f}z")
    return "".join(drawn)


def label(left: float, top: float, words: str, anchor: str = "start") -> str:
    """A few words of numbers and dates."""
    escaped = words.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return f'<text x="{left:.0f}" y="{top:.0f}" text-anchor="{anchor}">{escaped}</text>'
