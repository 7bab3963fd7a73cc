"""Protobuf compatibility: what is called compatible is read as it was written; files are read in bounds."""

import random
import time

import pytest
from google.protobuf import json_format, message_factory
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.message import DecodeError
from hypothesis import given, settings
from hypothesis import strategies as st

from event_archive import UnusableInput
from event_archive.evolution.compatibility.findings import Direction, Mode, Verdict
from event_archive.evolution.compatibility.protobuf.compare import compare_protobuf
from event_archive.schema_files import proto_file
from event_archive.schema_files.proto_file import MAX_BYTES, read_proto
from support.hunting import examples
from support.proto_pairs import NUMBERS, TYPES, as_read, built, changed, descriptor, fill, some_file


def pair(seed: int) -> tuple[random.Random, FileDescriptorProto, FileDescriptorProto]:
    chance = random.Random(seed)
    old = some_file(chance)
    files = []
    for file in (old, changed(old, chance)):
        made = descriptor(file)
        for message in made.message_type if file.syntax == "proto2" else ():
            for index in reversed(range(len(message.oneof_decl))):
                if message.oneof_decl[index].name.startswith("_"):
                    del message.oneof_decl[index]
            for field in message.field:
                if field.proto3_optional:
                    field.ClearField("proto3_optional")
                    field.ClearField("oneof_index")
        files.append(made)
    return chance, files[0], files[1]


def refuses_no_utf8(message: Descriptor) -> set[int]:
    """The numbers of texts in which a message refuses bytes that are not UTF-8."""
    refused = set()
    for number in range(1, 7):
        try:
            message_factory.GetMessageClass(message)().MergeFromString(bytes([number << 3 | 2, 1, 0xFF]))
        except DecodeError:
            refused.add(number)
    texts = {field.number for field in message.fields if field.type == FieldDescriptor.TYPE_STRING}
    return refused & texts


@settings(max_examples=examples(3000))
@given(st.integers(0, 2**40))
def test_what_is_called_compatible_is_read_as_written_and_examples_are_not(seed: int) -> None:
    chance, old, new = pair(seed)
    report = compare_protobuf(old, new, Mode.FULL)
    for direction in Direction:
        writer, reader = (old, new) if direction is Direction.BACKWARD else (new, old)
        messages, readers = built(writer), built(reader)
        if report.verdict_for(direction) is Verdict.COMPATIBLE:
            for name, message in messages.items():
                for _ in range(4):
                    written = fill(message_factory.GetMessageClass(message)(), chance)
                    assert as_read(written, readers[name]) is None, (written, old, new)
                texts = {
                    field.number for field in message.fields if field.type == FieldDescriptor.TYPE_STRING
                }
                taken = texts - refuses_no_utf8(message)
                assert not taken & refuses_no_utf8(readers[name]), (name, old, new)
        for finding in report.findings:
            assert "\n" not in finding.sentence
            if finding.direction is direction and finding.example is not None:
                name = finding.path.split("/")[0]
                written = message_factory.GetMessageClass(messages[name])()
                json_format.ParseDict(finding.example.value, written)
                assert as_read(written, readers[name]) is not None, (finding, old, new)


def test_the_hunt_meets_every_verdict_and_most_findings_have_an_example() -> None:
    reports = [compare_protobuf(*pair(seed)[1:], Mode.BACKWARD) for seed in range(200)]
    verdicts = [report.verdict for report in reports]
    assert min(verdicts.count(verdict) for verdict in (Verdict.COMPATIBLE, Verdict.INCOMPATIBLE)) >= 50
    findings = [
        finding
        for report in reports
        for finding in report.findings
        if finding.verdict is Verdict.INCOMPATIBLE
    ]
    assert sum(finding.example is not None for finding in findings) >= 0.9 * len(findings)
    assert len({finding.rule for finding in findings}) >= 7


def single(type_: int) -> FileDescriptorProto:
    file = FileDescriptorProto(name="schema.proto", syntax="proto3")
    field = file.message_type.add(name="Order").field.add(name="a", number=1, label=1, type=type_)
    if type_ == FieldDescriptor.TYPE_ENUM:
        field.type_name = ".Kind"
        file.enum_type.add(name="Kind").value.add(name="ZERO", number=0)
    return file


@pytest.mark.parametrize("written", TYPES[:13])
def test_numbers_are_compatible_where_no_value_changes(written: int) -> None:
    for read in TYPES[:13]:
        of, by = (built(single(type_))["Order"] for type_ in (written, read))
        keeps = True
        for number in [1.0, *NUMBERS, *(value - 1 for value in NUMBERS), *(value + 1 for value in NUMBERS)]:
            message = message_factory.GetMessageClass(of)()
            try:
                message.a = number if written in TYPES[11:13] else int(number)  # type: ignore[attr-defined]
            except (ValueError, OverflowError):
                continue
            keeps = keeps and as_read(message, by) is None
        verdict = compare_protobuf(single(written), single(read), Mode.BACKWARD).verdict
        assert (verdict is Verdict.COMPATIBLE) == keeps, (written, read)


