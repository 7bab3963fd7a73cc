"""What `meta.refusals` says of landings, as far as the log says it."""

from dataclasses import replace
from pathlib import Path

from orchestration.dataset.describe_dataset import refusal_rows
from support.events import WEIGHED, land_bytes, lines, new_archive, weighed


def test_refused_records_are_told_by_type_and_reason_and_those_of_older_landings_as_a_whole(
    tmp_path: Path,
) -> None:
    wrong = {**weighed(2), "data": {}}
    commit = land_bytes(new_archive(tmp_path), lines([weighed(1), wrong, wrong, b"{"])).commit
    assert commit
    landing = [1, commit.landed_at, commit.origin, 4]
    assert list(refusal_rows([commit])) == [
        [*landing, None, "invalid_json", 1],
        [*landing, WEIGHED, "contract_violation", 2],
    ]
    assert list(refusal_rows([replace(commit, rejected={})])) == [[*landing, None, None, 3]]
