"""What each `factlog` command reports, where, and with which exit code.

Belongs here: options, reports, exit codes. Not here: how records are judged, landed and derived (they have
tests of their own), and what the documentation promises (`test_docs`).
"""

import csv
import gzip
import hashlib
import json
import os
import re
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from event_archive import Limits, Source, land
from examples.company.scenario import Scenario
from examples.company.simulation import compose
from orchestration.settings import Settings
from support.command_typing import PROJECT, RATED, Typed, begin_archive, good_and_bad, in_a_shell, write

MAPPING = """
choose: kind
rules:
  rating:
    type: translation.rated.v1
    id: concat('a-', n)
    source: "'/trial'"
    time: "'2026-02-01T10:00:00Z'"
    actor: {customer: "'cus_1'"}
    object: {translation: "'trn_1'"}
    data: {customer_id: "'cus_1'", score: n, comment: {$constant: null}}
"""
MEMORY = "/proc/self/mem"  # a file that can be opened and not be read


def test_landing_says_what_became_of_the_records(factlog: Typed) -> None:
    code, out, err = factlog("land", good_and_bad())
    assert code == 0
    assert re.search(r"^events.ndjson +2 +1 +0 +1 +1", out, re.MULTILINE)
    assert "1 of 2 records was refused and is kept in quarantine" in err
    assert "factlog quarantine list" in err
    code, out, err = factlog("land", "events.ndjson")
    assert code == 0
    assert "Nothing new" in err


def test_landing_as_json(factlog: Typed) -> None:
    _, out, _ = factlog("land", good_and_bad(), "--json")
    (landed,) = json.loads(out)
    assert landed["received"] == landed["accepted"] + landed["duplicate"] + landed["rejected"] == 2
    assert (landed["sequence"], landed["landed_earlier"]) == (1, False)
    _, out, _ = factlog("land", "events.ndjson", "--json")
    assert json.loads(out)[0]["landed_earlier"] is True


def test_a_damaged_file_lands_as_far_as_it_goes_and_the_exit_code_says_so(home: Path, factlog: Typed) -> None:
    packed = bytearray(gzip.compress(Path(write(RATED)).read_bytes()))
    packed[-8] ^= 1
    Path("events.ndjson.gz").write_bytes(packed)
    code, out, err = factlog("land", "events.ndjson.gz")
    assert code == 1
    assert re.search(r"^events.ndjson.gz +2 +1 +0 +1 +1", out, re.MULTILINE)
    assert "events.ndjson.gz is damaged: corrupt gzip at byte" in err
    code, out, err = factlog("land", "events.ndjson.gz", "--json")
    assert code == 1
    assert json.loads(out)[0]["damage"].startswith("corrupt gzip at byte")
    assert "is damaged" in err
    assert factlog("log", "--json")[1].count('"sequence"') == 1
    (home / "inbox").mkdir(parents=True, exist_ok=True)
    Path("events.ndjson.gz").rename(home / "inbox" / "events.ndjson.gz")
    os.utime(home / "inbox" / "events.ndjson.gz", (0, 0))
    code, _, err = factlog("inbox")
    assert code == 1
    assert "events.ndjson.gz is damaged" in err


def test_landing_from_standard_input(home: Path) -> None:
    done = in_a_shell(f"echo '{json.dumps(RATED)}' | factlog land - --json", home)
    assert json.loads(done.stdout)[0]["accepted"] == 1, done.stderr


def test_inbox_is_landed_and_cleared(home: Path, factlog: Typed) -> None:
    begin_archive()
    code, out, err = factlog("inbox")
    assert (code, out) == (0, "")
    assert "empty" in err
    (home / "inbox").mkdir(parents=True, exist_ok=True)
    Path(write(RATED)).rename(home / "inbox" / "events.ndjson")
    os.utime(home / "inbox" / "events.ndjson", (0, 0))
    code, out, err = factlog("inbox", "--json")
    assert (code, json.loads(out)[0]["accepted"]) == (0, 1)
    assert not [path for path in (home / "inbox").rglob("*") if path.is_file()]


