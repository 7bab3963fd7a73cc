"""`factlog land --dry-run`: what would become of the records, with samples of each outcome.

Belongs here: the report. Not here: working through the records (`event_archive.landing.preview`).
"""

from collections.abc import Mapping as Groups
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

from event_archive import Archive, Source
from event_archive.errors import UnusableSource
from event_archive.landing.land import PassedOver
from event_archive.landing.preview import LandingPreview, OutcomeGroup, preview_landing
from event_archive.mapping.mapping import Mapping
from event_archive.store.local import has_archive
from event_archive.wording import format_count
from orchestration.command_line import screen
from orchestration.command_line.main import DOES_NOT_HOLD, DONE, UNUSABLE_INPUT
from orchestration.settings import Settings

LONGEST = 300


def preview(
    settings: Settings,
    sources: Sequence[Source],
    mapping: Mapping | None,
    samples: int,
    wants_json: bool,
) -> int:
    """Print what would become of sources, each by itself; the exit code: 1 where any record is refused."""
    with TemporaryDirectory(prefix="factlog-preview-") as folder:
        archive = _archive(settings, Path(folder))
        outcomes: list[LandingPreview | PassedOver] = []
        for source in sources:
            try:
                outcomes.append(
                    preview_landing(archive, source, mapping=mapping, limits=settings.limits, samples=samples)
                )
            except UnusableSource as error:
                outcomes.append(PassedOver(source.origin, error.problem))
    if wants_json:
        screen.print_json([_to_json(outcome) for outcome in outcomes])
    else:
        for outcome in outcomes:
            _print(outcome)
        screen.print_note("A dry run: nothing has landed.")
    if any(isinstance(outcome, PassedOver) for outcome in outcomes):
        return UNUSABLE_INPUT
    return DOES_NOT_HOLD if any(_is_refused(outcome) for outcome in outcomes) else DONE


def _archive(settings: Settings, folder: Path) -> Archive:
    """Open the archive, or where there is none an empty one: a dry run begins nothing."""
    if has_archive(settings.archive_root):
        return settings.open_archive()
    return Archive(folder, settings.load_contracts(), may_create=True)


def _is_refused(outcome: LandingPreview | PassedOver) -> bool:
    return isinstance(outcome, LandingPreview) and outcome.counts.rejected > 0


def _print(outcome: LandingPreview | PassedOver) -> None:
    if isinstance(outcome, PassedOver):
        screen.print_note(screen.printable(f"Passed over: {outcome.origin}: {outcome.problem}"))
        return
    screen.print_lines(screen.printable(_headline(outcome)))
    _print_groups("accepted", outcome.accepted)
    _print_groups("duplicate", {"has landed before": outcome.duplicate} if outcome.duplicate.records else {})
    _print_groups("ignored", outcome.ignored)
    _print_groups("refused", outcome.rejected)
    screen.print_lines("")


def _headline(outcome: LandingPreview) -> str:
    if outcome.earlier:
        return f"{outcome.origin}: these bytes have landed before, in commit {outcome.earlier.sequence}"
    counts = outcome.counts
    parts = {
        "accepted": counts.accepted,
        "duplicate": counts.duplicate,
        "refused": counts.rejected,
        "ignored": counts.ignored,
    }
    summed = " + ".join(
        f"{number:,} {name}" for name, number in parts.items() if number or name == "accepted"
    )
    return f"{outcome.origin}: {format_count(counts.received, 'record')} = {summed}"


def _print_groups(outcome: str, groups: Groups[str, OutcomeGroup]) -> None:
    for name, group in sorted(groups.items(), key=lambda item: -item[1].records):
        screen.print_lines(screen.printable(f"  {outcome}: {name}: {group.records:,}"))
        for sample in group.samples:
            place = f"{sample.position}" + (f", element {sample.element}" if sample.element else "")
            shown = sample.shown if len(sample.shown) <= LONGEST else f"{sample.shown[:LONGEST]}…"
            screen.print_lines(screen.printable(f"    at {place}: {shown}"))


def _to_json(outcome: LandingPreview | PassedOver) -> dict[str, object]:
    """The JSON report of a source; `problem` says why one would be passed over."""
    if isinstance(outcome, PassedOver):
        return {"origin": outcome.origin, "problem": outcome.problem}
    earlier = outcome.earlier.sequence if outcome.earlier else None
    return asdict(outcome) | {"earlier": earlier, "problem": None}
