"""Protobuf files (.proto) as descriptors, compiled by the real protoc.

Belongs here: reading the text of one file, in a process of its own that can neither crash nor hang this one.
Not here: what the descriptors mean (`readers.protobuf`, `evolution.compatibility.protobuf`).

A file must say it all: of imports, only the types that come with Protobuf (`google/protobuf/*.proto`) are
allowed. Comments are kept (`source_code_info`).
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet
from google.protobuf.message import DecodeError

from event_archive.errors import UnusableInput

MAX_BYTES = 1_000_000
MAX_SECONDS = 60  # far more than any file takes: what never ends is ended
MAX_MESSAGE = 300
NAME = "schema.proto"
OUTPUT = "descriptors"
OWN_IMPORT = re.compile(r"google/protobuf/[a-z_]+\.proto")
FAULT = re.compile(rf"^{re.escape(NAME)}:(\d+):(\d+): (?!warning:)(.+)$", re.MULTILINE)
BAD_IMPORT = re.compile(r'^Import "(.*)" was not found|^File recursively imports itself')
ONE_FILE = "only google/protobuf/*.proto may be imported: put it all in one file"


def read_proto(text: str) -> FileDescriptorProto:
    """Return the descriptor of a .proto file; raises UnusableInput with one line where there is none."""
    try:
        content = text.encode()
    except UnicodeEncodeError:
        raise UnusableInput("is not UTF-8 text") from None
    if len(content) > MAX_BYTES:
        raise UnusableInput(f"is larger than {MAX_BYTES:,} bytes: split what is too big for one file")
    with tempfile.TemporaryDirectory(prefix="factlog-proto-") as folder:
        descriptor = _compiled(content, Path(folder))
    for name in (*descriptor.dependency, *descriptor.option_dependency):
        if not OWN_IMPORT.fullmatch(name):
            raise UnusableInput(f"imports {name!r}; {ONE_FILE}")
    return descriptor


def _compiled(content: bytes, folder: Path) -> FileDescriptorProto:
    (folder / NAME).write_bytes(content)
    # -I: nothing in the folder or the environment can take the place of a Python module.
    command = [sys.executable, "-I", "-m", "grpc_tools.protoc", "-I.", "--include_source_info"]
    try:
        run = subprocess.run(
            [*command, f"--descriptor_set_out={OUTPUT}", NAME],
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
        raise UnusableInput(_fault(run.stderr.decode(errors="replace")))
    try:
        files = FileDescriptorSet.FromString((folder / OUTPUT).read_bytes()).file
        (descriptor,) = (file for file in files if file.name == NAME)
    except (DecodeError, OSError, ValueError):
        raise UnusableInput("protoc compiled it into something that can't be read: simplify it") from None
    return descriptor


def _fault(output: str) -> str:
    """Return the first error of protoc, in one line."""
    first = FAULT.search(output)
    if first is None:
        return "protoc can't compile it and does not say why: simplify it"
    line, column, message = first.groups()
    foreign = BAD_IMPORT.match(message)
    if foreign:
        message = f"imports {foreign[1] or NAME!r}; {ONE_FILE}"
    message = "".join(letter if letter.isprintable() else "�" for letter in message)
    if len(message) > MAX_MESSAGE:
        message = f"{message[: MAX_MESSAGE - 1]}…"
    return f"{line}:{column}: {message}"
