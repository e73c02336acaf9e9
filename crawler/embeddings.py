"""The vectors of a shard's pictures and captions, laid out as `clip-retrieval inference` leaves them.

    embeddings/<engine>/img_emb/img_emb_NNNNN.npy          float16, N x D, rows of length one, in the order of the keys
                        text_emb/text_emb_NNNNN.npy        the same rows, of the captions
                        metadata/metadata_NNNNN.parquet    the same rows: image_path, caption, url, key, scores

Every engine has a folder, for a route by language embeds only its own rows. A row costs 4 x D bytes, such as 2 KiB with
ViT-B/32 (512 numbers) and 3 KiB with ViT-L/14 (768), and some 100 bytes of metadata. Until a shard is whole its vectors
wait on disk, as its pictures do.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from crawler.commit import atomic_path, remove, temporary_path
from crawler.records import Embedded

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

FOLDER = "embeddings"
_SCALAR = np.dtype("<f2")
_NAMES = (("img_emb", "npy"), ("text_emb", "npy"), ("metadata", "parquet"))
#: image_path is what clip-retrieval calls the key of a sample
_COLUMNS = ("image_path", "caption", "url", "key")


def folder_name(engine: str) -> str:
    """The name of an engine as that of a folder: "ViT-B-32/openai float32" is in "ViT-B-32_openai_float32"."""
    return re.sub(r"[^\w.-]", "_", engine, flags=re.ASCII)


class _Spool:
    """The vectors of one engine: a row of the file is a picture's vector, then its caption's."""

    def __init__(self, path: Path, dimensions: int) -> None:
        self.dimensions = dimensions
        self.rows: dict[int, int] = {}  # index in the shard -> row in the file
        self._written = 0
        self._path = path
        self._file: IO[bytes] = path.open("x+b")

    def add(self, index: int, image: NDArray[np.float32], text: NDArray[np.float32]) -> None:
        vectors = np.stack([image, text]).astype(_SCALAR)
        if vectors.shape != (2, self.dimensions):
            raise ValueError(f"vectors of {vectors.shape[1]} numbers among those of {self.dimensions}")
        self._file.seek(0, 2)
        self._file.write(vectors.tobytes())
        self.rows[index] = self._written
        self._written += 1

    def read(self, index: int) -> tuple[bytes, bytes]:
        """The vectors of picture and caption, as they were written."""
        size = _SCALAR.itemsize * self.dimensions
        self._file.seek(2 * size * self.rows[index])
        content = self._file.read(2 * size)
        return content[:size], content[size:]

    def close(self) -> None:
        self._file.close()
        self._path.unlink(missing_ok=True)


class EngineFiles:
    """The three files of one engine while they are written, in the order of the keys."""

    def __init__(
        self, spool: _Spool, images: IO[bytes], texts: IO[bytes], table: pq.ParquetWriter, schema: pa.Schema
    ) -> None:
        self._spool = spool
        self._images = images
        self._texts = texts
        self._table = table
        self._schema = schema
        header = {"descr": _SCALAR.str, "fortran_order": False, "shape": (len(spool.rows), spool.dimensions)}
        for file in (images, texts):
            np.lib.format.write_array_header_1_0(file, header)

    def write(self, rows: Mapping[int, Mapping[str, Any]]) -> None:
        """Rows of the shard by their index: of those, the ones that this engine embedded are written."""
        import pyarrow as pa  # noqa: PLC0415 - heavy

        own = [(index, row) for index, row in rows.items() if index in self._spool.rows]
        if not own:
            return
        for index, _ in own:
            image, text = self._spool.read(index)
            self._images.write(image)
            self._texts.write(text)
        described = [{"image_path": row["key"], **row} for _, row in own]  # what has no column is left out
        self._table.write_table(pa.Table.from_pylist(described, schema=self._schema))


class Embeddings:
    """The vectors of one shard, until they are written. Not for use by two threads at once."""

    def __init__(self, shards: Path, name: str, scores: Sequence[tuple[str, str]], *, through: Path) -> None:
        """Of the shard `name`, "00007", in the folder `shards`; until they are whole they lie in `through`.

        `scores` are the score columns: name and "float" or "string".
        """
        self._shards = shards
        self._through = through
        self._name = name
        self._scores = scores
        self._spools: dict[str, _Spool] = {}

    def add(self, index: int, embedded: Mapping[str, Embedded]) -> None:
        """Take what each engine, by its name, made of the sample `index`.

        Raises:
            OSError: the disk is full.
        """
        for engine, one in embedded.items():
            if engine not in self._spools:
                path = temporary_path(self._through / f"{self._name}.vectors")
                self._spools[engine] = _Spool(path, len(one.image))
            self._spools[engine].add(index, one.image, one.text)

    def discard(self, index: int) -> None:
        """Forget a sample that was taken back."""
        for spool in self._spools.values():
            spool.rows.pop(index, None)

    def close(self) -> None:
        """What was not written is gone."""
        for spool in self._spools.values():
            spool.close()

    def paths(self) -> list[Path]:
        """The files that `writing` makes."""
        return [path for engine, spool in self._spools.items() if spool.rows for path in self._files(engine)]

    @contextmanager
    def writing(self) -> Iterator[Sequence[EngineFiles]]:
        """The files of all engines to be written to; they appear, whole, when the block ends well."""
        import pyarrow as pa  # noqa: PLC0415 - heavy
        import pyarrow.parquet as pq  # noqa: PLC0415 - heavy

        columns = [(name, "string") for name in _COLUMNS] + list(self._scores)
        schema = pa.schema([(name, pa.float64() if kind == "float" else pa.string()) for name, kind in columns])

        def opened(engine: str) -> EngineFiles:
            images, texts, table = (temporary[path] for path in self._files(engine))
            return EngineFiles(
                self._spools[engine],
                files.enter_context(images.open("wb")),
                files.enter_context(texts.open("wb")),
                files.enter_context(pq.ParquetWriter(table, schema, compression="zstd")),
                schema,
            )

        with ExitStack() as landing:
            # temporary files lie where `sweep` finds what a killed job leaves
            temporary = {
                path: landing.enter_context(atomic_path(path, through=self._through)) for path in self._made_room()
            }
            with ExitStack() as files:  # closed before they land
                yield [opened(engine) for engine, spool in self._spools.items() if spool.rows]

    def remove_others(self) -> None:
        """Take away what an earlier try at this shard left that this one did not make."""
        made = set(self.paths())
        for kind, suffix in _NAMES:
            for path in (self._shards / FOLDER).glob(f"*/{kind}/{kind}_{self._name}.{suffix}"):
                if path not in made:
                    remove(path)

    def _made_room(self) -> list[Path]:
        paths = self.paths()
        for path in paths:
            path.parent.mkdir(parents=True, exist_ok=True)
        return paths

    def _files(self, engine: str) -> list[Path]:
        folder = self._shards / FOLDER / folder_name(engine)
        return [folder / kind / f"{kind}_{self._name}.{suffix}" for kind, suffix in _NAMES]
