"""`factlog contracts diff`: whether data written under one schema is accepted under another.

Belongs here: how two schema files are named, and how the answer is shown. Not here: the comparison
(`event_archive.evolution.compatibility`).
"""

from pathlib import Path

import click

from event_archive.evolution.compatibility.findings import (
    Caution,
    Direction,
    Mode,
    Report,
    SchemaFinding,
    Verdict,
)
from event_archive.registry.exact_values import json_text
from orchestration.command_line import screen
from orchestration.command_line.options import NamedChoice, draft_option, json_option

SHOWN_VALUE = 200
QUESTIONS = {
    Direction.BACKWARD: "data written under OLD is accepted under NEW",
    Direction.FORWARD: "data written under NEW is accepted under OLD",
}


@click.command("diff", short_help="Say whether a changed schema is compatible, and why not.")
@click.argument("old", type=click.Path(path_type=Path))
@click.argument("new", type=click.Path(path_type=Path))
@click.option(
    "--mode",
    type=NamedChoice([mode.value for mode in Mode]),
    default=Mode.FULL.value,
    show_default=True,
    help="backward: NEW accepts what was written under OLD; forward: the other way round; full: both.",
)
@click.option(
    "--named-fields",
    is_flag=True,
    help="Judge as if producers sent only the fields that their schema names.",
)
@draft_option
@json_option
def diff(old: Path, new: Path, mode: str, named_fields: bool, draft: int | None, wants_json: bool) -> int:
    """Say whether data written under one schema is accepted under another, and why not.

    OLD and NEW are contracts (.yaml), JSON Schema (.json, draft 4 to 2020-12), Avro schemas (.avsc) or
    Protobuf files (.proto). Each is judged as it stands, without upcasts. Exit code 1 where the answer is not
    "compatible"; "unknown" says that it can't be decided, and why.

    \b
    Examples:
      factlog contracts diff old/order.placed.v1.yaml event_archive/contracts/order.placed.v1.yaml
      factlog contracts diff orders.avsc orders.new.avsc --mode backward --json
    """
    from event_archive.evolution.compatibility.files import compare_files, read_for_comparison

    files = read_for_comparison(old), read_for_comparison(new)
    report = compare_files(*files, Mode(mode), named_fields, draft)
    if wants_json:
        screen.print_json(to_json(old, new, report))
    else:
        print_report(report)
    return 0 if report.verdict is Verdict.COMPATIBLE else 1


def print_report(report: Report) -> None:
    """Print a comparison for a person."""
    for direction in report.mode.directions:
        verdict = report.verdict_for(direction)
        screen.print_lines(f"{direction.value}: {verdict.value} ({QUESTIONS[direction]})")
        for finding in report.findings:
            if finding.direction is direction:
                screen.print_lines(*map(screen.printable, format_finding(finding)))
    for caution in report.cautions:
        where = caution.path if caution.direction is None else f"{caution.path} ({caution.direction.value})"
        screen.print_lines(screen.printable(f"CAUTION {where}: {caution.sentence} [{caution.rule}]"))


def format_finding(finding: SchemaFinding) -> list[str]:
    """The lines of a finding."""
    doubt = "unknown: " if finding.verdict is Verdict.UNKNOWN else ""
    lines = [f"  {finding.path}: {doubt}{finding.sentence} [{finding.rule}]"]
    if finding.example is not None:
        value = json_text(finding.example.value)
        lines.append(
            f"      for example {value if len(value) <= SHOWN_VALUE else value[: SHOWN_VALUE - 1] + '…'}"
        )
    return lines


def to_json(old: Path, new: Path, report: Report) -> dict[str, object]:
    """The JSON report of a comparison."""
    return {
        "old": str(old),
        "new": str(new),
        "mode": report.mode.value,
        "verdict": report.verdict.value,
        "directions": {
            direction.value: {
                "verdict": report.verdict_for(direction).value,
                "findings": [
                    finding_to_json(finding) for finding in report.findings if finding.direction is direction
                ],
            }
            for direction in report.mode.directions
        },
        "cautions": [caution_to_json(caution) for caution in report.cautions],
    }


def caution_to_json(caution: Caution) -> dict[str, object]:
    """The JSON report of a caution; `direction` is null where it is about both."""
    return {
        "path": caution.path,
        "direction": None if caution.direction is None else caution.direction.value,
        "rule": caution.rule,
        "sentence": caution.sentence,
    }


def finding_to_json(finding: SchemaFinding) -> dict[str, object]:
    """The JSON report of a finding; `example` is there only where there is an example."""
    record: dict[str, object] = {
        "path": finding.path,
        "verdict": finding.verdict.value,
        "rule": finding.rule,
        "sentence": finding.sentence,
    }
    return record if finding.example is None else {**record, "example": finding.example.value}
