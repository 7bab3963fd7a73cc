"""What kept the last build from being published, so that whoever asks later is told.

Belongs here: the note of it, beside dbt's files. Not here: what is checked (`warehouse.checks`), and why a
build that is not published is not built upon (`unchanged`). The note is gone once all is published; one that
can't be written is worth less than what it would tell of. Nothing heavy is imported.
"""

import contextlib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from orchestration.settings import Settings

FAILURE = "failure.json"
INTERRUPTED = re.compile("Query interrupted|INTERRUPT Error")
"""How DuckDB words a Ctrl-C."""

MOST_REASONS, LONGEST = 20, 500


@dataclass(frozen=True)
class FailedBuild:
    """A build that was not published: when it ended, and each thing that did not hold, in a line."""

    ended_at: datetime
    reasons: tuple[str, ...]


@contextlib.contextmanager
def noting_failure(settings: Settings) -> Iterator[None]:
    """Note why a build fails, if it does; needs the warehouse's lock. A person who ends it knows why."""
    try:
        yield
    except Exception as error:
        if INTERRUPTED.search(str(error)):
            raise
        failed = getattr(error, "failed", None)  # the checks that refused a publishing
        causes = [check for check in failed or () if check.detail != "skipped"]
        _note(settings, [f"{check.name}: {check.detail}" for check in causes] or [str(error)])
        raise


def last_failure(settings: Settings) -> FailedBuild | None:
    """What kept the last build from being published; None where it was published, or is on its way."""
    try:
        noted = json.loads((settings.dbt_target / FAILURE).read_bytes())
        return FailedBuild(datetime.fromisoformat(noted["ended_at"]), tuple(map(str, noted["reasons"])))
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def forget_failure(settings: Settings) -> None:
    """Forget what was: all is published."""
    with contextlib.suppress(OSError):
        (settings.dbt_target / FAILURE).unlink(missing_ok=True)


def _note(settings: Settings, reasons: Sequence[str]) -> None:
    told = [" ".join(reason.split())[:LONGEST] for reason in reasons[:MOST_REASONS]]
    failure = FailedBuild(datetime.now(UTC), tuple(told))
    unfinished = settings.dbt_target / f".{FAILURE}.unfinished"
    with contextlib.suppress(OSError):
        unfinished.write_text(json.dumps(asdict(failure) | {"ended_at": failure.ended_at.isoformat()}))
        unfinished.replace(settings.dbt_target / FAILURE)
