"""Bringing what is looked at onto this machine's disk: files of uploads, under the names of their manifest."""

from __future__ import annotations

import asyncio
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import msgspec

from crawler.job import JobKind
from crawler.settings import Recipe
from workers.protocol.messages import Artefact, Manifest
from workers.tracker.checking.canaries import INPUTS, Canary, CanaryMaker
from workers.tracker.checking.gold import answer_of
from workers.tracker.checking.looked import Evidence
from workers.tracker.checking.looks import Exhibits
from workers.tracker.checking.order import independent
from workers.tracker.checking.peers import Who
from workers.tracker.moves.records import CheckOrder, UploadRow
from workers.tracker.uploads import LostObjectError
from workers.tracker.uploads.reserving import Uploads


@dataclass(frozen=True, slots=True)
class Gathering:
    """Where things lie."""

    campaign: Path
    recipe: Recipe
    uploads: Uploads
    maker: CanaryMaker | None

    async def exhibits(self, order: CheckOrder, folder: Path) -> Exhibits:
        """A result and what it is held against; in `folder`, which is empty, and the caller's to remove.

        Raises:
            LostObjectError: a file of the result itself is gone. Other results whose files are gone are left out.
            TargetError: a file cannot be had, for now.
            OSError: the disk is full.
        """
        own = await self.evidence(order, order.manifest, order.uploads, folder / "own")
        others = []
        for place, other in enumerate(independent(order)):
            try:
                one = await self.evidence(order, other.manifest, other.uploads, folder / f"other-{place}")
            except LostObjectError:
                continue
            others.append(one)
        who = Who(order.job, order.account, order.kind)
        return Exhibits(own, who, tuple(others), self._gold(order), self._canaries(order))

    async def evidence(self, order: CheckOrder, manifest: Manifest, uploads: list[UploadRow], folder: Path) -> Evidence:
        """One result of a job, in a folder of its own.

        Raises:
            LostObjectError, TargetError, OSError: as `exhibits`.
        """
        await self.fetch(manifest, uploads, folder)
        return self._evidence(order, manifest, folder)

    async def fetch(self, manifest: Manifest, uploads: list[UploadRow], folder: Path) -> None:
        """The files of a result, into a new folder.

        Raises:
            LostObjectError, TargetError, OSError: as `exhibits`.
        """
        await asyncio.to_thread(folder.mkdir, parents=True)
        by_name = {one.name: one for one in uploads}
        for artefact in manifest.artefacts:
            upload = by_name.get(artefact.name)
            if upload is None:
                raise LostObjectError(f"{artefact.name}: no upload of this name")
            target = self.uploads.target_of(upload)
            path = folder / artefact.name  # a name of the protocol's own form: no "..", never absolute
            await asyncio.to_thread(_bring, await target.path_or_fetch(upload), path)
            await target.let_go(upload)

    def _evidence(self, order: CheckOrder, manifest: Manifest, folder: Path) -> Evidence:
        kind = JobKind(order.kind)
        extract = kind is JobKind.EXTRACT
        return Evidence(
            kind=kind,
            number=order.number,
            folder=folder,
            input=None if extract else self.campaign / order.input,
            archive=order.input if extract else "",
            form=order.form,
            manifest=manifest,
            recipe=self.recipe,
            recipe_digest=self.recipe.digest,
        )

    def _gold(self, order: CheckOrder) -> Evidence | None:
        answer = answer_of(order.gold_json)
        if answer is None:
            return None
        folder = self.campaign / answer.folder
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        artefacts = [
            Artefact(name=path.relative_to(folder).as_posix(), bytes=path.stat().st_size, sha256="0" * 64)
            for path in files
        ]
        ours = msgspec.structs.replace(order.manifest, artefacts=artefacts, counts={}, engines={})
        return self._evidence(order, ours, folder)

    def _canaries(self, order: CheckOrder) -> tuple[Canary, ...]:
        if self.maker is None or order.kind == JobKind.SCORE or not order.input.startswith(f"{INPUTS}/"):
            return ()
        return self.maker.in_table(self.campaign / order.input)


def _bring(source: Path, target: Path) -> None:
    """The same bytes under another name: without a copy where one disk has both."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
