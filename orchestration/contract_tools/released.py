"""Released contracts: those of a folder, or of a revision of the git repository that the contracts are in.

Belongs here: reading them from git. Not here: what may have changed since
(`event_archive.evolution.release_rules`).
"""

import io
import subprocess
import tarfile
import tempfile
from pathlib import Path

from event_archive import UnusableInput
from event_archive.registry.contract import Contracts, load_contract

GIT_SECONDS = 30


def released_contracts(folder: Path, against: str) -> Contracts:
    """The contracts that `folder` held in the git revision `against`, or those of the folder of that name.

    Raises UnusableInput.
    """
    if against and Path(against).is_dir():
        return _contracts_in(Path(against))
    top = Path(_git(folder, "rev-parse", "--show-toplevel").decode().strip())
    revision = (
        _git(folder, "rev-parse", "--verify", "--end-of-options", f"{against}^{{commit}}").decode().strip()
    )
    inside = folder.resolve().relative_to(top.resolve())
    with tempfile.TemporaryDirectory(prefix="factlog-released-") as scratch:
        archive = _git(top, "archive", "--format=tar", revision, "--", str(inside))
        _write_files(archive, inside, Path(scratch))
        return _contracts_in(Path(scratch))


def _write_files(archive: bytes, inside: Path, folder: Path) -> None:
    """Write the files of one folder of a tar archive: by their last names, so to nowhere else."""
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        for member in tar:
            path = Path(member.name)
            if member.isfile() and path.parent == inside:
                content = tar.extractfile(member)
                assert content is not None
                (folder / path.name).write_bytes(content.read())


def _contracts_in(folder: Path) -> Contracts:
    """Each contract by itself: what was released may break a rule that came later."""
    return Contracts([load_contract(path) for path in sorted(folder.glob("*.yaml"))])


def _git(folder: Path, *arguments: str) -> bytes:
    """What git prints; raises UnusableInput with git's own reason."""
    command = ["git", "-C", str(folder), *arguments]
    try:
        git = subprocess.run(command, capture_output=True, timeout=GIT_SECONDS, check=False)
    except FileNotFoundError:
        raise UnusableInput("--against: there is no git here; name a folder of released contracts") from None
    except subprocess.TimeoutExpired:
        raise UnusableInput(f"--against: git took longer than {GIT_SECONDS} seconds") from None
    if git.returncode:
        reason = (git.stderr.decode(errors="replace").strip().splitlines() or ["no reason given"])[-1]
        raise UnusableInput(
            f"--against: {reason.removeprefix('fatal: ')}; name a git revision, or a folder of contracts"
        )
    return git.stdout