def test_services_that_differ_are_cautioned_of() -> None:
    text = 'syntax = "proto3"; message A {} message B {} service S { rpc Get(A) returns (%s); }'
    report = compare_protobuf(read_proto(text % "A"), read_proto(text % "B"), Mode.FULL)
    assert report.verdict is Verdict.COMPATIBLE
    assert [caution.rule for caution in report.cautions] == ["services_changed"]


def test_a_file_is_read_with_its_comments() -> None:
    file = read_proto(
        """
        edition = "2023";
        package shop.v1;
        import "google/protobuf/timestamp.proto";
        // An order of a customer.
        message Order { string id = 1; google.protobuf.Timestamp placed_at = 2;
          map<string, int64> prices = 3; }
        """
    )
    assert file.package == "shop.v1"
    assert [field.name for field in file.message_type[0].field] == ["id", "placed_at", "prices"]
    comments = [place.leading_comments for place in file.source_code_info.location if place.leading_comments]
    assert comments == [" An order of a customer.\n"]


def test_features_that_belong_to_other_languages_are_compared_as_bytes() -> None:
    start = 'edition = "2023"; import "google/protobuf/go_features.proto"; '
    text = start + "message A { int32 x = 1; } enum E { Z = 0; }"
    assert (
        compare_protobuf(read_proto(text), read_proto(text.replace("x = 1", "y = 1")), Mode.FULL).findings
        == ()
    )


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('syntax = "proto3"; import "../../etc/passwd";', "1:20: imports '../../etc/passwd'; only google/"),
        ('syntax = "proto3"; import "/etc/passwd";', "1:20: imports '/etc/passwd'; only google/"),
        ('syntax = "proto3"; import "shop/line.proto";', "put it all in one file"),
        ('syntax = "proto3"; import "schema.proto";', "1:20: imports 'schema.proto'"),
        ('syntax = "proto3"; import "google/protobuf/compiler/plugin.proto";', "put it all in one file"),
        ('syntax = "proto3"; message A { int32 x = 1 ', '1:44: Expected ";".'),
        ('syntax = "proto3"; message A { Nope x = 1; }', '1:32: "Nope" is not defined.'),
        (
            'syntax = "proto3"; message A { int32 x = 1; int32 y = 1; }',
            "Field number 1 has already been used",
        ),
        ('syntax = "proto9";', '1:10: Unrecognized syntax identifier "proto9"'),
        ("\x00\x1b[31m", "Invalid control characters"),
        ("\ud800", "is not UTF-8 text"),
        ("message A {" * 60_000, "Reached maximum recursion limit"),
        ("//" + "x" * MAX_BYTES, "is larger than 1,000,000 bytes"),
        ("message A { optional int32 x = 1 [(a) = {" + "b {" * 100_000, "1:"),
    ],
)
def test_a_hostile_file_is_one_line_within_a_time(text: str, why: str) -> None:
    start = time.monotonic()
    with pytest.raises(UnusableInput) as refused:
        read_proto(text)
    assert why in str(refused.value) and str(refused.value).isprintable() and len(str(refused.value)) < 400
    assert time.monotonic() - start < 20


@pytest.mark.parametrize(
    "text",
    [
        "".join(f"message A{number} {{ optional A{number + 1} a = 1; }} " for number in range(3000))
        + "message A3000 {}",
        "message A { " + "".join(f"optional int64 f{number} = {number + 1};" for number in range(5000)) + "}",
        "".join(f"message A{n} {{ required A{n + 1} a = 1; required A{n + 1} b = 2; }} " for n in range(60))
        + "message A60 { optional int64 x = 1; }",
        "message A { optional B b = 1; } message B { required A a = 1; optional int64 x = 2; }",
    ],
)
def test_large_deep_and_recursive_files_are_compared_within_a_time(text: str) -> None:
    old, new = read_proto(text), read_proto(f"{text.replace('int64', 'int32')} message More {{}}")
    start = time.monotonic()
    report = compare_protobuf(old, new, Mode.FULL)
    assert time.monotonic() - start < 15
    expected = Verdict.INCOMPATIBLE if "int64" in text else Verdict.COMPATIBLE
    assert report.verdict_for(Direction.BACKWARD) is expected


def test_a_file_that_does_not_compile_in_time_could_not_be_read_which_is_no_verdict(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(proto_file, "MAX_SECONDS", 0.001)
    with pytest.raises(UnusableInput, match=r"could not be read: protoc .* after 0\.001 s; try again"):
        read_proto('syntax = "proto3"; message A {}')