def drop(home: Path, name: str, *records: object) -> None:
    """Put a file into the inbox that nobody has written to for long."""
    (home / "inbox").mkdir(parents=True, exist_ok=True)
    Path(write(*records, name=name)).rename(home / "inbox" / name)
    os.utime(home / "inbox" / name, (0, 0))


def test_what_can_not_land_is_passed_over_and_the_exit_code_says_so(home: Path, factlog: Typed) -> None:
    drop(home, "b.ndjson", RATED)
    (home / "inbox" / "a.ndjson").symlink_to("/etc/passwd")
    os.mkfifo(home / "inbox" / "c.ndjson")
    code, out, err = factlog("inbox")
    assert code == 2
    assert re.search(r"^b.ndjson +1 +1 +0 +0 +1", out, re.MULTILINE)
    assert "Passed over: a.ndjson: is a symbolic link, which the inbox does not follow" in err
    assert "Passed over: c.ndjson: is a named pipe, which can't land" in err
    code, out, err = factlog("inbox", "--json")
    assert code == 2
    assert [(source["origin"], source["received"], source["sequence"]) for source in json.loads(out)] == [
        ("a.ndjson", 0, None),
        ("c.ndjson", 0, None),
    ]
    assert "symbolic link" in json.loads(out)[0]["problem"]
    for name in ("a.ndjson", "c.ndjson"):
        (home / "inbox" / name).unlink()
    assert factlog("inbox")[0] == 0


