"""The job `replay_into_file`: the dataset over two cuts, into a file of its own, from the Dagster UI.

Belongs here: the form that it is started with, and what it reports. Not here: what the clocks mean, and how
the file comes about (`replay.into_file`).
"""

from datetime import UTC, datetime, tzinfo
from pathlib import Path

import dagster as dg

from event_archive import UnusableInput
from event_archive.store.durable import make_durable_folder
from orchestration.names import REPLAY_JOB
from orchestration.replay.into_file import ReplayedDataset, read_known_at, replay_into
from orchestration.setting_values import moment
from orchestration.settings import Settings
from orchestration.shown_times import format_time

FOLDER = "replays"
DESCRIPTION = """Derive the reporting dataset over two cuts of the log into a new file, beside what is served.

`as_of`: only what had occurred before that time. `known_at`: only what had landed before that time, or up to
and with the commit of that number. Both, one, or none of them: then everything as it is known now. Analysts
compare the file with another one by `factlog diff`. `into`: a file that is not there yet; none for a name of
the time, in the folder of replays."""


class ReplayForm(dg.Config):
    """Which dataset to derive, and where to."""

    into: str = ""
    as_of: str = ""
    known_at: str = ""


def replay_job(settings: Settings) -> dg.JobDefinition:
    """Make the job."""

    @dg.op(name="derive_into_file", description=DESCRIPTION)
    def derive_into_file(context: dg.OpExecutionContext, config: ReplayForm) -> None:
        try:
            done = replay_into(
                settings,
                target(settings, config.into),
                as_of=moment(config.as_of, "as_of ") if config.as_of else None,
                known_at=read_known_at(config.known_at) if config.known_at else None,
                log=context.log.info,
            )
        except (UnusableInput, OSError) as error:
            raise dg.Failure(description=str(error), allow_retries=False) from None
        context.add_output_metadata(to_metadata(done, settings.time_zone))

    @dg.job(name=REPLAY_JOB, description=DESCRIPTION)
    def replay_into_file() -> None:
        derive_into_file()

    return replay_into_file


def target(settings: Settings, into: str) -> Path:
    """Return the file: a name that is not absolute lies in the folder of replays."""
    into = into.strip() or f"replay-{datetime.now(UTC):%Y%m%d-%H%M%S-%f}.duckdb"
    settings.require_archive()
    folder = settings.home / FOLDER
    make_durable_folder(folder)
    return folder / Path(into).expanduser()


def to_metadata(done: ReplayedDataset, zone: tzinfo) -> dict[str, dg.MetadataValue]:
    """The metadata of what was derived."""
    tables = [
        dg.TableRecord({"table": table, "rows": state.rows, "digest": state.digest[:16]})
        for table, state in done.tables.items()
    ]
    return {
        "file": dg.MetadataValue.path(str(done.file)),
        "sequence": dg.MetadataValue.int(done.sequence),
        "digest": dg.MetadataValue.text(done.log_digest),
        "as_of": dg.MetadataValue.text(format_time(done.as_of, zone) if done.as_of else ""),
        "dagster/row_count": dg.MetadataValue.int(done.rows),
        "tables": dg.MetadataValue.table(tables),
        "seconds": dg.MetadataValue.float(round(done.seconds, 1)),
    }
