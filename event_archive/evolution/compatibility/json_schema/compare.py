"""JSON Schema: whether data written under one schema is accepted under another.

Belongs here: the verdict and its reasons. *Compatible* needs a proof (`proof`), *incompatible* a value that
the real validators tell apart (`example`); anything else is *unknown*, with the place and the reason.
Not here: reading files, contracts, and other schema languages.
"""

from typing import Any

from event_archive.evolution.compatibility.findings import (
    Caution,
    Direction,
    Example,
    Mode,
    Report,
    SchemaFinding,
    Verdict,
)
from event_archive.evolution.compatibility.json_schema.document import Document, NotComparable
from event_archive.evolution.compatibility.json_schema.example import JsonExamples
from event_archive.evolution.compatibility.json_schema.facts import facts_of
from event_archive.evolution.compatibility.json_schema.gap import Gap
from event_archive.evolution.compatibility.json_schema.normal import read
from event_archive.evolution.compatibility.json_schema.proof import Proof, TooLarge
from event_archive.evolution.compatibility.json_schema.same import is_same_json
from event_archive.schema_files.json_schema_drafts import draft_of

Drafts = tuple[int | None, int | None]
MOST_GAPS = 200


def compare_json_schemas(old: Any, new: Any, mode: Mode, drafts: Drafts = (None, None)) -> Report:
    """Compare two JSON Schemas, each of the draft that its `$schema` names.

    Where it names none that is known, it is that of `drafts`, old and new, or else assumed; then the report
    cautions. Raises UnusableInput, one line that names the place, where one of them is no schema.
    """
    documents: list[Document] = []
    reasons: list[tuple[str, str]] = []
    cautions: list[Caution] = []
    for name, schema, named in (("old", old, drafts[0]), ("new", new, drafts[1])):
        draft = draft_of(schema, named)
        try:
            documents.append(read(schema, draft))
        except NotComparable as reason:
            reasons.append((reason.rule, f"the {name} schema: {reason}"))
        if draft.assumption:
            cautions.append(
                Caution(
                    ".", "draft_assumed", f"the {name} schema: {draft.assumption} (--draft names another)"
                )
            )
    if drafts[0] == drafts[1] and is_same_json(old, new):
        return Report(mode, (), tuple(cautions))
    findings: list[SchemaFinding] = []
    for direction in mode.directions:
        if reasons:
            findings += [SchemaFinding(direction, Verdict.UNKNOWN, ".", *reason) for reason in reasons]
        elif direction is Direction.BACKWARD:
            findings += _compare_direction(direction, documents[0], documents[1])
        else:
            findings += _compare_direction(direction, documents[1], documents[0])
    return Report(mode, tuple(findings), tuple(cautions))


def find_gaps(writer: Document, reader: Document) -> list[Gap]:
    """The gaps in the proof that the reader accepts all that is written; raises TooLarge."""
    known, asserted = facts_of(writer, (writer.root,)), facts_of(reader, (reader.root,))
    return Proof(writer, reader).gaps(known, asserted)


def _compare_direction(direction: Direction, writer: Document, reader: Document) -> list[SchemaFinding]:
    examples = JsonExamples(writer, reader)
    findings: dict[tuple[str, str, str], SchemaFinding] = {}
    is_new = direction is Direction.BACKWARD
    try:
        gaps = find_gaps(writer, reader)
    except TooLarge:
        gaps = []
        too_large = "the schemas are too large or too entangled for the proof"
        findings[".", "too_large", ""] = SchemaFinding(
            direction, Verdict.UNKNOWN, ".", "too_large", too_large
        )
    for gap in gaps[:MOST_GAPS]:
        path, sentence = (
            "/".join(gap.path) or ".",
            gap.sentence.replace("READER", f"the {'new' if is_new else 'old'} schema"),
        )
        if (path, gap.rule, sentence) in findings:
            continue
        example = examples.of(gap)
        findings[path, gap.rule, sentence] = SchemaFinding(
            direction,
            Verdict.INCOMPATIBLE if example else Verdict.UNKNOWN,
            path,
            gap.rule,
            sentence if example else f"{sentence}; no value was found that shows it",
            Example(example[0]) if example else None,
        )
    if findings and not any(finding.example for finding in findings.values()):
        example = examples.anywhere()
        if example:
            sentence = f"the {'new' if is_new else 'old'} schema refuses a value that may be written"
            findings[".", "value_refused", ""] = SchemaFinding(
                direction, Verdict.INCOMPATIBLE, ".", "value_refused", sentence, Example(example[0])
            )
    return sorted(
        findings.values(),
        key=lambda finding: (finding.path, finding.verdict != Verdict.INCOMPATIBLE, finding.rule),
    )
