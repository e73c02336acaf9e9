"""A folder of shards with real pictures, as a run leaves it: each picture's colour tells its row."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from crawler.picture.encode import encode
from crawler.records import Fault, Rejected, Sample
from crawler.rows import rejected_row
from crawler.settings import Output
from crawler.write import ShardWriter, pictured
from tests.builders import a_candidate, a_fetched, a_picture

ROWS_A_SHARD = 100
SCORES = (("similarity", "float"), ("similarity_model", "string"))


def picture_folder(folder: Path, shards: Iterable[int] = (0, 1), rows: int = 8) -> Path:
    """Shards of so many rows, of which every fourth is rejected; row r of shard s is number 100 * s + r."""
    folder.mkdir(parents=True, exist_ok=True)
    for shard in shards:
        with ShardWriter(folder, shard, ROWS_A_SHARD, Output(), SCORES) as writer:
            for row in range(rows):
                _add(writer, row, ROWS_A_SHARD * shard + row)
            writer.commit({})
    return folder


def url(number: int) -> str:
    """The address of a row."""
    return f"http://images.test/{number}.jpg"


def uid(number: int) -> str:
    """The id of a row."""
    return a_candidate(caption(number), image_url=url(number)).content_id


def caption(number: int) -> str:
    """The text of a row."""
    return f"boat {number}, schön & größer"


def is_kept(number: int) -> bool:
    """Whether a row has a picture."""
    return number % 4 != 3


def key(number: int) -> str:
    """The key of a row."""
    return f"{number:07d}"


def _add(writer: ShardWriter, row: int, number: int) -> None:
    candidate = a_candidate(caption(number), image_url=url(number))
    if not is_kept(number):
        writer.reject(row, rejected_row(Rejected(candidate, Fault.HTTP_GONE, "404")))
        return
    picture = a_picture((40 + number % 50, 30), (number % 250, 90, 90), fetched=a_fetched(candidate=candidate))
    encoded = encode(picture, Output())
    scores = (("similarity", number / 1000), ("similarity_model", "ViT-B-32/openai@sha256:0123456789ab float32"))
    sample = Sample(
        picture.fetched, picture.header, picture.hashes, encoded.image, encoded.width, encoded.height, scores
    )
    writer.keep(row, pictured(sample, Output()))
