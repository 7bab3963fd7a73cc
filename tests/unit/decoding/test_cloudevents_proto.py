"""The compiled cloudevents.proto is what the locked protoc makes of the file, and what is installed."""

import subprocess
import sys
import tomllib
from pathlib import Path

from event_archive.decoding.protobuf_event import DESCRIPTOR, PACKAGE, CloudEvent, CloudEventBatch

PROJECT = Path(__file__).parents[3]


def test_protoc_compiles_the_file_to_these_bytes(tmp_path: Path) -> None:
    compiled = tmp_path / "compiled"
    protoc = [sys.executable, "-I", "-m", "grpc_tools.protoc", "-I", str(DESCRIPTOR.parent)]
    command = [*protoc, f"--descriptor_set_out={compiled}", "cloudevents.proto"]
    subprocess.run(command, check=True, timeout=60)
    assert compiled.read_bytes() == DESCRIPTOR.read_bytes(), "run `make proto`"


def test_the_messages_have_the_names_of_the_format() -> None:
    assert PACKAGE == "io.cloudevents.v1"
    assert CloudEvent.DESCRIPTOR.full_name == "io.cloudevents.v1.CloudEvent"
    assert CloudEventBatch.DESCRIPTOR.full_name == "io.cloudevents.v1.CloudEventBatch"


def test_an_installation_has_both_files() -> None:
    """Python files are packaged by themselves; any other file has to be named."""
    content = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))
    packaged = content["tool"]["setuptools"]["package-data"]["event_archive.decoding"]
    files = {path.name for path in DESCRIPTOR.parent.glob("*.*") if path.suffix not in (".py", ".pyc")}
    assert files == {"cloudevents.proto", "cloudevents.binpb"} == set(packaged)
