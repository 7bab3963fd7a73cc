"""The six things that always hold in the archive: each test breaks one if the product does.

Conservation, immutability, idempotence, atomicity, tamper evidence, exactness, in this order.
"""

import gzip
import hashlib
import json
import random
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from event_archive import Archive, Landed, create_views, verify
from event_archive.clean import clean
from event_archive.landing import land_files
from event_archive.landing.inbox import land_inbox
from event_archive.mapping.mapping import load_mapping
from event_archive.registry.contract import load_contracts
from event_archive.registry.exact_values import json_text, moment_text
from event_archive.remapping.remap import remap
from event_archive.store.commit import Counts
from event_archive.unnamed_files import UnnamedFiles, unnamed_files
from event_archive.verification import Finding, verify_commits
from support.events import (
    Event,
    archived,
    land_bytes,
    lines,
    lost,
    new_archive,
    rejected,
    same_json,
    text,
    weighed,
)
from support.hunting import examples
from support.mapped import land_records, narrow, record, wide

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {"PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"}


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return new_archive(tmp_path)


def committed(archive: Archive) -> dict[str, str]:
    """The digest of every file that is part of the log, by name."""
    commits = archive.log.commits()
    names = [name for commit in commits for name in (commit.name, *commit.paths)]
    return {name: hashlib.sha256((archive.root / name).read_bytes()).hexdigest() for name in names}


def same_events(archive: Archive, events: list[Event]) -> bool:
    stored = {key: same_json(event) for key, event in archived(archive).items()}
    return stored == {(event["source"], event["id"]): same_json(event) for event in events}


# Conservation


@pytest.mark.parametrize("seed", range(3))
def test_every_record_is_accepted_or_a_duplicate_or_rejected(archive: Archive, seed: int) -> None:
    chance = random.Random(seed)
    fates: Counter[str] = Counter()
    broken: Counter[bytes] = Counter()
    known: dict[int, bytes] = {}
    for batch in range(3):
        before, content = fates.copy(), b""
        for _ in range(400):
            number = chance.randrange(600)
            good = known.get(number) or text(weighed(number, data={"ratio": chance.random()}))
            fate = chance.choice(["good", "good", "good", "broken", "empty"])
            if fate == "good":
                fates["duplicate" if number in known else "accepted"] += 1
                known[number] = good
            elif fate == "broken":
                good = chance.choice(
                    [good[: chance.randrange(1, len(good))], b"{}", b"\xff", good.replace(b"/post", b"")]
                )
                fates["rejected"] += 1
                broken[good.strip()] += 1
            content += (b"" if fate == "empty" else good) + b"\n"
        counts = land_bytes(archive, content, f"batch-{batch}", memory_bytes=16 << 20).counts
        assert counts.conserved
        assert (
            Counter(accepted=counts.accepted, duplicate=counts.duplicate, rejected=counts.rejected)
            == fates - before
        )
    assert same_events(archive, [json.loads(event, parse_float=Decimal) for event in known.values()])
    assert Counter(record.record for record in rejected(archive)) == broken


# Immutability


def test_nothing_that_the_archive_does_changes_a_committed_file(archive: Archive, tmp_path: Path) -> None:
    batches = [lines([weighed(1), b"broken"]), lines([weighed(2), lost(2)]), lines([weighed(1), weighed(3)])]
    for number, batch in enumerate(batches):
        land_bytes(archive, batch, f"batch-{number}")
        before = committed(archive)
        land_bytes(archive, batch, f"batch-{number}")
        land_bytes(archive, batch + b"\n", f"again-{number}")
        (tmp_path / "inbox").mkdir(exist_ok=True)
        (tmp_path / "inbox" / "more").write_bytes(lines([weighed(10 + number)]))
        (landed,) = land_inbox(archive, tmp_path / "inbox", settled_after=0)
        assert isinstance(landed, Landed)
        assert landed.counts.accepted == 1
        clean(archive, timedelta(0))
        verify(archive)
        with duckdb.connect() as connection:
            create_views(connection, archive)
        assert before.items() <= committed(archive).items()


