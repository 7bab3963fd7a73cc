"""`factlog corrections`: the events that correct or void another, above all those that wait.

Belongs here: how they are listed. Not here: what is decided (`event_archive.views.corrections`), and the
check that warns of those that wait (`warehouse.checks`).
"""

from typing import TYPE_CHECKING

import click

from event_archive import Archive
from event_archive.views.corrections import WAITING, count_corrections
from event_archive.wording import format_count
from orchestration.command_line import screen
from orchestration.command_line.options import json_option, read_settings

if TYPE_CHECKING:
    from event_archive.views.correction_tables import ListedCorrection


@click.command()
@click.option("--all", "everything", is_flag=True, help="Those that took effect as well, with their status.")
@json_option
def corrections(everything: bool, wants_json: bool) -> None:
    """List the corrections that wait, oldest first: what they name is not there, or may not be named.

    Such a correction counts as nothing. It takes effect when what it names lands; where its id is mistyped,
    it waits until somebody sends another. See docs/how-to-correct-events.md.

    \b
    Examples:
      factlog corrections
      factlog corrections --all --json
    """
    every = find_corrections(read_settings().open_archive(reads_contracts=False))
    shown = sorted(
        (correction for correction in every if everything or correction.status == WAITING),
        key=lambda correction: (correction.sequence, correction.occurred_at, correction.event_id),
    )
    if wants_json:
        screen.print_json(shown)
        return
    if not shown:
        count = format_count(len(every), "correction")
        screen.print_note(f"Nothing waits, of {count}." if every else "There are no corrections.")
        return
    state = "status" if everything else "which is"
    title = "Corrections" if everything else "Corrections that wait"
    columns = ["landed at" if everything else "waiting since", "kind", "event", "of", "names", state]
    rows = [row_of(correction, everything) for correction in shown]
    if screen.fits(columns, rows):
        screen.print_table(title, columns, rows)
    else:
        # Ids are copied from here: none of them may wrap.
        screen.print_lines(title)
        screen.print_records(columns, rows)


def find_corrections(archive: Archive) -> "list[ListedCorrection]":
    """Find all corrections; where the log says that there are none, without waiting for an engine."""
    commits = archive.log.commits()
    if not count_corrections(commits):
        return []
    from event_archive.views.correction_tables import list_corrections
    from event_archive.views.resolved_corrections import resolve_corrections

    return list_corrections(resolve_corrections(archive, commits), commits)


def row_of(correction: "ListedCorrection", everything: bool) -> tuple[object, ...]:
    """What is shown of a correction."""
    reason = correction.waits_because or ""
    state = correction.status + (f" ({reason})" if reason else "") if everything else reason
    return (
        correction.landed_at,
        correction.kind,
        f"{correction.source} {correction.event_id}",
        f"{correction.object_type}/{correction.object_id} {correction.verb}",
        correction.corrected_event_id,
        state,
    )
