"""What a page tells a reader to type, and what it says is printed.

Belongs here: reading a page's fenced blocks, running what is typed, holding the output to the page. Not here:
where it is typed (`pipeline/test_docs.py` in a copy of the clone, `pipeline/test_wheel.py` outside of any).

In a `console` block a line that opens with `$ ` is a command and `> ` continues it; the lines below it are
lines of its output, in that order: `…` stands for any text, and a line `…` for any lines. A `sh` block is one
script. A block that can't be run here follows a line `<!-- not run: why -->`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from subprocess import CompletedProcess

from orchestration.settings import PROJECT

OUTSIDE = ("docs/start-with-your-own-events.md", "docs/how-to-test-your-models.md")
"""The pages that begin with an empty folder, outside of any clone."""

FENCE = re.compile(r"^(?P<indent> *)```(?P<language>\w*)\s*$")
NOT_RUN = re.compile(r"<!-- not run: \S.* -->")


@dataclass(frozen=True)
class TypedCommand:
    """One thing to type, and the lines that it is said to print."""

    place: str
    script: str
    output: tuple[str, ...] = ()


def blocks(page: str) -> Iterator[tuple[int, str, list[str], bool]]:
    """Yield the line number, language, lines and whether it is to be run, of each fenced block of a page."""
    before, inside, language, start, run, indent = "", False, "", 0, True, ""
    lines: list[str] = []
    for number, line in enumerate((PROJECT / page).read_text(encoding="utf-8").splitlines(), start=1):
        fence = FENCE.match(line)
        if fence and not inside:
            inside, language, start, lines, indent = True, fence["language"], number, [], fence["indent"]
            run = not NOT_RUN.search(before)
        elif fence:
            inside = False
            yield start, language, lines, run
        elif inside:
            lines.append(line.removeprefix(indent))
        if line.strip():
            before = line
    assert not inside, f"{page}:{start}: the block is not closed"


def steps(page: str) -> list[TypedCommand]:
    """Return what a reader of a page types, in order."""
    commands = []
    for number, language, lines, run in blocks(page):
        if run and language == "sh":
            commands.append(TypedCommand(f"{page}:{number}", "\n".join(lines)))
        elif run and language == "console":
            commands.extend(typed(page, number, lines))
    return commands


def typed(page: str, number: int, lines: list[str]) -> Iterator[TypedCommand]:
    """Yield the commands of a `console` block, each with its output."""
    command, output, place = "", list[str](), ""
    for at, line in enumerate([*lines, "$ "], start=number + 1):
        if line.startswith("$ "):
            if command:
                yield TypedCommand(place, command, tuple(output))
            command, output, place = line[2:], [], f"{page}:{at}"
        elif line.startswith("> ") and not output:
            command += "\n" + line[2:]
        else:
            assert command, f"{page}:{at}: a console block starts with a line `$ …`"
            output.append(line)


def missing_line(shown: tuple[str, ...], printed: str) -> str | None:
    """Return the first line that a page shows and that is not printed, in the order of the page."""
    remaining = iter([" ".join(line.split()) for line in printed.splitlines()])
    for line in shown:
        wanted = " ".join(line.split())
        if wanted in ("", "…"):
            continue
        pattern = re.compile(".*".join(re.escape(part.strip()) for part in wanted.split("…")))
        if not any(pattern.fullmatch(actual) for actual in remaining):
            return line
    return None


def hold_to_page(step: TypedCommand, done: CompletedProcess[str]) -> None:
    """Hold a command that was run to what its page says of it."""
    assert done.returncode == 0, f"{step.place}: {step.script}\nexit code {done.returncode}\n{done.stdout}"
    missing = missing_line(step.output, done.stdout)
    assert missing is None, f"{step.place}: {step.script}\ndoes not print: {missing}\nbut:\n{done.stdout}"