# Idempotence

EVENTS = [*(weighed(number, data={"fee": 1.5}) for number in range(150)), *map(lost, range(20))]
SPELLINGS: dict[str, Callable[[list[Event]], bytes]] = {
    "the same bytes": lines,
    "another order": lambda events: lines(reversed(events)),
    "another order of keys": lambda events: lines(dict(reversed(event.items())) for event in events),
    "an array": text,
    "an indented array": lambda events: json.dumps(events, indent=1).encode(),
    "gzip": lambda events: gzip.compress(lines(events)),
    "zstd": lambda events: zstandard.compress(lines(events)),
    "other spaces": lambda events: b"\n".join(json.dumps(event).encode() for event in events),
    "escapes": lambda events: lines(events).replace(b"parcel", b"p\\u0061rcel"),
    "other spellings of numbers": lambda events: lines(events).replace(b":1.5", b":15.0e-1"),
    "other offsets": lambda events: lines(events).replace(b"T09:14:07.25Z", b"T10:44:07.250000+01:30"),
    "the verb said": lambda events: lines(event | {"verb": event["type"].split(".")[1]} for event in events),
    "every event twice": lambda events: lines(events) * 2,
}


def test_the_same_events_land_once_however_they_are_written(archive: Archive) -> None:
    land_bytes(archive, lines(EVENTS), "the same bytes")
    held = archived(archive)
    assert len(held) == 170
    for name, spelling in SPELLINGS.items():
        landed = land_bytes(archive, spelling(EVENTS), name)
        assert (landed.counts.accepted, landed.counts.rejected) == (0, 0), name
        assert landed.counts.duplicate == landed.counts.received or landed.earlier
    assert archived(archive) == held
    assert verify(archive) == []


LAND = """
import sys
from pathlib import Path
from event_archive import Archive
from event_archive.registry.contract import load_contracts
from event_archive import land
from event_archive.decoding.sources import find_sources
folder = Path(sys.argv[1])
archive = Archive(folder / "archive", load_contracts(folder / "contracts"))
sys.stdin.readline()
for source in find_sources(sys.argv[2:]):
    land(archive, source)
"""


def test_processes_that_land_overlapping_files_at_once_add_each_event_once(tmp_path: Path) -> None:
    archive = new_archive(tmp_path)
    files = []
    for number in range(6):
        file = tmp_path / f"file-{number}"
        part = [*EVENTS[number * 25 : number * 25 + 60], weighed(1000, data={"grams": number})]
        file.write_bytes(lines(part) + b"broken\n")
        files.append(str(file))
    orders = files, files[::-1], files[3:] + files[:3]
    command = [sys.executable, "-c", LAND, str(tmp_path)]
    running = [
        subprocess.Popen([*command, *order], stdin=subprocess.PIPE, env=ENVIRONMENT, cwd=ROOT, text=True)
        for order in orders
    ]
    for process in running:
        assert process.stdin
        process.stdin.write("go\n")
        process.stdin.close()
    assert [process.wait(60) for process in running] == [0, 0, 0]
    commits = archive.log.commits()
    assert len(commits) == 6, "each file is one commit, whoever was first"
    assert verify(archive) == []
    assert archived(archive).keys() == {(event["source"], event["id"]) for event in [*EVENTS, weighed(1000)]}
    counts = sum((commit.counts for commit in commits), Counts())
    assert counts == Counts(5 * 61 + 46 + 6, 171, counts.duplicate, 11)
    assert Counter(record.reason for record in rejected(archive)) == {"conflict": 5, "invalid_json": 6}


# Atomicity

BEFORE = [weighed(1), lost(1)]
AFTER = [*BEFORE, weighed(2), weighed(3), lost(2)]
BOTH_COUNTS = [Counts(3, 2, 0, 1), Counts(5, 3, 1, 1)]
DROPPED = lines([weighed(1), weighed(2), b"also broken", lost(2), weighed(3)])


