"""The events of a type as a Polars frame: given landings, expect what the view shows.

Belongs here: which rows and types a frame has, over which cuts, and which files are opened for it. Not here:
which events stand (`test_corrections`).
"""

import json
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from event_archive import Archive, UnusableInput, create_views, open_archive, scan
from event_archive.engine import open_engine
from support.drafts import DRAFTS, FIRST, MOMENTS, UNIQUE, Draft, at, land_drafts, two_majors
from support.events import (
    WEIGHED,
    WEIGHED_DATA,
    Event,
    contract_file,
    contracts_in,
    land_bytes,
    lines,
    new_archive,
    weighed,
)
from support.hunting import examples

DAY = timedelta(days=1)
OTHER = "7c9e6679-7425-40de-944b-e07fc1f90ae7"


def read_by_sql(
    archive: Archive, view: str, cut: int | None = None, as_of: datetime | None = None
) -> pl.DataFrame:
    with closing(open_engine()) as connection:
        create_views(connection, archive, cut, as_of)
        return in_order(connection.sql(f"FROM events.{view}").pl())


def in_order(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.sort("source", "event_id")


event_date, occurred_at = pl.col("event_date"), pl.col("occurred_at")
CONDITIONS = st.one_of(
    st.just(pl.lit(True)),
    MOMENTS.map(lambda moment: moment.date() == event_date),
    MOMENTS.map(lambda moment: pl.col("event_date").is_in([moment.date(), date(2026, 1, 2)])),
    MOMENTS.map(lambda moment: moment.date() < occurred_at.dt.date()),
    MOMENTS.map(lambda moment: moment >= occurred_at),
    st.tuples(MOMENTS, MOMENTS).map(lambda pair: occurred_at.is_between(*pair, closed="left")),
    MOMENTS.map(lambda moment: (moment == occurred_at) | (event_date == date(2026, 1, 3))),
    st.integers(0, 4).map(lambda sequence: pl.col("sequence") <= sequence),
    st.integers(0, 20).map(lambda grams: pl.col("data").struct.field("grams") < grams),
)


@settings(max_examples=examples(25), phases=[Phase.generate])  # each lands files: shrinking takes minutes
@given(drafts=DRAFTS, cut=st.integers(0, 3), as_of=st.none() | MOMENTS, condition=CONDITIONS, of_day=MOMENTS)
def test_a_frame_holds_what_is_in_effect_of_the_view_over_any_cut(
    tmp_path_factory: pytest.TempPathFactory,
    drafts: list[Draft],
    cut: int,
    as_of: datetime | None,
    condition: pl.Expr,
    of_day: datetime,
) -> None:
    archive = two_majors(tmp_path_factory.mktemp("scan"))
    land_drafts(archive, drafts)
    known_at = min(cut, len(archive.log.commits()))
    for view, name in (("parcel_weighed", "parcel.weighed"), ("parcel_lost", "parcel.lost")):
        expected = read_by_sql(archive, view, known_at, as_of)
        if "grams" not in str(condition) or name == "parcel.weighed":
            frame = scan(archive, name, known_at=known_at, as_of=as_of)
            assert_frame_equal(in_order(frame.collect()), expected)
            assert_frame_equal(in_order(frame.filter(condition).collect()), expected.filter(condition))
        frame = scan(archive, name, days=of_day.date(), known_at=known_at, as_of=as_of)
        assert_frame_equal(in_order(frame.collect()), expected.filter(of_day.date() == event_date))


def test_every_kind_of_value_is_as_the_view_has_it(tmp_path: Path) -> None:
    archive = new_archive(tmp_path)
    data = {
        "due_at": "2026-02-03T04:05:06.123456+05:00",
        "kind": "box",
        "price": "12345678901234567890.0000000001",
        "fee": 1.25,
        "ratio": 0.1,
        "is_fragile": True,
        "sent_date": "2026-02-01",
        "tracking_id": UNIQUE.upper(),
        "address": {"street": "Gasse", "floor": 3},
        "tags": ["a", "b"],
        "pieces": [{"name": "lid", "count": 2}, {"name": "box"}],
        "remarks": {"any": [1, None]},
        "unnamed": 1.50,
    }
    optional: Event = {"correlationid": "c", "causationid": "d", "objectversion": 7, "other": "x"}
    land_bytes(archive, lines([weighed(1), weighed(2, data=data, **optional)]))
    frame = in_order(scan(archive, "parcel.weighed").collect())
    assert_frame_equal(frame, read_by_sql(archive, "parcel_weighed"))
    assert frame["data"].struct.field("tracking_id").to_list() == [None, UNIQUE]


def test_uuids_are_text_wherever_they_are(tmp_path: Path) -> None:
    unique = {"type": "string", "format": "uuid"}
    inner = {"type": "object", "properties": {"id": unique, "n": {"type": "integer"}}}
    ids, pieces = ({"type": "array", "items": items} for items in (unique, inner))
    named = {"ids": ids, "inner": inner, "list": pieces, "*": unique, "^n.*$": unique}
    shape = {"type": "object", "properties": named}
    archive = Archive(
        tmp_path / "archive", contracts_in(tmp_path / "c", contract_file(WEIGHED, shape)), may_create=True
    )
    filled: Event = {
        "ids": [UNIQUE, OTHER],
        "inner": {"id": UNIQUE, "n": 1},
        "list": [{"id": OTHER}, {"n": 2}],
    }
    data: list[Event] = [{}, filled | {"*": UNIQUE, "^n.*$": OTHER}, {"ids": [], "inner": {}, "list": []}]
    land_bytes(archive, lines([weighed(n) | {"data": content} for n, content in enumerate(data)]))
    frame = in_order(scan(archive, "parcel.weighed").collect())
    assert frame.height == len(data)
    assert_frame_equal(frame, read_by_sql(archive, "parcel_weighed"))


def test_what_an_older_revision_wrote_has_the_fields_of_the_newest(tmp_path: Path) -> None:
    archive = new_archive(tmp_path)
    land_bytes(archive, lines([weighed(1)]))
    newer = json.loads(json.dumps(contract_file(WEIGHED, WEIGHED_DATA, revision=2)))
    newer["data"]["properties"]["colour"] = {"type": "string"}
    archive = open_archive(archive.root, contracts_in(tmp_path / "contracts", newer))
    land_bytes(archive, lines([weighed(2, data={"colour": "red"})]))
    frame = in_order(scan(archive, "parcel.weighed").collect())
    assert frame["data"].struct.field("colour").to_list() == [None, "red"]
    assert_frame_equal(frame, read_by_sql(archive, "parcel_weighed"))


def test_without_events_a_frame_has_its_columns(tmp_path: Path) -> None:
    archive = new_archive(tmp_path)
    frame = scan(archive, "parcel.weighed")
    assert frame.collect().is_empty()
    assert_frame_equal(frame.collect(), read_by_sql(archive, "parcel_weighed"))
    land_bytes(archive, lines([weighed(1)]))
    assert frame.collect().is_empty(), "what lands later is not in a frame that was made before"
    assert scan(archive, "parcel.weighed", known_at=0).collect().is_empty()
    assert scan(archive, "parcel.lost").select("event_id").collect().is_empty()


def test_a_correction_is_read_with_the_day_that_it_mends(tmp_path: Path) -> None:
    archive = new_archive(tmp_path)
    third, fifth = date(2026, 1, 3), date(2026, 1, 5)
    land_bytes(archive, lines([weighed(2), weighed(4)]))
    mended = weighed(9, time="2026-01-05T12:00:00Z", object="parcel/2", corrects="event-2")
    land_bytes(archive, lines([mended, weighed(10, object="parcel/4", voids="event-4")]))
    on_third = scan(archive, "parcel.weighed", days=third).collect()
    assert on_third["event_id"].to_list() == ["event-9"]
    assert on_third["occurred_at"].to_list() == [datetime(2026, 1, 3, 9, 14, 7, 250000, UTC)]
    assert scan(archive, "parcel.weighed", days=fifth).collect().is_empty()
    assert scan(archive, "parcel.weighed").filter(third == event_date).collect().height == 1
    before = scan(archive, "parcel.weighed", known_at=1).collect()
    assert sorted(before["event_id"]) == ["event-2", "event-4"]
    assert scan(archive, "parcel.weighed", as_of=datetime(2026, 1, 5, tzinfo=UTC)).collect()[
        "event_id"
    ].to_list() == ["event-2"]


DAYS = 40


@pytest.fixture(scope="module")
def daily(tmp_path_factory: pytest.TempPathFactory) -> Archive:
    """A landing of two events of each of forty days, in a folder with a name that looks like a pattern."""
    archive = new_archive(tmp_path_factory.mktemp("daily [a-z]*"))
    for day in range(DAYS):
        start = FIRST + day * DAY
        morning = weighed(day, time=at(start + timedelta(hours=day % 12)))
        evening = weighed(day + DAYS, time=at(start + timedelta(hours=23)))
        land_bytes(archive, lines([morning, evening]), f"{day}.ndjson")
    return archive


@contextmanager
def without_segments(archive: Archive, but: set[int]) -> Iterator[None]:
    """Take the segments of all landings away, but for these."""
    commits = [commit for commit in archive.log.commits() if commit.sequence not in but]
    paths = [Path(archive.storage.location(commit.segments[0].path)) for commit in commits]
    for path in paths:
        path.rename(path.with_suffix(".away"))
    try:
        yield
    finally:
        for path in paths:
            path.with_suffix(".away").rename(path)


TENTH = date(2026, 1, 10)
NOON = datetime(2026, 1, 10, 12, tzinfo=UTC)
Question = Callable[[pl.LazyFrame], pl.LazyFrame]


def of_commit(archive: Archive, sequence: int) -> datetime:
    return archive.log.commits()[sequence - 1].landed_at


@pytest.mark.parametrize(
    ("question", "opened"),
    [
        (lambda events: events.filter(event_date == TENTH), {10}),
        (lambda events: events.filter(event_date=TENTH), {10}),
        (lambda events: events.filter(event_date.is_in([TENTH, date(2026, 2, 1)])), {10, 32}),
        (lambda events: events.filter((event_date == TENTH) | (event_date == TENTH + 2 * DAY)), {10, 12}),
        (lambda events: events.filter(event_date.dt.weekday() == 1, event_date < date(2026, 1, 15)), {5, 12}),
        (lambda events: events.filter(occurred_at >= NOON - 3 * DAY, occurred_at < NOON), {7, 8, 9, 10}),
        (lambda events: events.filter(occurred_at > NOON, occurred_at <= NOON + 2 * DAY), {10, 11, 12}),
        (lambda events: events.filter(occurred_at.is_between(NOON - DAY, NOON, closed="none")), {9, 10}),
        (lambda events: events.filter(occurred_at.dt.date() == TENTH), {10}),
        (lambda events: events.filter(occurred_at == datetime(2026, 1, 10, 9, tzinfo=UTC)), {10}),
        (lambda events: events.filter(occurred_at.dt.year() < 2026), set()),
        (lambda events: events.filter(pl.col("sequence").is_between(7, 8)), {7, 8}),
        (
            lambda events: events.filter(pl.col("data").struct.field("grams") > 5, event_date < TENTH),
            set(range(1, 10)),
        ),
        (lambda events: events.select("event_date", "object_id").filter(event_date == TENTH), {10}),
        (
            lambda events: (
                events.with_columns(day=event_date).filter(pl.col("day") == TENTH).group_by("day").len()
            ),
            {10},
        ),
    ],
)
def test_a_filter_opens_the_files_that_can_match(
    daily: Archive, question: Question, opened: set[int]
) -> None:
    everything = scan(daily, "parcel.weighed").collect()
    with without_segments(daily, opened):
        answer = question(scan(daily, "parcel.weighed")).collect()
    assert_frame_equal(answer, question(everything.lazy()).collect(), check_row_order=False)


@pytest.mark.parametrize(
    ("cut", "opened"),
    [
        ({"days": TENTH}, {10}),
        ({"days": (TENTH, date(2026, 1, 12))}, {10, 11}),
        ({"known_at": 3}, {1, 2, 3}),
        ({"as_of": datetime(2026, 1, 3, tzinfo=UTC)}, {1, 2}),
        ({"known_at": 12, "days": (TENTH, date(2026, 2, 1)), "as_of": NOON + DAY}, {10, 11}),
    ],
)
def test_days_and_cuts_leave_the_other_files_closed(
    daily: Archive, cut: dict[str, Any], opened: set[int]
) -> None:
    with without_segments(daily, opened):
        assert set(scan(daily, "parcel.weighed", **cut).collect()["sequence"]) == opened


def test_what_was_known_at_a_moment_had_landed_before(daily: Archive) -> None:
    frame = scan(daily, "parcel.weighed", known_at=of_commit(daily, 5))
    assert frame.select(pl.col("sequence").max()).collect().item() == 4
    landed = of_commit(daily, 39)
    with without_segments(daily, {39, 40}):
        late = scan(daily, "parcel.weighed").filter(pl.col("landed_at") >= landed).collect()
    assert set(late["sequence"]) == {39, 40}


def test_a_frame_that_is_not_collected_opens_nothing(daily: Archive) -> None:
    with without_segments(daily, set()):
        frame = scan(daily, "parcel.weighed", days=TENTH).filter(pl.col("verb") == "weighed")
        assert frame.collect_schema()["occurred_at"] == pl.Datetime("us", "UTC")
        assert "events.parcel_weighed" in frame.explain()


def test_a_frame_streams_and_can_be_cut_short(daily: Archive, tmp_path: Path) -> None:
    frame = scan(daily, "parcel.weighed")
    assert frame.head(3).collect().height == 3
    assert frame.head(30).filter(occurred_at >= FIRST).head(29).collect().height == 29
    assert frame.head(0).collect().is_empty()
    assert frame.select(pl.len()).collect().item() == 2 * DAYS
    assert frame.join(frame.select("event_id"), on="event_id").collect(engine="streaming").height == 2 * DAYS
    frame.sink_parquet(tmp_path / "events.parquet")
    assert_frame_equal(pl.read_parquet(tmp_path / "events.parquet"), frame.collect(), check_row_order=False)


@pytest.mark.parametrize(
    ("event_type", "cut", "why"),
    [
        ("parcel.weighed.v1", {}, "leave it out: parcel.weighed"),
        ("parcel.sold", {}, "there is no contract of such events"),
        ("parcel.weighed", {"known_at": DAYS + 1}, "the log has commits 1 to 40"),
        ("parcel.weighed", {"known_at": -1}, "the log has commits 1 to 40"),
        ("parcel.weighed", {"known_at": datetime(2026, 1, 1)}, "of which time zone"),
        ("parcel.weighed", {"as_of": datetime(2026, 1, 1)}, "of which time zone"),
        ("parcel.weighed", {"days": datetime(2026, 1, 1, tzinfo=UTC)}, "a date, without a time"),
        ("parcel.weighed", {"days": (TENTH, NOON)}, "a date, without a time"),
        ("parcel.weighed", {"days": (TENTH, TENTH)}, "first before end"),
        ("parcel.weighed", {"days": [TENTH]}, "first before end"),
        ("parcel.weighed", {"days": "2026-01-10"}, "neither a date nor a range"),
    ],
)
def test_what_can_not_be_asked_for_is_told_in_one_line(
    daily: Archive, event_type: str, cut: dict[str, Any], why: str
) -> None:
    with pytest.raises(UnusableInput, match=why) as raised:
        scan(daily, event_type, **cut)
    assert "\n" not in str(raised.value)
