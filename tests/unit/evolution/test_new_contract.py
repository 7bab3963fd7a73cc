"""Skeletons of contracts: given a type, expect a text that holds as it stands, or one line."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from event_archive import UnusableInput
from event_archive.evolution.new_contract import contract_skeleton
from event_archive.registry.contract import Contracts, load_contract, load_contracts
from event_archive.registry.contract_file import read_contract_file
from event_archive.validation.own_examples import example_faults
from support.events import contract_file, contracts_in

SENT = {
    "specversion": "1.0",
    "id": "1",
    "source": "/post",
    "type": "parcel.sent.v2",
    "time": "2026-01-01T00:00:00Z",
    "actor": "clerk/1",
    "object": "parcel/1",
}
ROOT = Path(__file__).parents[3]
RELEASED = {
    contract.type: contract
    for folder in ("event_archive/contracts", "examples/github/contracts")
    for contract in load_contracts(ROOT / folder).newest()
}
# Words that YAML takes for something else, besides any.
WORDS = st.one_of(
    st.sampled_from(
        ["on", "off", "yes", "no", "y", "n", "null", "true", "false", "e1", "nan", "inf", "x" * 100]
    ),
    st.from_regex(r"[a-z][a-z0-9_]{0,99}", fullmatch=True),
)


@given(
    object_type=WORDS, verb=WORDS, owner=WORDS, actors=st.lists(WORDS, min_size=1, max_size=3, unique=True)
)
def test_every_first_major_holds_as_it_stands(
    tmp_path_factory: pytest.TempPathFactory, object_type: str, verb: str, owner: str, actors: list[str]
) -> None:
    event_type = f"{object_type}.{verb}.v1"
    if f"{object_type}_{verb}" == "all_events":
        return
    path = tmp_path_factory.mktemp("made") / f"{event_type}.yaml"
    path.write_text(contract_skeleton(event_type, Contracts([]), owner, actors))
    contract = load_contract(path)
    assert list(example_faults(contract)) == []
    assert (contract.type, contract.object_type, contract.verb) == (event_type, object_type, verb)
    assert (contract.owner, list(contract.actor_types)) == (owner, actors)
    following = contract_skeleton(f"{object_type}.{verb}.v2", Contracts([contract]))
    path.with_name(f"{object_type}.{verb}.v2.yaml").write_text(following)
    assert len(load_contracts(path.parent)) == 2


@pytest.mark.parametrize("released", RELEASED)
def test_the_next_major_of_every_contract_holds_and_is_the_old_text(released: str, tmp_path: Path) -> None:
    """And the one after that: each step needs no more than what it changes."""
    newest = RELEASED[released]
    for major in range(1, newest.major + 1):
        name = f"{newest.object_type}.{newest.verb}.v{major}.yaml"
        (tmp_path / name).write_text((newest.path.parent / name).read_text())
    before = newest.path.read_text()
    for major in (newest.major + 1, newest.major + 2):
        event_type = f"{newest.object_type}.{newest.verb}.v{major}"
        text = contract_skeleton(event_type, load_contracts(tmp_path))
        (tmp_path / f"{event_type}.yaml").write_text(text)
        loaded = load_contracts(tmp_path)
        contract = loaded[event_type]
        assert list(example_faults(contract)) == []
        assert (contract.revision, contract.schema, contract.owner) == (1, newest.schema, newest.owner)
        assert text.count("# How the data of") == 1
        # Word for word, but for the type, the revision and the upcast.
        start, end = before.index("\ndata:"), before.index("\n", before.index("\n  properties:") + 1)
        assert before[start:end] in text


def test_comments_stay_and_the_old_upcast_goes(tmp_path: Path) -> None:
    numbered = {"type": "object", "properties": {"n": {"type": "integer"}}}
    contracts = contracts_in(tmp_path, contract_file("parcel.sent.v1", numbered))
    (tmp_path / "parcel.sent.v2.yaml").write_text(
        "# Parcels.\r\ntype: 'parcel.sent.v2'  # the type\nrevision: 7\nowner: post # who\n"
        "description: |\n  Sent: revision: 1\n  # How it is.\nactor:\n  - carrier # acts\n  - system\n"
        "object: parcel\n"
        "data: {type: object, properties: {size: {type: integer, description: How big.}}}\n"
        "upcast_from_v1:\n  constant: {size: 1}\n  # of all\n  drop: [n]\n\n# One event.\n"
        "examples:\n- {specversion: '1.0', id: '1', source: /s, type: parcel.sent.v2, "
        "time: '2026-01-01T00:00:00Z', actor: carrier/1, object: parcel/1, data: {size: 3}}\n"
    )
    assert len(contracts) == 1
    contracts = load_contracts(tmp_path)
    text = contract_skeleton("parcel.sent.v3", contracts)
    for kept in ("# Parcels.", "  # the type", " # who", "# One event.", "  # How it is."):
        assert kept in text, text
    assert "constant: {size: 1}" not in text
    made = tmp_path / "parcel.sent.v3.yaml"
    made.write_text(contract_skeleton("parcel.sent.v3", contracts, "sea", ("carrier", "null")))
    loaded = load_contracts(tmp_path)["parcel.sent.v3"]
    assert (loaded.revision, loaded.owner, loaded.actor_types) == (1, "sea", ("carrier", "null"))


def test_data_without_named_fields_is_carried_over_too(tmp_path: Path) -> None:
    open_data = contract_file(
        "parcel.sent.v1", {"type": "object"}, examples=[SENT | {"type": "parcel.sent.v1"}]
    )
    open_data["examples"][0]["data"] = {"a": 1}
    text = contract_skeleton("parcel.sent.v2", contracts_in(tmp_path, open_data))
    path = tmp_path / "parcel.sent.v2.yaml"
    path.write_text(text)
    assert len(load_contracts(tmp_path)) == 2
    naming = read_contract_file(path) | {"data": {"type": "object", "properties": {"a": {"type": "integer"}}}}
    with pytest.raises(UnusableInput, match="one of the two majors names no fields"):
        contracts_in(tmp_path, naming)


def test_a_text_that_can_not_be_edited_is_written_anew(tmp_path: Path) -> None:
    """What is taken out may be what another part refers to."""
    content = contract_file("parcel.sent.v1", {"type": "object", "properties": {"a": {"type": "string"}}})
    contracts_in(tmp_path, content)
    second = content | {"type": "parcel.sent.v2", "revision": 1, "upcast_from_v1": {"default": {"b": "x"}}}
    second["data"] = {"type": "object", "properties": {n: {"type": "string"} for n in "ab"}}
    second["examples"] = [{**SENT, "data": {"b": "x"}}]
    text = yaml.safe_dump(second, sort_keys=False)
    text = text.replace("b: x\n", "b: &shared x\n", 1)
    before, _, after = text.rpartition("b: x\n")
    (tmp_path / "parcel.sent.v2.yaml").write_text(f"{before}b: *shared\n{after}")
    made = contract_skeleton("parcel.sent.v3", load_contracts(tmp_path))
    (tmp_path / "parcel.sent.v3.yaml").write_text(made)
    assert read_contract_file(tmp_path / "parcel.sent.v3.yaml")["examples"][0]["data"] == {"b": "x"}
    assert load_contracts(tmp_path)["parcel.sent.v3"].revision == 1


@pytest.mark.parametrize(
    ("event_type", "why"),
    [
        ("parcel", "is not <object>.<verb>.v<major>"),
        ("../x.y.v1", "is not <object>.<verb>.v<major>"),
        ("a.b.v1\n", "is not <object>.<verb>.v<major>"),
        ("parcel.sent.v0", "is not <object>.<verb>.v<major>"),
        ("parcel.sent.v1", "is there already"),
        ("parcel.sent.v3", "the newest major is parcel.sent.v1; the next is parcel.sent.v2"),
        ("parcel.lost.v2", "there is no major of it yet; the next is parcel.lost.v1"),
        ("all.events.v1", "its view events.all_events would be that of all events"),
        ("p.arcel_sent.v1", None),
        ("parcel_sent.late.v1", None),
    ],
)
def test_what_can_not_be_begun_is_one_line(tmp_path: Path, event_type: str, why: str | None) -> None:
    contracts = contracts_in(tmp_path, contract_file("parcel.sent.v1", {"type": "object"}))
    if why is None:
        assert contract_skeleton(event_type, contracts)
        return
    with pytest.raises(UnusableInput) as refused:
        contract_skeleton(event_type, contracts)
    assert why in str(refused.value)
    assert "\n" not in str(refused.value)


def test_views_are_not_shared(tmp_path: Path) -> None:
    contracts = contracts_in(tmp_path, contract_file("a.b_c.v1", {"type": "object"}))
    with pytest.raises(UnusableInput, match=r"its view events.a_b_c would be that of a\.b_c\.v1"):
        contract_skeleton("a_b.c.v1", contracts)
    with pytest.raises(UnusableInput, match="owner: "):
        contract_skeleton("x.y.v1", contracts, owner="Two\nlines: 1")
