"""`factlog contracts import` and `export`: contracts from the schema files of producers, and back.

Belongs here: options, and where files are put. Not here: the schema languages
(`event_archive.schema_files`).
"""

import os
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import click

from event_archive import UnusableInput
from event_archive.registry.contract import Contract, load_contracts
from event_archive.schema_files.reading import NULL_OR_ABSENT, Choices
from event_archive.schema_files.writers.avro import to_avro
from event_archive.schema_files.writers.json_schema import to_json_schema
from event_archive.schema_files.writers.markdown import to_markdown
from event_archive.schema_files.writers.protobuf import to_protobuf
from event_archive.schema_files.writers.pydantic import to_pydantic
from event_archive.store.durable import make_durable_folder
from orchestration.command_line import completion, screen
from orchestration.command_line.options import (
    NamedChoice,
    contracts_option,
    draft_option,
    json_option,
    read_settings,
    unknown_type,
)
from orchestration.setting_values import absolute

FORMATS: dict[str, Callable[[Contract], str]] = {
    "jsonschema": to_json_schema,
    "avro": to_avro,
    "proto": to_protobuf,
    "pydantic": to_pydantic,
    "markdown": to_markdown,
}


@click.command("import", short_help="Make a contract from a JSON Schema, Avro or Protobuf file.")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--type", "event_type", required=True, metavar="TYPE", help="Such as order.placed.v1.")
@click.option("--message", metavar="NAME", help="The record or message to take, where the file has several.")
@click.option(
    "-I",
    "--include",
    "folders",
    metavar="FOLDER",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Where files lie that it imports (Protobuf) or whose types it names (Avro), beside its own folder. "
    "May be repeated.",
)
@click.option(
    "--null-or-absent",
    type=NamedChoice(NULL_OR_ABSENT),
    default=NULL_OR_ABSENT[0],
    show_default=True,
    help="What a field of a JSON Schema becomes that may be null and may be absent: it stays both, and its "
    "column holds JSON; or it is only ever absent, or null, and its column has a type.",
)
@draft_option
@click.option("--owner", default="core", show_default=True, help="The team that answers for it.")
@click.option(
    "--actor",
    "actors",
    metavar="TYPE[,TYPE…]",
    multiple=True,
    default=("system",),
    show_default=True,
    help="Who may do it.",
)
@click.option(
    "--output",
    metavar="PATH|-",
    help="Where to write it; - prints it.  [default: TYPE.yaml in the folder of contracts]",
)
@contracts_option
@json_option
def import_(
    file: Path,
    event_type: str,
    message: str | None,
    folders: tuple[Path, ...],
    null_or_absent: str,
    draft: int | None,
    owner: str,
    actors: tuple[str, ...],
    output: str | None,
    contracts: Path | None,
    wants_json: bool,
) -> None:
    """Make a contract from a JSON Schema (.json), Avro (.avsc) or Protobuf (.proto) file.

    What is written passes `factlog contracts check`; what it could not carry over is said on standard error,
    a line each. A file that is there is never overwritten.

    \b
    Examples:
      factlog contracts import order.avsc --type order.placed.v1
      factlog contracts import order.proto --message Order --type order.placed.v1 --output -
      factlog contracts import api/order.proto -I api -I vendor --type order.placed.v1
    """
    from event_archive.schema_files.importing import import_contract

    actor_types = tuple(dict.fromkeys(actor.strip() for listed in actors for actor in listed.split(",")))
    made = import_contract(
        file,
        event_type,
        owner,
        actor_types,
        Choices(message, folders, null_or_absent=null_or_absent, draft=draft),
    )
    written = None
    if output != "-":
        settings = read_settings(contracts, requires=() if output else ("contracts",))
        folder = settings.contracts
        target = absolute(output, "--output") if output else folder / f"{event_type}.yaml"
        settings.require_foreign(target)
        if target.parent.resolve() == folder.resolve():
            _check_beside(folder, event_type, made.text)
        create(target, made.text)
        written = str(target)
    if wants_json:
        losses = [asdict(loss) for loss in made.losses]
        screen.print_json({"type": event_type, "path": written, "contract": made.text, "losses": losses})
        return
    screen.print_lines(screen.format_path(Path(written)) if written else made.text.rstrip("\n"))
    for loss in made.losses:
        screen.print_note(screen.printable(f"not carried over: {loss.place or 'the whole'}: {loss.why}"))


@click.command("export", short_help="Give a contract in the language of a producer.")
@click.argument("type_name", metavar="TYPE", shell_complete=completion.event_types)
@click.option(
    "--format", "language", required=True, type=NamedChoice(list(FORMATS)), help="What to give it as."
)
@click.option("--output", metavar="PATH", help="A new file to write it to.  [default: standard output]")
@contracts_option
def export(type_name: str, language: str, output: str | None, contracts: Path | None) -> None:
    """Give a contract in the language of a producer.

    `jsonschema` is of the whole event, `pydantic` a Python module with a class of it, `avro` and `proto`
    are of its data, `markdown` is a page to read. What a language can't express is in a comment or a
    description.

    \b
    Examples:
      factlog contracts export translation.requested.v2 --format pydantic
      factlog contracts export invoice.issued.v1 --format avro --output invoice_issued.avsc
    """
    settings = read_settings(contracts, requires=("contracts",))
    known = load_contracts(settings.contracts)
    if type_name not in known:
        raise unknown_type(type_name, known)
    text = FORMATS[language](known[type_name])
    if output in (None, "-"):
        screen.print_lines(text.rstrip("\n"))
    else:
        path = absolute(str(output), "--output")
        settings.require_foreign(path)
        create(path, text)
        screen.print_lines(screen.format_path(path))


def create(path: Path, text: str) -> None:
    """Write a new file whole, or not at all; raises UnusableInput where it is there."""
    try:
        make_durable_folder(path.parent)
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", dir=path.parent, prefix=f".{path.name[:50]}.", delete=False
        ) as file:
            file.write(text)
        try:
            Path(file.name).chmod(0o644)
            os.link(file.name, path)
        finally:
            Path(file.name).unlink()
    except FileExistsError as error:
        raise UnusableInput(
            f"{path}: is there already and is not overwritten; name another --output, or move it away"
        ) from error
    except OSError as error:
        raise UnusableInput(f"{path}: can't be written: {error.strerror}") from error


def _check_beside(folder: Path, event_type: str, text: str) -> None:
    """Raise UnusableInput for what breaks the folder: a major without an upcast, a view that is taken."""
    if not folder.is_dir():
        return
    with tempfile.TemporaryDirectory() as copy:
        for path in folder.glob("*.yaml"):
            (Path(copy) / path.name).symlink_to(path.absolute())
        made = Path(copy) / f"{event_type}.yaml"
        if made.is_symlink():
            return  # create() says so
        made.write_text(text, encoding="utf-8")
        try:
            load_contracts(Path(copy))
        except UnusableInput as error:
            reason = str(error).replace(f"{copy}/", "")
            raise UnusableInput(
                f"{folder}: would not load with this contract in it: {reason}; write it elsewhere with "
                "--output, and amend it there"
            ) from error