def killed(folder: Path, work: str, *, is_first: bool = False) -> list[Path]:
    """Installations in which the landing of the inbox was killed, each at another moment."""
    archive = new_archive(folder / "template")
    if not is_first:
        land_bytes(archive, lines([weighed(1), lost(1), b"broken"]))
    inbox = folder / "template" / "inbox"
    inbox.mkdir(exist_ok=True)
    (inbox / "new").write_bytes(DROPPED)
    script = ROOT / "tests" / "support" / "crash.py"
    crash = [sys.executable, str(script), str(folder / "template"), str(folder / "out")]
    subprocess.run([*crash, work], env=ENVIRONMENT, cwd=ROOT, check=True)
    return sorted((folder / "out").iterdir())


def opened(folder: Path) -> Archive:
    return Archive(folder / "archive", load_contracts(folder / "contracts"))


def land_again(folder: Path, *counts: Counts) -> Archive:
    """Land once more what a killed landing left: all has landed once then, and of the file is one copy."""
    archive = opened(folder)
    list(land_inbox(archive, folder / "inbox", settled_after=0))
    assert [commit.counts for commit in archive.log.commits()] == list(counts or BOTH_COUNTS), folder.name
    assert list((folder / "inbox").iterdir()) == [], folder.name
    (kept,) = folder.glob("landed/*/*")
    assert (kept.name, kept.read_bytes()) == ("new", DROPPED), folder.name
    return archive


def test_a_landing_that_is_killed_is_whole_or_nothing_and_can_be_repeated(tmp_path: Path) -> None:
    whole: Counter[int] = Counter()
    for folder in killed(tmp_path, "land"):
        archive = Archive(folder / "archive", load_contracts(folder / "contracts"))
        commits = len(archive.log.commits())
        whole[commits] += 1
        assert same_events(archive, BEFORE if commits == 1 else AFTER), folder.name
        assert verify(archive) == [], folder.name

        archive = land_again(folder)
        assert same_events(archive, AFTER), folder.name

        clean(archive, timedelta(0))
        assert unnamed_files(archive) == UnnamedFiles([], []), folder.name
        assert verify(archive) == [], folder.name
        assert same_events(archive, AFTER), folder.name
    assert whole[1] > 15, "too few were killed before the commit"
    assert whole[2] > 5, "too few were killed after the commit"


def test_the_very_first_landing_is_whole_or_nothing_too_and_no_tampering(tmp_path: Path) -> None:
    landed = [weighed(1), weighed(2), lost(2), weighed(3)]
    whole: Counter[int] = Counter()
    for folder in killed(tmp_path, "land", is_first=True):
        archive = opened(folder)
        commits = len(archive.log.commits())
        whole[commits] += 1
        assert same_events(archive, landed if commits else []), folder.name
        assert verify(archive) == [], folder.name
        assert same_events(land_again(folder, Counts(5, 4, 0, 1)), landed), folder.name
    assert whole[0] > 15, "too few were killed before the commit"
    assert whole[1] > 5, "too few were killed after the commit"


def test_several_files_that_land_in_one_commit_do_so_whenever_that_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "template" / "inbox").mkdir(parents=True)
    for number in range(3):
        (tmp_path / "template" / "inbox" / f"more-{number}").write_bytes(lines([weighed(10 + number)]))
    landed = [weighed(1), weighed(2), lost(2), weighed(3), *(weighed(10 + number) for number in range(3))]
    whole: Counter[int] = Counter()
    for number, folder in enumerate(killed(tmp_path, "land_together", is_first=True)):
        # What was killed is repeated as it was, and sometimes one by one, which takes four times as long.
        monkeypatch.setattr(land_files, "FEWEST", 16 if number % 8 == 0 else 2)
        archive = opened(folder)
        whole[len(archive.log.commits())] += 1
        assert same_events(archive, landed if archive.log.commits() else []), folder.name
        assert verify(archive) == [], folder.name
        list(land_inbox(archive, folder / "inbox", settled_after=0))
        assert list((folder / "inbox").iterdir()) == [], folder.name
        assert len(list(folder.glob("landed/*/*"))) == 4, folder.name
        assert same_events(archive, landed), folder.name
        assert sum((commit.counts for commit in archive.log.commits()), Counts()) == Counts(8, 7, 0, 1)
    assert whole[0] > 15, "too few were killed before the commit"
    assert whole[1] > 5, "too few were killed after the commit"


