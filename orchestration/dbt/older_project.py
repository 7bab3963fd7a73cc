"""What in a dbt project was written for an older factlog: each place, by file and line, with what to write.

Belongs here: finding these places in the text of a project, without dbt, which may not read it any more.
Not here: refusing such a project as it is built (`project_rules`, `fact_rules`).

Nothing is rewritten: no format but this one was ever released, and what a fact's key and events are, only
whoever has written it knows.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from event_archive import UnusableInput
from orchestration.dbt.project_rules import CALLS, GONE, PACKAGED

COMMENT = re.compile(r"\{#.*?#\}|--[^\n]*|/\*.*?\*/", re.DOTALL)
YAML_COMMENT = re.compile(r"(?m)(?:^|(?<=\s))#.*$")
DEFINED = re.compile(rf"macro\s+({'|'.join(sorted(PACKAGED | GONE))})\s*\(")
INCREMENTAL = re.compile(r"""materialized\s*[=:]\s*["']?incremental\b""")
OWN_LOGIC = re.compile(r"\bis_incremental\s*\(")
PLAIN = "write the fact as a plain SELECT over {{ factlog.events() }}"
INSTEAD: Mapping[str, str] = {
    "event_columns": "write factlog.event_columns(",
    "first_or_last_event": "write factlog.first_or_last_event(",
    "in_effect": "remove it: events.<type> shows what stands, events.<type>__all every event",
    "keys_to_derive": PLAIN,
    "where_to_derive": PLAIN,
    "materialize_now": "remove it: what a fact reads is kept for it",
}
FACT = 'write materialized="fact" with key=… (its unique_key) and events="…" (the staging model it reads)'
DISPATCH = (
    "write dispatch: [{macro_namespace: dbt, search_order: [<the project's name>, factlog, dbt]}]: how "
    "schemas are named and keys of facts are tested comes with factlog"
)
LEFT_OUT = {"dbt_packages", "target", "logs"}


@dataclass(frozen=True)
class OldPlace:
    """A line of a project that is to be written otherwise; `file`: from the folder of the dbt project."""

    file: str
    line: int
    found: str
    write: str


def old_places(project: Path) -> list[OldPlace]:
    """Return every place that an older factlog read otherwise, in the order of files and lines."""
    places = [place for file in _files(project) for place in _places(file, project)]
    return sorted(places, key=lambda place: (place.file, place.line))


def _files(project: Path) -> Iterator[Path]:
    for file in sorted(project.rglob("*")):
        inside = file.relative_to(project)
        if inside.parts[0] not in LEFT_OUT and file.suffix in (".sql", ".yml", ".yaml") and file.is_file():
            yield file


def _places(file: Path, project: Path) -> Iterator[OldPlace]:
    try:
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise UnusableInput(f"{file}: is not UTF-8 throughout; write it in UTF-8") from None
    is_sql, name = file.suffix == ".sql", str(file.relative_to(project))
    code = (COMMENT if is_sql else YAML_COMMENT).sub(_only_its_lines, text)

    def place(at: int, found: str, write: str) -> OldPlace:
        return OldPlace(name, code.count("\n", 0, at) + 1, found, write)

    for match in INCREMENTAL.finditer(code):
        yield place(match.start(), match[0], FACT)
    if is_sql:
        for match in OWN_LOGIC.finditer(code):
            yield place(match.start(), "is_incremental()", f"remove it: {PLAIN}")
        defined = {match.start(1): match[1] for match in DEFINED.finditer(code)}
        for match in CALLS.finditer(code):
            if match.start(1) in defined:
                yield place(match.start(1), f"macro {match[1]}", "remove it: it comes with factlog")
            else:
                yield place(match.start(1), match[1], INSTEAD[match[1]])
    elif name == "dbt_project.yml" and not re.search(r"search_order:[^\n]*\bfactlog\b", code):
        yield place(len(code), "no dispatch to factlog", DISPATCH)


def _only_its_lines(match: re.Match[str]) -> str:
    """Return a comment without its text, so that lines keep their numbers."""
    return "\n" * match[0].count("\n")
