"""What a volunteer says that it did: every file with its digest, and the counts of the job, signed with its own key."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from workers.home.errands import Ended
from workers.protocol.campaign import sign
from workers.protocol.counts import counts_of
from workers.protocol.messages import Artefact, Leased, Manifest, SubmitResult, canonical

_NAME = re.compile(r"[0-9A-Za-z_][0-9A-Za-z_.-]{0,99}(/[0-9A-Za-z_][0-9A-Za-z_.-]{0,99}){0,3}")
_BLOCK = 2**20


def artefacts_in(output: Path) -> list[Artefact]:
    """Every file that a job has committed, by name. Half-made ones begin with a dot, and are none."""
    found = []
    for path in sorted(output.rglob("*")):
        if path.name.startswith(".") or not path.is_file() or path.is_symlink():
            continue
        name = path.relative_to(output).as_posix()
        if not _NAME.fullmatch(name):
            raise AssertionError(f"the job made a file of the name {name!r}")
        found.append(Artefact(name=name, bytes=path.stat().st_size, sha256=sha256_of(path)))
    return found


def sha256_of(path: Path) -> str:
    """Of the file as it is on the disk now."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def signed_result(
    leased: Leased, ended: Ended, output: Path, *, private_key: str, version: str, environment: str
) -> SubmitResult:
    """What is submitted of a job that has ended well.

    Raises:
        OSError: a file cannot be read.
    """
    assert ended.report is not None
    manifest = Manifest(
        lease=leased.lease, job=leased.spec.job, fence=leased.fence, kind=leased.spec.kind, number=leased.spec.number,
        recipe=leased.spec.recipe, version=version, environment=environment, artefacts=artefacts_in(output),
        counts=counts_of(ended.report), seconds=ended.report.seconds, engines=ended.engines,
    )  # fmt: skip
    return SubmitResult(manifest=manifest, signature=sign(bytes.fromhex(private_key), canonical(manifest)))


def changed_files(result: SubmitResult, output: Path) -> list[str]:
    """The files that are not on the disk as the manifest has them: a disk that forgets, or somebody who tidied up."""
    return [
        one.name
        for one in result.manifest.artefacts
        if not (output / one.name).is_file() or sha256_of(output / one.name) != one.sha256
    ]
