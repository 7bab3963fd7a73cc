"""Who reads a field: given the project's own models, expect the columns that a field of an event reaches."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from orchestration.contract_tools.event_lineage import lineage_of
from orchestration.contract_tools.readers import compiled_manifest, readers
from orchestration.settings import Settings


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Any]:
    """The compiled project."""
    return compiled_manifest(Settings(home=tmp_path_factory.mktemp("home")))


def read_by(manifest: Mapping[str, Any], view_name: str, field: str) -> set[str]:
    """The columns of marts that read a field."""
    readings = readers(manifest, view_name, [field])
    return {
        f"{reading.model}.{reading.column}"
        for reading in readings
        if reading.model.split(".")[0] in ("billing", "analytics")
    }


def test_a_field_is_followed_through_structs_and_aggregates(manifest: Mapping[str, Any]) -> None:
    assert read_by(manifest, "translation_requested", "word_count") == {
        "analytics.translations.word_count",
        "analytics.daily_volumes.requested_word_count",
        "analytics.daily_volumes.delivered_word_count",
        "analytics.quality_per_engine.word_count",
    }


def test_a_field_that_no_model_reads(manifest: Mapping[str, Any]) -> None:
    assert read_by(manifest, "translation_requested", "document_id") == set()


def test_a_field_of_the_same_name_in_another_event_is_another_field(manifest: Mapping[str, Any]) -> None:
    assert not read_by(manifest, "translation_rated", "word_count")
    assert "analytics.translations.channel" in read_by(manifest, "translation_requested", "channel")


def test_columns_come_from_fields_and_from_what_every_event_has(manifest: Mapping[str, Any]) -> None:
    lineage = lineage_of(manifest)
    invoices = lineage["model.translation_company.invoices"]
    assert ["invoice_issued", "data.currency"] in invoices["currency"]
    assert ["invoice_issued", "object_id"] in invoices["invoice_id"]
    words = lineage["model.translation_company.daily_volumes"]["requested_word_count"]
    assert ["translation_requested", "data.word_count"] in words
    assert {name for name, node in manifest["nodes"].items() if name.startswith("model.")} == {*lineage}


def test_nothing_of_an_installation_is_read_or_written(tmp_path: Path) -> None:
    home = tmp_path / "home"
    compiled_manifest(Settings(home=home))
    assert not home.exists()