def test_a_source_that_can_not_be_read_does_not_hide_what_landed(
    factlog: Typed, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = write(RATED)
    monkeypatch.setattr(
        Source, "_descriptor", lambda source: os.open(MEMORY if source.origin == "bad" else good, os.O_RDONLY)
    )
    write(RATED | {"id": "a-2"}, name="bad")
    code, out, err = factlog("land", "bad", good, "--json")
    assert code == 2
    assert [(source["accepted"], source["problem"]) for source in json.loads(out)] == [
        (0, "can't be read: Input/output error"),
        (1, None),
    ]
    assert err == "Passed over: bad: can't be read: Input/output error\n"


def test_landing_reads_a_pipe_that_the_user_names(home: Path) -> None:
    """Twice, as a landing may have to: what a process gives is kept first."""
    given = f"'{json.dumps(RATED)}'"
    script = f"factlog land <(echo {given}) --json; echo {given} | factlog land /dev/stdin --json"
    first, second = in_a_shell(script, home).stdout.split("]\n[")
    assert json.loads(first + "]")[0]["accepted"] == 1
    assert json.loads("[" + second)[0]["landed_earlier"] is True


def test_a_mapping_may_come_through_a_pipe_and_is_known_again(home: Path) -> None:
    """It can be read once; the log knows it by the bytes that were read."""
    mapping = MAPPING.encode()
    Path("mapping.yaml").write_bytes(mapping)
    Path("foreign.ndjson").write_text('{"kind": "rating", "n": 1}\n')
    script = "factlog land --mapping <(cat mapping.yaml) foreign.ndjson --json"
    assert json.loads(in_a_shell(script, home).stdout)[0]["accepted"] == 1
    again = in_a_shell("factlog land --mapping mapping.yaml foreign.ndjson --json", home)
    assert json.loads(again.stdout)[0]["landed_earlier"] is True
    (entry,) = (home / "archive" / "log").iterdir()
    assert json.loads(entry.read_text())["mapping"] == hashlib.sha256(mapping).hexdigest()


def test_a_folder_holds_nothing_that_landing_leaves_out_without_a_word(factlog: Typed) -> None:
    Path("folder").mkdir()
    write(RATED, name="folder/a.ndjson")
    Path("folder/link.ndjson").symlink_to("a.ndjson")
    Path("folder/.hidden").symlink_to("nothing")
    code, out, _ = factlog("land", "folder", "--json")
    assert (code, [source["origin"] for source in json.loads(out)]) == (
        0,
        ["folder/a.ndjson", "folder/link.ndjson"],
    )
    Path("folder/to a folder").symlink_to("..")
    code, out, err = factlog("land", "folder")
    assert (code, out) == (2, "")
    assert "folder/to a folder: is a symbolic link" in err
    Path("folder/to a folder").unlink()
    os.mkfifo("folder/pipe")
    assert "folder/pipe: is a named pipe" in factlog("land", "folder")[2]


def test_a_clock_that_was_wrong_is_named_until_one_is_accepted_and_after(home: Path, factlog: Typed) -> None:
    factlog("land", write(RATED))
    far = Limits(clock=lambda: datetime(2099, 1, 1, tzinfo=UTC), accepts_clock=True)
    path = Path(write(RATED | {"id": "a-2"}, name="wrong"))
    land(Settings.from_environment().open_archive(), Source("wrong", path), limits=far)

    drop(home, "more.ndjson", RATED | {"id": "a-3"})
    code, out, err = factlog("inbox")
    assert (code, out) == (2, "")
    assert "commit 2 landed at 2099-01-01 00:00:00Z: this clock is wrong, or that one was." in err
    for command in ("log", "verify"):
        code, _, err = factlog(command)
        assert code == 0
        assert "commit 2 says to have landed at 2099-01-01 00:00:00Z, later than now" in err

    assert factlog("inbox", "--accept-clock")[0] == 0
    assert factlog("land", write(RATED | {"id": "a-4"}, name="last.ndjson"))[0] == 0
    code, out, err = factlog("verify", "--json")
    assert (code, json.loads(out)["wrong_times"]) == (0, [2])
    assert "later than commit 3, which landed at" in err
    commits = json.loads(factlog("log", "--json")[1])
    asked = factlog("replay", "--known-at", commits[2]["landed_at"], "--into", "then.duckdb")
    assert asked[0] == 2
    assert "whether commit 2 had landed by then is not known" in asked[2]


def test_log_of_nothing_and_of_something(factlog: Typed) -> None:
    begin_archive()
    code, out, err = factlog("log")
    assert (code, out) == (0, "")
    assert "empty" in err
    factlog("land", write(RATED))
    factlog("land", write(RATED | {"id": "a-2"}, name="more.ndjson"))
    _, out, _ = factlog("log", "--limit", "1", "--json")
    (commit,) = json.loads(out)
    assert (commit["sequence"], commit["counts"]["accepted"]) == (2, 1)
    _, out, _ = factlog("log")
    assert len(re.findall(r"ndjson *$", out, re.MULTILINE)) == 2


def test_people_are_shown_moments_in_their_zone_and_programs_in_utc(
    factlog: Typed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FACTLOG_TIME_ZONE", "Asia/Tokyo")
    factlog("land", write(RATED))
    (landed_at,) = re.findall(r"20\d\d-\d\d-\d\d \d\d:\d\d:\d\d\S*", factlog("log")[1])
    assert landed_at.endswith("+09:00")
    (commit,) = json.loads(factlog("log", "--json")[1])
    assert commit["landed_at"].endswith("Z")
    moment = datetime.fromisoformat(commit["landed_at"])
    assert datetime.fromisoformat(landed_at) == moment.replace(microsecond=0)
    sql = "SELECT occurred_at, occurred_at::TIMESTAMP AS in_utc, event_date FROM events.translation_rated"
    _, out, _ = factlog("query", "--archive", sql)
    assert "2026-02-01 19:00:00+09:00" in out
    assert re.search(r"2026-02-01 10:00:00 +2026-02-01", out)
    assert "2026-02-01T10:00:00Z,2026-02-01T10:00:00," in factlog("query", "--archive", sql, "--csv")[1]
    assert '"2026-02-01T10:00:00Z"' in factlog("query", "--archive", sql, "--json")[1]
    monkeypatch.setenv("FACTLOG_TIME_ZONE", "Asia/Tokio")
    code, out, err = factlog("log")
    assert (code, out) == (2, "")
    assert "FACTLOG_TIME_ZONE=Asia/Tokio: there is no such time zone; did you mean Asia/Tokyo?" in err


def test_verify_holds_until_a_byte_is_changed(home: Path, factlog: Typed) -> None:
    factlog("land", write(RATED))
    code, out, _ = factlog("verify")
    assert code == 0
    assert "1 commit(s), 1 event(s)" in out
    (segment,) = (home / "archive" / "events").rglob("*.parquet")
    segment.chmod(0o644)
    content = bytearray(segment.read_bytes())
    content[len(content) // 2] ^= 1
    segment.write_bytes(content)
    code, out, err = factlog("verify")
    assert code == 1
    assert segment.name in out
    assert "does not hold" in err
    code, out, _ = factlog("verify", "--json")
    assert (code, json.loads(out)["holds"]) == (1, False)


def test_verify_finds_the_commit_that_was_written_down(home: Path, factlog: Typed) -> None:
    factlog("land", write(RATED))
    head = json.loads(factlog("verify", "--json")[1])["head_digest"]
    factlog("land", write(RATED | {"id": "a-2"}, name="more.ndjson"))
    assert factlog("verify", "--expect", head)[0] == 0
    assert factlog("verify", "--expect", head[:16].upper())[0] == 0
    shutil.rmtree(home)
    factlog("land", write(RATED | {"id": "a-3"}))
    code, out, _ = factlog("verify", "--expect", head)
    assert (code, out) == (1, f"log: no commit has the digest {head}: this is not the log it was of\n")
    for nonsense in ("", head[:15], head + "0", "g" * 64):
        code, out, err = factlog("verify", "--expect", nonsense)
        assert (code, out, "not a digest" in err) == (2, "", True)


def test_clean_removes_litter_only(home: Path, factlog: Typed) -> None:
    factlog("land", write(RATED))
    litter = home / "archive" / "events" / "translation.rated.v1" / f"{'0' * 64}.parquet"
    litter.write_bytes(b"half a segment")
    os.utime(litter, (0, 0))
    code, out, _ = factlog("clean")
    assert code == 0
    assert litter.name in out
    assert factlog("verify")[0] == 0
    assert "no litter" in factlog("clean")[2]


def test_verify_names_what_was_added_and_tells_litter_apart(home: Path, factlog: Typed) -> None:
    factlog("land", write(RATED))
    (home / "archive" / "scratch" / "tmp1").write_bytes(b"")
    code, out, err = factlog("verify")
    assert (code, out.splitlines()[0].startswith("scratch/tmp1: litter"), "factlog clean" in err) == (
        0,
        True,
        True,
    )
    assert "The archive holds: 1 commit(s)" in out
    code, out, _ = factlog("verify", "--json")
    assert (code, json.loads(out)["holds"], json.loads(out)["litter"]) == (0, True, ["scratch/tmp1"])
    (home / "archive" / "keys").mkdir()
    (home / "archive" / "keys" / "a\x1b.lock").write_bytes(b"")
    code, out, err = factlog("verify")
    assert code == 1
    assert "keys/a\\x1b.lock: was added" in out
    assert "1 problem(s)" in err
    assert "scratch/tmp1: litter" in out


def test_contracts_are_listed_and_shown(factlog: Typed) -> None:
    _, out, _ = factlog("contracts")
    assert "translation.rated.v1" in out
    _, out, _ = factlog("contracts", "show", "translation.rated.v1")
    assert out.startswith("type: translation.rated.v1\n")
    _, out, _ = factlog("contracts", "list", "--json")
    assert {"type", "view", "owner", "actor"} <= set(json.loads(out)[0])


def test_quarantine_gives_reason_and_bytes(factlog: Typed) -> None:
    begin_archive()
    assert "empty" in factlog("quarantine")[2]
    factlog("land", good_and_bad())
    code, out, err = factlog("quarantine", "list")
    assert code == 0
    assert "translation.rated.v1" in out
    shown = re.search(r"factlog (quarantine show \d+ --position \d+)", err)
    assert shown
    _, out, _ = factlog(*shown[1].split())
    assert '"score": 11' in out
    _, out, _ = factlog("quarantine", "show", "--raw")
    assert json.loads(out)["id"] == "a-2"
    _, out, _ = factlog("quarantine", "list", "--json")
    assert json.loads(out)[0]["type"] == "translation.rated.v1"
    assert "No refusal is like that" in factlog("quarantine", "list", "--reason", "no-such-reason")[2]


def test_refused_record_can_not_drive_the_terminal(factlog: Typed) -> None:
    Path("evil.ndjson").write_bytes(b'{"type": "\x1b[2J", "evil": "\x1b]0;gotcha\x07"}\n')
    factlog("land", "--quarantine-anyway", "evil.ndjson")
    for command in (["quarantine", "list"], ["quarantine", "show"]):
        code, out, _ = factlog(*command)
        assert code == 0
        assert "\x1b" not in out
        assert "\x07" not in out


def test_query_of_the_archive_in_each_form(factlog: Typed) -> None:
    factlog("land", write(RATED, RATED | {"id": "a-2", "time": "2026-02-01T11:30:00+01:00"}))
    sql = "SELECT event_id, occurred_at, data.score, NULL AS nothing FROM events.translation_rated ORDER BY 1"
    _, out, err = factlog("query", "--archive", sql)
    assert re.search(r"^a-2 +2026-02-01 10:30:00 +5", out, re.MULTILINE)
    assert err == "2 rows\n"
    _, out, _ = factlog("query", "--archive", sql, "--json")
    assert json.loads(out)[1] == {
        "event_id": "a-2",
        "occurred_at": "2026-02-01T10:30:00Z",
        "score": 5,
        "nothing": None,
    }
    _, out, _ = factlog("query", "--archive", sql, "--csv")
    assert list(csv.reader(out.splitlines()))[1] == ["a-1", "2026-02-01T10:00:00Z", "5", ""]


def test_wide_answer_is_printed_record_by_record(factlog: Typed) -> None:
    factlog("land", write(RATED))
    _, out, _ = factlog("query", "--archive", "FROM events.translation_rated")
    assert out.startswith("-- 1\n")
    assert re.search(r"^object_id +trn_1$", out, re.MULTILINE)


def test_query_knows_the_contracts_of_another_folder(factlog: Typed) -> None:
    begin_archive()
    contracts = str(PROJECT / "examples" / "github" / "contracts")
    _, out, _ = factlog(
        "query",
        "--archive",
        "--contracts",
        contracts,
        "SELECT count(*) AS n FROM events.all_events",
        "--json",
    )
    assert json.loads(out) == [{"n": 0}]


def test_nothing_is_published_yet(factlog: Typed) -> None:
    begin_archive()
    code, out, err = factlog("published")
    assert (code, out) == (0, "")
    assert "factlog refresh" in err
    assert json.loads(factlog("published", "list", "--json")[1]) == []


def test_demo_walks_the_whole_way_and_changes_nothing_the_second_time(factlog: Typed) -> None:
    code, out, err = factlog("demo", "--scale", "0.02")
    assert code == 0, out + err
    for text in (
        "What came in",
        "What was refused",
        "Published version 1",
        "Revenue",
        "Turnaround",
        "Quality",
    ):
        assert text in out
    numbers = re.search(r"^ *\d+ +\d+ +([\d,]+) +([\d,]+) +([\d,]+) +([\d,]+) *$", out, re.MULTILINE)
    assert numbers
    received, accepted, duplicate, rejected = (int(number.replace(",", "")) for number in numbers.groups())
    assert received == accepted + duplicate + rejected
    books = (
        "SELECT strftime(period_start_date, '%Y-%m') || ' ' || currency AS book, "
        "sum(total_minor)::BIGINT AS invoiced, sum(paid_minor)::BIGINT AS paid "
        "FROM billing.invoices WHERE issued_at IS NOT NULL GROUP BY 1"
    )
    derived = json.loads(factlog("query", "--json", books)[1])
    _, truth = compose(Scenario.sized(scale=0.02))
    assert truth.mended == {"corrects": 1, "voids": 1}
    assert {row["book"]: row["invoiced"] for row in derived} == truth.invoiced_minor
    assert {row["book"]: row["paid"] for row in derived if row["paid"]} == truth.paid_minor
    commits = factlog("log", "--json")[1]
    assert "nothing has changed" in factlog("demo", "--scale", "0.02")[1]
    assert factlog("log", "--json")[1] == commits
    assert [version["number"] for version in json.loads(factlog("published", "list", "--json")[1])] == [1]


def test_a_broken_archive_is_not_published(home: Path, factlog: Typed) -> None:
    factlog("land", good_and_bad())
    (refused,) = (home / "archive" / "quarantine").rglob("*.parquet")
    refused.unlink()
    code, out, err = factlog("refresh")
    assert code == 1
    assert refused.name in out
    assert "Not published" in err
    assert factlog("published")[1] == ""


def test_a_file_without_a_single_event_is_passed_over_unless_it_is_asked_for(
    home: Path, factlog: Typed
) -> None:
    bad = RATED | {"data": {}}
    code, out, err = factlog("land", write(bad, name="bad.ndjson"), write(RATED))
    assert code == 2
    assert "bad.ndjson" not in out
    assert (
        "Passed over: bad.ndjson: there is no event in it: its only record, at position 1, is refused" in err
    )
    drop(home, "bad.ndjson", bad)
    assert factlog("inbox")[0] == 2
    assert factlog("log", "--json")[1].count('"sequence"') == 1
    assert factlog("inbox", "--quarantine-anyway")[0] == 0
    assert factlog("land", "--quarantine-anyway", write(bad, bad))[0] == 0
    assert factlog("log", "--json")[1].count('"sequence"') == 3


def test_foreign_records_land_by_a_mapping(factlog: Typed) -> None:
    github = PROJECT / "examples" / "github"
    contracts = ["--contracts", str(github / "contracts")]
    code, out, _ = factlog(
        "land", *contracts, "--mapping", str(github / "mapping.yaml"), str(github / "sample.ndjson"), "--json"
    )
    assert code == 0
    landed = json.loads(out)[0]
    assert (landed["accepted"], landed["rejected"]) == (landed["received"], 0)
    sql = "SELECT verb, count(*) AS events FROM events.all_events GROUP BY verb"
    _, out, _ = factlog("query", "--archive", *contracts, sql, "--json")
    verbs = json.loads(out)
    assert sum(row["events"] for row in verbs) == landed["accepted"]
    assert {"pushed", "starred", "created"} <= {row["verb"] for row in verbs}


def test_a_folder_of_the_inbox_lands_by_the_mapping_that_the_project_gives_it(
    home: Path, factlog: Typed, monkeypatch: pytest.MonkeyPatch
) -> None:
    github = PROJECT / "examples" / "github"
    Path("factlog.toml").write_text(
        f'contracts = "{github / "contracts"}"\n[inbox.mappings]\n"hub/old" = "{github / "mapping.yaml"}"\n'
    )
    monkeypatch.setenv("FACTLOG_PROJECT", str(Path().absolute()))
    sample = (github / "sample.ndjson").read_bytes()
    for place in ("hub/old/a.ndjson", "hub/old/2015/b.ndjson", "hub/c.ndjson"):
        path = home / "inbox" / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(sample + place.encode())
    _, out, _ = factlog("inbox", "--json")
    accepted = {landed["origin"]: landed["accepted"] for landed in json.loads(out)}
    assert accepted["hub/old/2015/b.ndjson"] + accepted["hub/old/a.ndjson"] == sample.count(b"\n")
    assert accepted["hub/c.ndjson"] == 0
    (home / "inbox/hub/old/d.ndjson").write_bytes(sample)
    Path("factlog.toml").write_text('[inbox.mappings]\nhub = "gone.yaml"\n')
    code, _, err = factlog("inbox")
    assert (code, err.count("\n")) == (2, 1)
    assert "inbox.mappings.hub" in err
    assert (home / "inbox/hub/old/d.ndjson").exists()
