"""Who mistypes a name is answered with the nearest one there is."""

from pathlib import Path

import pytest

from event_archive.wording import did_you_mean
from support.command_typing import RATED, Typed, write
from support.installation import published_installation

MISTYPED = {
    "lnd events.ndjson": "Did you mean 'land'?",
    "quarantine lst": "Did you mean 'list'?",
    "land --mappin x.yaml events.ndjson": "Did you mean '--mapping'?",
    "quarantine list --state refusd": "did you mean refused?",
    "contracts export translation.rated.v1 --format avr": "did you mean avro?",
    "contracts export translation.rated.v9 --format avro": "did you mean translation.rated.v1?",
    "contracts show translation.Rted.v1": "did you mean translation.rated.v1?",
    "quarantine list --reason unknown_typ": "did you mean unknown_type?",
    "quarantine list --type parcel.snt.v1": "did you mean parcel.sent.v1?",
    "query --archive FROM~events.translation_rate": 'Did you mean "translation_rated"?',
    "init shop --example sho": "did you mean shop?",
}


@pytest.mark.parametrize("typed", MISTYPED)
def test_the_nearest_name_is_named(factlog: Typed, typed: str) -> None:
    write(RATED, RATED | {"id": "a-2", "type": "parcel.sent.v1"})
    factlog("land", "events.ndjson")
    _, out, err = factlog(*(word.replace("~", " ") for word in typed.split()))
    assert MISTYPED[typed] in err
    assert (out, err.count("\n")) == ("", 1)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("published serve 3", "did you mean 1?"),
        ("diff 1 2", "did you mean 1?"),
        ("diff 1 curent", "did you mean current?"),
        ("diff 1 current --table writing.note", "did you mean writing.notes"),
        ("query FROM~writing.note", 'Did you mean "notes"?'),
        ("query SELECT~word~FROM~writing.notes", '"words"'),
    ],
)
def test_the_nearest_version_or_table_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, factlog: Typed, typed: str, meant: str
) -> None:
    settings = published_installation(tmp_path / "published")
    monkeypatch.setenv("FACTLOG_HOME", str(settings.home))
    code, out, err = factlog(*(word.replace("~", " ") for word in typed.split()))
    assert (code, out, err.count("\n"), meant in err) == (2, "", 1, True), err


def test_what_is_near_to_nothing_is_not_guessed_at() -> None:
    assert did_you_mean("zzz", ["invoices", "customers"]) == ""
    assert did_you_mean("zzz", ["invoices"], "see the list") == "see the list"
    assert did_you_mean("x" * 1_000_000, ["invoices"]) == ""
