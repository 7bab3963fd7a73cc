"""Protobuf files (.proto) as descriptors, compiled by the real protoc.

Belongs here: reading the text of a file and the files that it imports, in a process of its own that can
neither crash nor hang this one. Not here: what the descriptors mean (`readers.protobuf`,
`evolution.compatibility.protobuf`).

What is imported is looked for in the folders that the caller names, as protoc does; the types that come with
Protobuf (`google/protobuf/*.proto`) are always there. Comments are kept (`source_code_info`).
"""

import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet
from google.protobuf.message import DecodeError

from event_archive.errors import UnusableInput

MAX_BYTES = 1_000_000
MAX_SECONDS = 60  # far more than any file takes: what never ends is ended
MAX_MESSAGE = 300
NAME = "factlog-import.proto"
"""What the file is called while it is compiled: as no file is that it imports."""

OUTPUT = "descriptors"
OWN_IMPORT = re.compile(r"google/protobuf/[a-z_]+\.proto")
FAULT = re.compile(r"^([^\s:]+\.proto):(\d+):(\d+): (?!warning:)(.+)$", re.MULTILINE)
BAD_IMPORT = re.compile(r'^Import "(.*)" was not found|^File recursively imports itself')
ONE_FILE = "only google/protobuf/*.proto may be imported: put it all in one file"
IN_NO_FOLDER = "which is in none of the folders: name the one that this path begins in with -I"


def read_proto(text: str) -> FileDescriptorProto:
    """Return the descriptor of a .proto file that imports nothing but Protobuf's own files.

    Raises UnusableInput with one line where there is none.
    """
    descriptor = read_proto_files(text)[-1]
    for name in (*descriptor.dependency, *descriptor.option_dependency):
        if not OWN_IMPORT.fullmatch(name):
            raise UnusableInput(f"imports {name!r}; {ONE_FILE}")
    return descriptor


def read_proto_files(text: str, folders: Sequence[Path] = ()) -> list[FileDescriptorProto]:
    """Return the descriptors of a .proto file and of all that it imports: its own is the last.

    `folders`: where the paths of imports begin, in the order in which they are looked through. Raises
    UnusableInput with one line that names no file but an imported one.
    """
    try:
        content = text.encode()
    except UnicodeEncodeError:
        raise UnusableInput("is not UTF-8 text") from None
    if len(content) > MAX_BYTES:
        raise UnusableInput(f"is larger than {MAX_BYTES:,} bytes: split what is too big for one file")
    with tempfile.TemporaryDirectory(prefix="factlog-proto-") as folder:
        return _compiled(content, [path.absolute() for path in folders], Path(folder))


def _compiled(content: bytes, folders: Sequence[Path], folder: Path) -> list[FileDescriptorProto]:
    (folder / NAME).write_bytes(content)
    # By links, since a colon or an equals sign in a path says something to protoc.
    for number, path in enumerate(folders):
        (folder / str(number)).symlink_to(path)
    # -I: nothing in the folder or the environment can take the place of a Python module.
    command = [sys.executable, "-I", "-m", "grpc_tools.protoc", "-I."]
    command += [f"-I{number}" for number in range(len(folders))]
    try:
        run = subprocess.run(
            [*command, "--include_source_info", "--include_imports", f"--descriptor_set_out={OUTPUT}", NAME],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=MAX_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise UnusableInput(
            f"could not be read: protoc was not done after {MAX_SECONDS} s; try again, or make it smaller"
        ) from None
    if run.returncode:
        raise UnusableInput(_fault(run.stderr.decode(errors="replace"), folders))
    try:
        files = FileDescriptorSet.FromString((folder / OUTPUT).read_bytes()).file
        (descriptor,) = (file for file in files if file.name == NAME)
    except (DecodeError, OSError, ValueError):
        raise UnusableInput("protoc compiled it into something that can't be read: simplify it") from None
    return [*(file for file in files if file.name != NAME), descriptor]


def _fault(output: str, folders: Sequence[Path]) -> str:
    """Return the first error of protoc, in one line."""
    faults = list(FAULT.finditer(output))
    if not faults:
        return "protoc can't compile it and does not say why: simplify it"
    # That an import had errors follows from these, and they are told as well.
    causes = [fault for fault in faults if _is_cause(fault[4], output)]
    name, line, column, message = (causes or faults)[0].groups()
    foreign = BAD_IMPORT.match(message)
    if foreign:
        why = f", {IN_NO_FOLDER}" if folders else f"; {ONE_FILE}"
        message = f"imports {foreign[1] or 'schema.proto'!r}{why}"
    message = "".join(letter if letter.isprintable() else "�" for letter in message)
    if len(message) > MAX_MESSAGE:
        message = f"{message[: MAX_MESSAGE - 1]}…"
    number, _, path = name.partition("/")
    return f"{f'{folders[int(number)] / path}: ' if number.isdecimal() else ''}{line}:{column}: {message}"


def _is_cause(message: str, output: str) -> bool:
    foreign = BAD_IMPORT.match(message)
    return not foreign or not foreign[1] or f"\n{foreign[1]}: " in f"\n{output}"
