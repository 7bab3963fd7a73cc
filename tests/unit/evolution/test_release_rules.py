"""Released contracts: given a change, expect it to be additive, or the one line that says why it is not."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from event_archive import UnusableInput
from event_archive.evolution.release_rules import release_faults
from event_archive.validation.own_examples import example_faults
from orchestration.contract_tools.released import released_contracts
from support.events import contract_file, contracts_in

Data = dict[str, Any]
SENT: Data = yaml.safe_load("""
type: object
required: [customer, grams]
properties:
  customer: {type: string, minLength: 2, maxLength: 40}
  grams: {type: integer, minimum: 1}
  kind: {type: string, enum: [box, letter]}
  remarks: {type: object}
  lines: {type: array, items: {type: object, properties: {sku: {type: string}}}}
""")


WORDS = {
    "title": "Weight",
    "$comment": "!",
    "examples": [5],
    "default": 5,
    "deprecated": True,
    "readOnly": True,
}


def faults(folder: Path, change: Callable[[Data, Data], object], revision: int = 2) -> list[tuple[str, str]]:
    """What is wrong with a change of the contract's file and data schema."""
    content = contract_file("parcel.sent.v1", yaml.safe_load(yaml.safe_dump(SENT)), revision=revision)
    change(content, content["data"])
    released = contracts_in(folder / "released", contract_file("parcel.sent.v1", SENT))
    current = contracts_in(folder / "current", content)
    return [(fault.place, fault.why) for fault in release_faults(released, current)]


@pytest.mark.parametrize(
    "change",
    [
        lambda file, data: data["properties"].update(note={"type": "string"}),
        lambda file, data: data["properties"]["lines"]["items"]["properties"].update(n={"type": "integer"}),
        lambda file, data: data["properties"]["kind"]["enum"].append("tube"),
        lambda file, data: data["properties"]["customer"].update(minLength=1, maxLength=80),
        lambda file, data: data["properties"]["grams"].pop("minimum"),
        lambda file, data: file["actor"].append("robot"),
        lambda file, data: data["properties"]["grams"].update(description="How heavy it is."),
        lambda file, data: data["properties"]["grams"].update(WORDS),
    ],
)
def test_what_only_says_more_needs_a_raised_revision(
    tmp_path: Path, change: Callable[[Data, Data], object]
) -> None:
    assert faults(tmp_path, change) == []


@pytest.mark.parametrize(
    ("change", "place", "why"),
    [
        (lambda f, d: d["properties"].pop("kind"), "data/properties/kind", "was released and is gone"),
        (lambda f, d: d["required"].append("kind"), "data/required", "'kind' is required and was not"),
        (
            lambda f, d: d["required"].remove("grams"),
            "data/required",
            "'grams' was required and no longer is",
        ),
        (
            lambda f, d: d["properties"]["kind"]["enum"].remove("box"),
            "data/properties/kind/enum",
            "'box' was allowed",
        ),
        (
            lambda f, d: d["properties"]["grams"].update(minimum=2),
            "data/properties/grams/minimum",
            "was 1 and is 2",
        ),
        (
            lambda f, d: d["properties"]["grams"].update(maximum=9),
            "data/properties/grams/maximum",
            "was absent and is 9",
        ),
        (
            lambda f, d: d["properties"]["customer"].update(format="uuid"),
            "data/properties/customer",
            "was VARCHAR and would be UUID",
        ),
        (
            lambda f, d: d["properties"]["customer"].update(pattern="^c"),
            "data/properties/customer/pattern",
            "was absent",
        ),
        (
            lambda f, d: d["properties"]["remarks"].update(properties={"a": {"type": "string"}}),
            "data/properties/remarks",
            "its column was VARCHAR",
        ),
        (
            lambda f, d: d.update(additionalProperties=False),
            "data/additionalProperties",
            "was absent and is false",
        ),
        (
            lambda f, d: d["properties"]["lines"]["items"]["properties"].pop("sku"),
            "data/properties/lines/items",
            "its column was",
        ),
        (lambda f, d: f["actor"].remove("clerk"), "actor", "'clerk' was allowed and no longer is"),
    ],
)
def test_what_breaks_somebody_is_refused(
    tmp_path: Path, change: Callable[[Data, Data], object], place: str, why: str
) -> None:
    ((found_place, found_why),) = faults(tmp_path, change)
    assert found_place == place
    assert (
        why in found_why
        and "\n" not in found_why
        and found_why.endswith("make it a new major, beside this one")
    )


def test_a_revision_that_was_not_raised_or_was_lowered(tmp_path: Path) -> None:
    def more(_: Data, data: Data) -> None:
        data["properties"]["note"] = {"type": "string"}

    assert faults(tmp_path, more, revision=1) == [
        ("revision", "says more than the released one; raise it to 2")
    ]

    def more_by_a_name(_: Data, data: Data) -> None:
        data["properties"]["description"] = {"type": "string"}

    assert faults(tmp_path / "named", more_by_a_name, revision=1) == [
        ("revision", "says more than the released one; raise it to 2")
    ]

    def in_other_words(_: Data, data: Data) -> None:
        data["properties"]["grams"].update(WORDS)

    assert faults(tmp_path / "words", in_other_words, revision=1) == []
    released = contracts_in(tmp_path / "a", contract_file("parcel.sent.v1", SENT, revision=3))
    current = contracts_in(tmp_path / "b", contract_file("parcel.sent.v1", SENT, revision=2))
    assert [fault.why for fault in release_faults(released, current)] == ["is 2, and 3 was released"]


def test_a_released_contract_must_stay_and_a_new_one_is_free(tmp_path: Path) -> None:
    released = contracts_in(tmp_path / "a", contract_file("parcel.sent.v1", SENT))
    current = contracts_in(tmp_path / "b", contract_file("parcel.lost.v1", SENT))
    assert [(fault.type, fault.place) for fault in release_faults(released, current)] == [
        ("parcel.sent.v1", "the file")
    ]


def test_an_example_that_the_contract_refuses(tmp_path: Path) -> None:
    (contract,) = contracts_in(tmp_path, contract_file("parcel.sent.v1", SENT)).values()
    (fault,) = example_faults(contract)
    assert fault.place == "examples/0" and "is refused: specversion is null, not '1.0'" in fault.why


def git(folder: Path, *arguments: str) -> None:
    who = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", "-C", str(folder), *who, *arguments], check=True, capture_output=True)


def test_released_contracts_come_from_a_git_revision_or_a_folder(tmp_path: Path) -> None:
    folder = tmp_path / "repository" / "contracts"
    contracts_in(folder, contract_file("parcel.sent.v1", SENT))
    git(tmp_path / "repository", "init", "-q")
    git(tmp_path / "repository", "add", ".")
    git(tmp_path / "repository", "commit", "-qm", "first")
    contracts_in(folder, contract_file("parcel.sent.v1", SENT, revision=2))
    assert released_contracts(folder, "HEAD")["parcel.sent.v1"].revision == 1
    assert released_contracts(tmp_path, str(folder))["parcel.sent.v1"].revision == 2


@pytest.mark.parametrize("revision", ["nope", "--help", "HEAD; rm -rf /", "", "--output=/tmp/x"])
def test_a_revision_that_is_none_is_one_line(tmp_path: Path, revision: str) -> None:
    git(tmp_path, "init", "-q")
    with pytest.raises(UnusableInput, match=re.escape("--against: ")) as refused:
        released_contracts(tmp_path, revision)
    assert "\n" not in str(refused.value)
