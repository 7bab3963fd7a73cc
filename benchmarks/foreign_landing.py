"""Landing foreign records by a mapping: the share validated in columns, and the cost against a plain copy.

Belongs here: a stream like GitHub's, made of the records of that example, and what is measured. Not here:
landing events (`landing`) and the table (`__main__`).

The rival is `COPY (SELECT * FROM read_json(…)) TO … (FORMAT parquet, COMPRESSION zstd)` with the types that
DuckDB detects: it parses and writes, and neither makes events, nor validates, keeps what no column has, or
syncs anything.
"""

import json
import shutil
import statistics
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import duckdb

from benchmarks.measurement import Measurement, cpu_seconds
from event_archive import Archive, Limits, Source, land
from event_archive.mapping.mapping import load_mapping
from event_archive.registry.contract import load_contracts

EXAMPLE = Path(__file__).parent.parent / "examples" / "github"
THREADS = 2
LEVELS = (1, 3)  # of zstd: segments are written at 1, kept records at 3
TYPES = {
    "PushEvent": (520, 1200), "WatchEvent": (120, 450), "CreateEvent": (120, 540),
    "IssueCommentEvent": (70, 4850), "PullRequestEvent": (45, 15300), "IssuesEvent": (45, 2900),
    "ForkEvent": (35, 5200), "DeleteEvent": (19, 540), "GollumEvent": (15, 680),
}  # fmt: skip
"""How many of a thousand of GitHub's events are of a type, and their bytes; some five are of each other."""
LINKS = [
    f"{kind}{part}" for kind in ("", "git_", "html_") for part in ("refs", "forks", "tags", "trees", "keys")
]
LINKS += [
    f"{name}_of" for name in ("hooks", "events", "labels", "pulls", "teams", "merges", "issues", "blobs")
]
FIRST = datetime(2026, 1, 1, tzinfo=UTC)
LINES = (
    "Turn it on",
    'Say "on"',
    "Turn it on\n\nIt was off.",
    "Léger changement",
    "C:\\lamp",
    "Fix #12, and more",
)


def landing_of_foreign_records(folder: Path, records: int, rounds: int = 3) -> list[Measurement]:
    """The share of GitHub's records that is validated in columns, and the speed as a share of the rival's."""
    path = _write(folder / f"github-{records}.ndjson", records)
    ratios: dict[int, list[float]] = {level: [] for level in LEVELS}
    for _ in range(rounds):
        rivals = {
            level: cpu_seconds(partial(_copy, path, folder / "copy.parquet", level)) for level in LEVELS
        }
        ours = cpu_seconds(partial(_land, path, folder / "archive"))
        for level, rival in rivals.items():
            ratios[level].append(rival / ours)
    in_columns = _land(path, folder / "archive")
    shares = Measurement(
        f"landing {records:,} foreign records: share validated in columns",
        in_columns / records,
        ">=",
        0.95,
        f"{in_columns:,} of them",
    )
    return [
        shares,
        *(
            Measurement(
                f"the same: share of DuckDB's COPY at zstd level {level}, CPU",
                statistics.median(ratios[level]),
                ">=",
                0.3,
                f"{ours:.2f} s against {rivals[level]:.2f} s",
            )
            for level in LEVELS
        ),
    ]


def _write(path: Path, records: int) -> Path:
    samples: dict[str, list[dict[str, Any]]] = {}
    for line in (EXAMPLE / "sample.ndjson").read_text("utf-8").splitlines():
        record = json.loads(line)
        samples.setdefault(record["type"], []).append(record)
    random = Random(records)
    types = random.choices(list(samples), [TYPES.get(name, (5, 0))[0] for name in samples], k=records)
    with path.open("w", encoding="utf-8") as file:
        for number, name in enumerate(types):
            record = _varied(random.choice(samples[name]), number, random)
            file.write(json.dumps(record, ensure_ascii=False, separators=(",", ":")) + "\n")
    return path


def _varied(sample: dict[str, Any], number: int, random: Random) -> dict[str, Any]:
    """A record like a sample, with an id, a time, an actor, a repository and texts of its own."""
    login, repo = (
        f"user-{random.randrange(4000)}",
        f"owner-{random.randrange(2000)}/repo-{random.randrange(9)}",
    )
    record = sample | {
        "id": str(6_000_000_000 + number),
        "created_at": (FIRST + timedelta(seconds=number // 3)).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "actor": sample["actor"] | {"login": login, "url": f"https://api.github.com/users/{login}"},
        "repo": sample["repo"] | {"name": repo, "url": f"https://api.github.com/repos/{repo}"},
    }
    payload = record["payload"] = dict(sample["payload"])
    if commits := payload.get("commits"):
        drawn = random.choices(commits, k=random.choice([1, 1, 1, 2, 4]))
        payload["commits"] = [
            commit | {"sha": f"{random.getrandbits(160):040x}", "message": random.choice(LINES)}
            for commit in drawn
        ]
    if comment := payload.get("comment"):
        payload["comment"] = comment | {"body": "\r\n".join(random.choices(LINES, k=random.randrange(1, 9)))}
    missing = TYPES.get(record["type"], (0, 0))[1] - len(json.dumps(record))
    if missing > 0:  # what no mapping reads: a repository and its owner, again and again
        links = {f"{name}_url": f"https://api.github.com/repos/{repo}/{name}" for name in LINKS}
        payload["links"] = {f"of_{part}": links for part in range(missing // 2000)}
        payload["more"] = dict(list(links.items())[: missing % 2000 // 70])
    return record


def _land(path: Path, root: Path) -> int:
    """Land the file in an empty archive; returns how many records were validated in columns."""
    shutil.rmtree(root, ignore_errors=True)
    archive = Archive(root, load_contracts(EXAMPLE / "contracts"), may_create=True)
    mapping = load_mapping(EXAMPLE / "mapping.yaml")
    landed = land(archive, Source(path.name, path), mapping=mapping, limits=Limits(threads=THREADS))
    if landed.counts.accepted != landed.counts.received:
        raise SystemExit(f"{path}: expected every record to be a new event: {landed.counts}")
    return landed.accepted_in_columns


def _copy(path: Path, target: Path, level: int) -> None:
    with duckdb.connect() as connection:
        connection.execute(f"SET threads = {THREADS}")
        connection.execute(
            f"COPY (SELECT * FROM read_json('{path}', format = 'newline_delimited')) "
            f"TO '{target}' (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL {level})"
        )
