"""The folders of an archive are named once: what is checked, cleaned and backed up follows from that."""

import re
import shutil
from pathlib import Path

from event_archive import Archive, verify
from event_archive.store.folders import PARTS, TO_BACK_UP
from support.events import (
    land_bytes,
    lines,
    lost,
    new_archive,
    recover_lost_anywhere,
    weighed,
)
from support.mapped import land_records, narrow, record

OPERATING = Path(__file__).parents[3] / "docs" / "how-to-operate.md"


def with_every_part(folder: Path) -> Archive:
    """An archive with a landing by a mapping, one that rejected a record, and the recovery of that record."""
    archive = new_archive(folder)
    land_records(archive, [record(1)], narrow(folder))
    land_bytes(archive, lines([weighed(1), lost(1) | {"data": {"place": 7}}, b"broken"]))
    return recover_lost_anywhere(archive)


def test_what_is_backed_up_holds_by_itself(tmp_path: Path) -> None:
    archive = with_every_part(tmp_path)
    copy = tmp_path / "backup" / "archive"
    copy.mkdir(parents=True)
    for part in TO_BACK_UP:
        source = archive.root / part
        shutil.copytree(source, copy / part) if source.is_dir() else shutil.copy(source, copy / part)
    restored = Archive(copy, archive.contracts)
    assert verify(restored) == []
    assert len(restored.log.commits()) == 3
    assert {path.name for path in copy.iterdir()} >= {*TO_BACK_UP}, "each part was there to be backed up"


def test_whatever_an_archive_has_is_backed_up_or_can_be_made_again(tmp_path: Path) -> None:
    archive = with_every_part(tmp_path)
    assert {path.name for path in archive.root.iterdir()} <= {*PARTS}


def test_the_page_about_operating_backs_up_what_has_to_be() -> None:
    (parts,) = re.findall(r"for part in ([\w. ]+); do", OPERATING.read_text(encoding="utf-8"))
    assert tuple(parts.split()) == TO_BACK_UP
