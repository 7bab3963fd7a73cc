"""The part of the proof about choices: `anyOf`, `oneOf`, `not`, `if`, and the cases of the writer.

Belongs here: what composes schemas for one and the same value. Not here: what descends into its members
(`members`).
"""

from collections.abc import Iterator
from typing import Any

from event_archive.evolution.compatibility.json_schema.facts import Facts, facts_of
from event_archive.evolution.compatibility.json_schema.gap import Gap
from event_archive.evolution.compatibility.json_schema.kinds import NUMBERS, TYPES
from event_archive.evolution.compatibility.json_schema.prover import Prover
from event_archive.evolution.compatibility.json_schema.same import same, same_list

COMPOSED = ("anyOf", "oneOf", "not", "if")


def composed_gaps(
    proof: Prover, writer: Facts, reader: Facts, part: dict[str, Any], path: tuple[str, ...], splits: int
) -> Iterator[Gap]:
    """What one part of the reader asserts by choices and the writer does not."""
    document = reader.document
    if "not" in part:
        refused = facts_of(document, (part["not"],))
        shown = proof.disjoint(writer, refused) or any(
            not proof.gaps(refused, facts_of(writer.document, (known,)), path, splits + 1)
            for known in writer.all_of("not")
        )
        if not shown:
            yield Gap(path, "not_refused", "READER refuses what its `not` describes", writer, reader)
    if "if" in part and ("then" in part or "else" in part):
        yield from _conditional_gaps(proof, writer, reader, part, path, splits)
    for keyword in ("anyOf", "oneOf"):
        if keyword in part and not _same_keyword(writer, reader, part, keyword):
            yield from _choice_gaps(proof, writer, reader, part, keyword, path, splits)


def _conditional_gaps(
    proof: Prover, writer: Facts, reader: Facts, part: dict[str, Any], path: tuple[str, ...], splits: int
) -> Iterator[Gap]:
    then, other = (
        facts_of(reader.document, (part.get("then", True),)),
        facts_of(reader.document, (part.get("else", True),)),
    )
    condition = facts_of(reader.document, (part["if"],))
    always = not proof.gaps(writer, condition, path, splits + 1)
    never = not always and proof.disjoint(writer, condition)
    for known in writer.parts:
        if "if" in known and same(writer, known["if"], reader, part["if"]):
            where_met = facts_of(writer.document, (*writer.parts, known.get("then", True), known["if"]))
            where_not_met = facts_of(writer.document, (*writer.parts, known.get("else", True)))
            yield from () if never else proof.gaps(where_met, then, path, splits + 1)
            yield from () if always else proof.gaps(where_not_met, other, path, splits + 1)
            return
    if not never and proof.gaps(writer, then, path, splits + 1):
        yield Gap(path, "condition_changed", "READER demands more where its `if` is met", writer, reader)
    if not always and proof.gaps(writer, other, path, splits + 1):
        yield Gap(path, "condition_changed", "READER demands more where its `if` is not met", writer, reader)


def _choice_gaps(
    proof: Prover,
    writer: Facts,
    reader: Facts,
    part: dict[str, Any],
    keyword: str,
    path: tuple[str, ...],
    splits: int,
) -> Iterator[Gap]:
    branches = [facts_of(reader.document, (node,)) for node in part[keyword]]
    likely: list[list[Gap]] = []
    for number, branch in enumerate(branches):
        if not branch.types & writer.types and not writer.empty and writer.types:
            continue
        gaps = proof.gaps(writer, branch, path, splits + 1)
        others = branches[:number] + branches[number + 1 :] if keyword == "oneOf" else []
        if not gaps and all(proof.disjoint(writer, other) for other in others):
            return
        if not gaps:
            yield Gap(
                path,
                "choice_ambiguous",
                "READER may accept it by two of its `oneOf`, so by none",
                writer,
                reader,
            )
            return
        likely.append(gaps)
    if len(likely) == 1:
        yield from likely[0]
    else:
        sentence = f"none of the {len(branches)} choices of READER is shown to accept all that may be written"
        yield Gap(path, "choice_removed", sentence, writer, reader)


def _same_keyword(writer: Facts, reader: Facts, part: dict[str, Any], keyword: str) -> bool:
    return any(same_list(writer, known, reader, part[keyword]) for known in writer.all_of(keyword))


def cases_of(writer: Facts, reader: Facts) -> list[Facts] | None:
    """The writer's cases; together they are all that it may write."""
    document = writer.document
    for part in writer.parts:
        for keyword in ("anyOf", "oneOf"):
            if keyword in part:
                rest = [
                    fact if fact is not part else document.without(part, keyword) for fact in writer.parts
                ]
                return [facts_of(document, (*rest, branch)) for branch in part[keyword]]
    kinds = [
        (NUMBERS, "number"),
        *((TYPES[name], name) for name in ("null", "boolean", "string", "array", "object")),
    ]
    present = [name for kind, name in kinds if kind & writer.types]
    if len(present) > 1 and any(keyword in part for part in reader.parts for keyword in COMPOSED):
        return [facts_of(document, (*writer.parts, document.made("type", name))) for name in present]
    for part in writer.parts:
        if "if" in part:
            rest = [
                fact if fact is not part else document.without(part, "if", "then", "else")
                for fact in writer.parts
            ]
            return [
                facts_of(document, (*rest, part["if"], part.get("then", True))),
                facts_of(document, (*rest, document.made("not", part["if"]), part.get("else", True))),
            ]
    return None
