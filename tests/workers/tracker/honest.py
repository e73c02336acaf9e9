"""Honest results of every kind of job, made in seconds from the demo, as a volunteer's spool folder would hold them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from crawler.job import Job, JobKind, Tools, run_job
from crawler.records import Candidate
from crawler.settings import Recipe
from crawler.tables import CandidateWriter, read_candidates
from filters import Engine, Prepared
from workers.assemble import assemble
from workers.demo import demo_recipe, inputs
from workers.protocol.counts import counts_of
from workers.protocol.messages import Artefact, Manifest
from workers.tracker.checking.looked import Evidence

#: rows of a crawl job of these tests
ROWS = 120


@dataclass(frozen=True, slots=True)
class PixelEngine:
    """Embeds without a model: a picture by its colours, a caption by its letters. Equal ones do the same."""

    name: str = "pixels float32"
    provenance: str = "pixels@sha256:000000000000 float32"
    batch_size: int = 32
    #: what a worker with a wrong resize, or another model, gets
    shift: float = 0.0

    def prepare(self, pixels: Image.Image, caption: str) -> Prepared:
        small = np.asarray(pixels.resize((4, 4), Image.Resampling.BOX), np.uint8)
        letters = np.frombuffer(hashlib.sha256(caption.encode()).digest(), np.uint8)[:32]
        return Prepared(small, letters.astype(np.int32))

    def embed(
        self, images: NDArray[np.uint8], tokens: NDArray[np.int32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        colours = images.reshape(len(images), -1).astype(np.float64)[:, :32] - 100.0 + self.shift
        letters = tokens.astype(np.float64)[:, :32] - 100.0
        return _units(colours), _units(letters)

    def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        black = Image.new("RGB", (4, 4))
        prepared = [self.prepare(black, text) for text in texts]
        return self.embed(np.stack([one.image for one in prepared]), np.stack([one.tokens for one in prepared]))[1]


def _units(vectors: NDArray[np.float64]) -> NDArray[np.float32]:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


def pixel_recipe(address: str, *, embeddings: bool = False) -> Recipe:
    """The demo's, with a threshold that suits `PixelEngine`; `address` is that of the demo's web."""
    recipe = demo_recipe(address)
    judged = tuple(
        msgspec.structs.replace(one, settings=one.settings | {"threshold": -0.05})
        if one.use == "pictures.clip_similarity"
        else one
        for one in recipe.filters
    )
    return msgspec.structs.replace(
        recipe,
        filters=judged,
        extract=msgspec.structs.replace(recipe.extract, mask=("email", "phone")),
        fetch=msgspec.structs.replace(recipe.fetch, total_seconds=2.0, read_seconds=2.0),
        output=msgspec.structs.replace(recipe.output, keep_embeddings=embeddings, thumbnails=0),
    )


def pixel_tools(recipe: Recipe, scratch: Path, *, shift: float = 0.0) -> Tools:
    """The tools of a worker, or of a checker, that has `PixelEngine` for its model."""

    def swap(_engine: Engine) -> Engine:
        return PixelEngine(shift=shift)

    return assemble(recipe, scratch, swap=swap)


def done(job: Job, tools: Tools, *, archive: str = "", version: str = "0.1") -> Evidence:
    """Do a job, and hand in what it made."""
    report = run_job(job, tools)
    return Evidence(
        kind=job.kind,
        number=job.number,
        folder=Path(job.output),
        input=None if job.kind is JobKind.EXTRACT else Path(job.input),
        archive=archive,
        form=job.form,
        manifest=Manifest(
            lease="lease", job=1, fence=1, kind=job.kind.value, number=job.number, recipe=tools.recipe.digest,
            version=version, environment="0" * 64, artefacts=artefacts(Path(job.output)), counts=counts_of(report),
        ),
        recipe=tools.recipe,
        recipe_digest=tools.recipe.digest,
    )  # fmt: skip


def artefacts(folder: Path) -> list[Artefact]:
    """The files of a folder, as a manifest names them."""
    return [
        Artefact(
            name=path.relative_to(folder).as_posix(),
            bytes=path.stat().st_size,
            sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        )
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    ]


def signed_again(evidence: Evidence) -> Evidence:
    """The same result after its files were changed: a liar's manifest fits to its lies."""
    manifest = msgspec.structs.replace(evidence.manifest, artefacts=artefacts(evidence.folder))
    return replace(evidence, manifest=manifest)


def extracted(tools: Tools, folder: Path, number: int = 0) -> Evidence:
    """An extract job over one of the demo's three archives; the last is a WAT."""
    archive = inputs()[number]
    form = "wat" if ".wat." in archive else "warc"
    job = Job(
        kind=JobKind.EXTRACT, number=number, input=archive, output=str(folder), recipe=tools.recipe.digest, form=form
    )
    return done(job, tools, archive=archive)


def planned(candidates: Sequence[Candidate], path: Path) -> Path:
    """A plan's table of these rows."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with CandidateWriter(path) as table:
        table.write(candidates, [None] * len(candidates))
    return path


def plan_rows(extract: Evidence, rows: int = ROWS) -> list[Candidate]:
    """Rows to fetch: some of every host, the odd ones but for those that take seconds."""
    table = extract.folder / f"{extract.number:05d}.parquet"
    found = [one for group in read_candidates(table) for one in group if "/slow/" not in one.image_url]
    odd = [one for one in found if "://demo-" in one.image_url]
    plain = [one for one in found if "://demo-" not in one.image_url]
    taken = odd[: rows // 4]
    return taken + plain[: rows - len(taken)]


def crawled(tools: Tools, plan: Path, folder: Path, kind: JobKind = JobKind.CRAWL, number: int = 7) -> Evidence:
    """A crawl or fetch job over a plan's table, or a score job over a raw shard."""
    job = Job(kind=kind, number=number, input=str(plan), output=str(folder), recipe=tools.recipe.digest)
    return done(job, tools)