def test_a_remap_that_is_killed_is_whole_or_nothing_and_can_be_repeated(tmp_path: Path) -> None:
    template = tmp_path / "template"
    archive = new_archive(template)
    land_records(archive, [record(1), record(2)], narrow(template))
    before = archived(archive)
    wide(template)
    script = ROOT / "tests" / "support" / "crash.py"
    crash = [sys.executable, str(script), str(template), str(tmp_path / "out"), "remap"]
    subprocess.run(crash, env=ENVIRONMENT, cwd=ROOT, check=True)
    whole: Counter[int] = Counter()
    for folder in sorted((tmp_path / "out").iterdir()):
        archive = opened(folder)
        commits = len(archive.log.commits())
        whole[commits] += 1
        assert (archived(archive) == before) == (commits == 1), folder.name
        assert verify(archive) == [], folder.name

        remap(archive, load_mapping(folder / "mapping.yaml"))
        assert [commit.kind for commit in archive.log.commits()] == ["landing", "remap"], folder.name
        said = {event["data"]["remarks"]["note"] for event in archived(archive).values()}
        assert said == {1, 2}, folder.name
        clean(archive, timedelta(0))
        assert unnamed_files(archive) == UnnamedFiles([], []), folder.name
        assert verify(archive) == [], folder.name
    assert whole[1] > 15, "too few were killed before the commit"
    assert whole[2] > 3, "too few were killed after the commit"


def test_a_file_that_comes_from_another_file_system_is_kept_once_whenever_that_was_killed(
    tmp_path: Path,
) -> None:
    copied = 0
    for folder in killed(tmp_path, "land_from_elsewhere"):
        copied += bool([*folder.glob("landed/*/*"), *folder.glob("landed/*/.unfinished")])
        assert same_events(land_again(folder), AFTER), folder.name
    assert copied > 4, "too few were killed while the file was copied"


# Tamper evidence


@pytest.fixture(scope="module")
def intact(tmp_path_factory: pytest.TempPathFactory) -> Archive:
    """An archive of three commits, with two types and refused records; whoever changes it changes it back."""
    archive = new_archive(tmp_path_factory.mktemp("intact"))
    land_bytes(archive, lines([weighed(1), lost(1), b"broken"]), "first")
    land_bytes(archive, lines([weighed(2), b"broken, too"]), "second")
    land_bytes(archive, lines([weighed(3), weighed(4), lost(3)]), "third")
    for path in filter(Path.is_file, archive.root.rglob("*")):
        path.chmod(0o644)
    return archive


def verified(archive: Archive, check: Callable[[Archive], list[Finding]] = verify) -> str:
    """What `verify` finds in an archive that is opened anew, as one text."""
    findings = check(Archive(archive.root, archive.contracts))
    return "\n".join(f"{finding.path}: {finding.problem}" for finding in findings)


@pytest.mark.parametrize("kind", ["log", "events", "quarantine", "anchor.json"])
def test_any_changed_byte_is_found_and_its_file_named(intact: Archive, kind: str) -> None:
    files = [name for name in [*committed(intact), "anchor.json"] if name.startswith(kind)]
    assert files
    for name in files:
        path = intact.root / name
        content = path.read_bytes()
        newest = name in ("anchor.json", intact.log.commits()[-1].name)
        for place in range(0, len(content), 1 if newest else 37):
            for flipped in (1, 0x80):
                path.write_bytes(content[:place] + bytes([content[place] ^ flipped]) + content[place + 1 :])
                # The part of `verify` that looks at what is committed: it is called some thousand times.
                found = verified(intact, verify_commits)
                assert name in found, (name, place, content[max(place - 9, 0) : place + 9])
        path.write_bytes(content)
    assert verified(intact) == ""


