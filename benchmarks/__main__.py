"""`python -m benchmarks`: measure everything and print one table; the exit code is 1 where a bound is missed.

Belongs here: the list of what is measured, and the table. Not here: how it is measured.
"""

import argparse
import os
import platform
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import duckdb

from benchmarks.daemon import daemon
from benchmarks.encodings import landing_of_encodings
from benchmarks.foreign_landing import landing_of_foreign_records
from benchmarks.landing import landing_against_copy, landing_into_full_day, landing_memory
from benchmarks.many_commits import archives_of_many_commits
from benchmarks.many_files import landing_many_files
from benchmarks.measurement import Measurement
from benchmarks.refreshing import refresh_against_build
from benchmarks.replaying import replaying
from benchmarks.starting import starting


def main() -> int:
    """Run the benchmarks; `--quick` takes a tenth of the events, for trying the scripts out."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the events")
    parser.add_argument(
        "--folder", type=Path, help="where to put the files (about 9 GB); default: a temporary one"
    )
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="measure these alone")
    options = parser.parse_args()
    share = 0.1 if options.quick else 1.0
    with tempfile.TemporaryDirectory(dir=options.folder, prefix="factlog-bench-") as name:
        folder = Path(name)
        steps: dict[str, Callable[[], list[Measurement]]] = {
            "starting": lambda: starting(folder),
            "memory": lambda: [landing_memory(folder, 2 * share)],
            "landing": lambda: landing_against_copy(folder, int(2_000_000 * share)),
            "full-day": lambda: [landing_into_full_day(folder, int(5_000_000 * share))],
            "foreign": lambda: landing_of_foreign_records(folder, int(60_000 * share)),
            "many-files": lambda: landing_many_files(folder, share),
            "many-commits": lambda: archives_of_many_commits(folder, share),
            "encodings": lambda: landing_of_encodings(folder, int(500_000 * share)),
            "refreshing": lambda: refresh_against_build(folder),
            "daemon": lambda: daemon(folder),
            "replaying": lambda: replaying(folder, share),
        }
        if unknown := {*options.only} - {*steps}:
            parser.error(f"--only {' '.join(sorted(unknown))}: there are {', '.join(steps)}")
        measurements = []
        print(f"{os.cpu_count()} cores, Python {platform.python_version()}, DuckDB {duckdb.__version__}")
        for step in options.only or steps:
            for measurement in steps[step]():
                measurements.append(measurement)
                print(_row(measurement), flush=True)
    return 0 if all(measurement.holds for measurement in measurements) else 1


def _row(measurement: Measurement) -> str:
    verdict = "holds" if measurement.holds else "MISSED"
    bound = f"{measurement.relation} {measurement.bound:g}"
    return f"{measurement.name:70} {measurement.value:6.2f}  {bound:7} {verdict:7} {measurement.figures}"


if __name__ == "__main__":
    sys.exit(main())
