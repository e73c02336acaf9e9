"""Our side of benchmarks/scoring.py: a webdataset shard in, clip-retrieval's folders of vectors out.

python benchmarks/score_shard.py CLOCK.json SHARD.tar OUTPUT MODEL PRETRAINED PRECISION BATCH        (PRETRAINED may be empty)

The CPU seconds of this process at the end of each batch go to CLOCK.json.
"""

from __future__ import annotations

import json
import sys
import tarfile
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from crawler.picture.decode import Refused, decode_body  # noqa: E402 - the repository's own folder comes first
from crawler.records import Hashes, Picture  # noqa: E402 - as above
from crawler.settings import Decode  # noqa: E402 - as above
from filters.embedding import embed_pictures  # noqa: E402 - as above
from filters.models.choice import Precision, engine_of  # noqa: E402 - as above
from tests.builders import a_candidate, a_fetched  # noqa: E402 - as above

#: no list is asked here: what a crawl has computed long before it scores is not part of scoring
_NO_HASHES = Hashes(md5="", sha1="", sha256="", phash=0, pdq=0, pdq_quality=0)


def pictures_of(shard: Path) -> Iterator[Picture]:
    """The pictures of a shard, decoded, with their captions."""
    settings = Decode()
    with tarfile.open(shard) as tar:
        bodies: dict[str, bytes] = {}
        for member in tar:
            key, _, kind = member.name.rpartition(".")
            stream = tar.extractfile(member)
            assert stream is not None
            if kind == "jpg":
                bodies[key] = stream.read()
            elif kind == "txt":
                body = bodies.pop(key)
                decoded = decode_body(body, settings)
                assert not isinstance(decoded, Refused), decoded
                fetched = a_fetched(body, candidate=a_candidate(stream.read().decode()))
                yield Picture(fetched, decoded.header, _NO_HASHES, decoded.pixels)


def main(words: list[str]) -> None:
    """Score the shard and write its vectors."""
    clock_file, shard, output, model, pretrained, precision, size = words
    engine = engine_of(
        model=model,
        pretrained=pretrained,
        precision=msgspec.convert(precision, Precision),
        device="auto",
        batch_size=int(size),
        folder=Path(),
    )
    pictures = pictures_of(Path(shard))
    images: list[NDArray[np.float32]] = []
    texts: list[NDArray[np.float32]] = []
    clock: list[float] = []
    while batch := list(islice(pictures, int(size))):
        for embedded in embed_pictures(engine, batch):
            images.append(embedded.image)
            texts.append(embedded.text)
        clock.append(time.process_time())
    for name, vectors in (("img_emb", images), ("text_emb", texts)):
        folder = Path(output) / name
        folder.mkdir(parents=True)
        np.save(folder / f"{name}_0.npy", np.stack(vectors).astype(np.float16))
    Path(clock_file).write_text(json.dumps(clock))


if __name__ == "__main__":
    main(sys.argv[1:])