CHANGES: dict[str, Callable[[Path], object]] = {
    "empty": lambda path: path.write_bytes(b""),
    "cut": lambda path: path.write_bytes(path.read_bytes()[:-1]),
    "longer by a line feed": lambda path: path.write_bytes(path.read_bytes() + b"\n"),
    "longer by a NUL": lambda path: path.write_bytes(path.read_bytes() + b"\0"),
    "twice": lambda path: path.write_bytes(path.read_bytes() * 2),
    "gone": lambda path: path.unlink(),
    "called otherwise": lambda path: path.rename(path.with_name("x" + path.name)),
    "of another number": lambda path: path.rename(path.with_name(path.name.replace(".", "9.", 1))),
    "a folder": lambda path: path.rename(path.with_name("aside")).parent.joinpath(path.name).mkdir(),
    "of other types": lambda path: path.write_bytes(
        re.sub(rb"([:,])(\d+)", rb'\1"\2"', path.read_bytes()) + b" "
    ),
    "with half a character": lambda path: path.write_bytes(
        path.read_bytes().replace(b'"f', b'"\\ud800f') + b" "
    ),
    "other JSON": lambda path: path.write_bytes(b"[[]]"),
    "no text": lambda path: path.write_bytes(b"\xff"),
    "deep JSON": lambda path: path.write_bytes(b"[" * 100_000),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_file_that_was_cut_or_added_to_or_taken_away_is_named(
    intact: Archive, tmp_path: Path, change: str
) -> None:
    for name in [*committed(intact), "anchor.json"]:
        copy = Archive(tmp_path / name.replace("/", "-"), intact.contracts, may_create=True)
        shutil.copytree(intact.root, copy.root, dirs_exist_ok=True)
        CHANGES[change](copy.root / name)
        assert name in verified(copy), name


def test_files_that_changed_places_are_named(intact: Archive) -> None:
    names = [*committed(intact), "anchor.json"]
    for first, second in [(name, other) for name in names for other in names if name < other]:
        contents = (intact.root / first).read_bytes(), (intact.root / second).read_bytes()
        (intact.root / first).write_bytes(contents[1])
        (intact.root / second).write_bytes(contents[0])
        findings = verified(intact)
        (intact.root / first).write_bytes(contents[0])
        (intact.root / second).write_bytes(contents[1])
        for name, other in ((first, second), (second, first)):
            # What a file is to hold can't be known where the entry that says so can't be read.
            assert name in findings or (not name.startswith("log") and other.startswith("log")), (name, other)


def test_an_entry_that_nobody_committed_is_named(intact: Archive, tmp_path: Path) -> None:
    for name in ("log/00000000000000000009.json", "log/00000000000000000000.json", "log/x", "log/4.json"):
        copy = Archive(tmp_path / name.replace("/", "-"), intact.contracts, may_create=True)
        shutil.copytree(intact.root, copy.root, dirs_exist_ok=True)
        shutil.copy(copy.root / copy.log.commits()[-1].name, copy.root / name)
        assert name in verified(copy)


def test_what_no_entry_names_is_not_there(archive: Archive) -> None:
    land_bytes(archive, lines([weighed(1)]), "first")
    (segment,) = archive.log.commits()[0].segments
    stranger = archive.root / segment.path.replace(segment.sha256, "0" * 64)
    shutil.copy(archive.root / segment.path, stranger)
    with duckdb.connect() as connection:
        create_views(connection, archive)
        assert connection.execute("SELECT count(*) FROM events.all_events").fetchall() == [(1,)]
    assert verify(archive) == []
    assert clean(archive, timedelta(hours=1)) == []
    assert clean(archive, timedelta(0)) == [str(stranger.relative_to(archive.root))]


# Exactness

AMOUNTS, DIGITS = st.integers(-(10**13), 10**13), st.integers(-(10**38) + 1, 10**38 - 1)
TEXTS = st.text(max_size=20)
MOMENTS = st.datetimes(datetime(1, 1, 1), datetime(2025, 12, 31), timezones=st.just(UTC)).map(
    moment_text
) | st.builds(  # finer than a microsecond
    lambda moment, finer: f"{moment.replace(tzinfo=None).isoformat(timespec='microseconds')}{finer}Z",
    st.datetimes(datetime(1, 1, 1), datetime(2025, 12, 31)),
    st.from_regex(r"[0-9]{0,8}[1-9]", fullmatch=True),
)
DOUBLES = st.floats(allow_nan=False, allow_infinity=False).map(lambda number: Decimal(repr(number)))
NUMBERS = (
    st.integers()
    | st.integers(2**62, 2**65)
    | DOUBLES
    | st.builds(
        lambda digits, scale: Decimal(digits).scaleb(-scale),
        st.integers(-(10**27), 10**27),
        st.integers(0, 60),
    )
)
ANYTHING = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(TEXTS, inside, max_size=3),
    max_leaves=6,
)
OPTIONAL_DATA = {
    "kind": st.sampled_from(["letter", "box"]),
    "price": (AMOUNTS | DIGITS).map(lambda digits: shortest(Decimal(f"{digits}e-10"))),
    "fee": st.integers(-(10**18) + 1, 10**18 - 1).map(lambda cents: Decimal(cents).scaleb(-2)),
    "ratio": DOUBLES
    | st.builds(  # not by its shortest digits, or no double at all
        lambda digits, exponent: Decimal(digits).scaleb(exponent),
        st.integers(-(10**17), 10**17),
        st.integers(-300, 290),
    ),
    "is_fragile": st.booleans(),
    "sent_date": st.dates().map(str),
    "tracking_id": st.uuids().map(str),
    "address": st.fixed_dictionaries(
        {"street": TEXTS}, optional={"floor": st.integers(-(2**63), 2**63 - 1), "new": ANYTHING}
    ),
    "tags": st.lists(TEXTS, max_size=3),
    "pieces": st.lists(
        st.fixed_dictionaries({"name": TEXTS}, optional={"count": st.integers(-9, 9), "new": ANYTHING}),
        max_size=3,
    ),
    "remarks": ANYTHING,
    "unknown": ANYTHING,
    "a'b\"c\\": ANYTHING,
}
DATA = st.fixed_dictionaries(
    {
        "label": st.text(min_size=1, max_size=30),
        "grams": st.integers(-(2**63), 2**63 - 1) | st.sampled_from([2**63 - 1, -(2**63), 2**53 + 1, 0]),
        "due_at": st.none() | MOMENTS,
    },
    optional=OPTIONAL_DATA,
)
ATTRIBUTES = st.fixed_dictionaries(
    {
        "source": st.text(min_size=1, max_size=9),
        "object": st.text(min_size=1, max_size=9).map("parcel/".__add__),
        "time": MOMENTS,
    },
    optional={
        "correlationid": st.text(min_size=1, max_size=9),
        "objectversion": st.integers(1, 2**63 - 1),
        "corrects": st.text(min_size=1, max_size=9),
        "traceparent": TEXTS | st.booleans() | st.integers(),
    },
)


def shortest(number: Decimal) -> str:
    """A decimal without zeros at its end."""
    written = format(number, "f")
    return (written.rstrip("0").rstrip(".") if "." in written else written) if number else "0"


@given(st.lists(st.tuples(DATA, ATTRIBUTES), min_size=1, max_size=40))
@settings(
    max_examples=examples(25),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
def test_accepted_values_come_back_exactly(
    tmp_path_factory: pytest.TempPathFactory, drawn: list[tuple[dict[str, Any], dict[str, Any]]]
) -> None:
    archive = new_archive(tmp_path_factory.mktemp("exact"))
    events = [
        weighed(number) | attributes | {"data": data} for number, (data, attributes) in enumerate(drawn)
    ]
    content = lines(json_text(event).encode() for event in events)
    land_bytes(archive, content)
    assert [record.detail for record in rejected(archive)] == []
    assert same_events(archive, events)
    assert land_bytes(
        archive, lines(json_text(dict(reversed(event.items()))).encode() for event in events)
    ).counts.duplicate == len(events)
