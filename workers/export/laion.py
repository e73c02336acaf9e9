"""LAION's tables, by the schemas of laion-400m (raw) and of the joined sets of LAION-5B.

WIDTH is the width and HEIGHT the height of the picture as its file has it. In LAION-400M and the raw tables of LAION-5B
the two are swapped in content, in the joined ones they are right; what reads ours must not swap them back.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute

from crawler.errors import MissingPackageError
from workers.export.forms import Column, Form, score_of, taken, text_of
from workers.export.rows import NUMBER

pc: Any = pyarrow.compute  # its stubs take no plain texts and numbers

_RIGHT_WAY = "WIDTH is the width and HEIGHT the height: not swapped, as they are in LAION-400M and raw LAION-5B"
_NOTES = {"width_and_height": _RIGHT_WAY}
_UNKNOWN_LICENCE = "?"

_URL = Column("URL", pa.string(), text_of("url"), ("url",))
_TEXT = Column("TEXT", pa.string(), text_of("caption"), ("caption",))
_SIMILARITY = Column("similarity", pa.float64(), score_of("similarity"), ("similarity",))
_WIDTH = Column("WIDTH", pa.int32(), taken("original_width"), ("original_width",))
_HEIGHT = Column("HEIGHT", pa.int32(), taken("original_height"), ("original_height",))


def _language(batch: pa.RecordBatch) -> Any:  # noqa: ANN401 - an array of arrow
    """Of the caption where it could be told, else as the page declares it."""
    page = text_of("language")(batch)
    caption = text_of("caption_language")(batch)
    return pc.if_else(pc.equal(caption, ""), page, caption)


def _hash(batch: pa.RecordBatch) -> Any:  # noqa: ANN401 - an array of arrow
    """LAION's `hash`: the first half of MurmurHash3 (x64, 128 bits, seed 0) of address and text, signed."""
    try:
        import mmh3  # noqa: PLC0415 - optional
    except ImportError as error:
        raise MissingPackageError(
            "the column hash needs an optional package: pip install 'pairtrawl[dataset]'"
        ) from error
    urls: list[str] = text_of("url")(batch).to_pylist()
    texts: list[str] = text_of("caption")(batch).to_pylist()
    hashes = [mmh3.hash64((url + text).encode())[0] for url, text in zip(urls, texts, strict=True)]
    return pa.array(hashes, pa.int64())


_LANGUAGE = Column("LANGUAGE", pa.string(), _language, ("caption_language", "language"))
_HASH = Column("hash", pa.int64(), _hash, ("url", "caption"))
_UNSAFE = Column("punsafe", pa.float32(), score_of("punsafe"), ("punsafe",))
_WATERMARK = Column("pwatermark", pa.float32(), score_of("pwatermark"), ("pwatermark",))
_AESTHETIC = Column("aesthetic", pa.float32(), score_of("aesthetic"), ("aesthetic",))

_JOINED = (_URL, _TEXT, _WIDTH, _HEIGHT, _SIMILARITY)
_JOINED_END = (_HASH, _UNSAFE, _WATERMARK)

LIKE: dict[str, Form] = {
    one.name: one
    for one in (
        Form(
            "400m",
            (
                Column("SAMPLE_ID", pa.int64(), taken(NUMBER), (NUMBER,)),
                _URL,
                _TEXT,
                _HEIGHT,
                _WIDTH,
                Column("LICENSE", pa.string(), text_of("licence", absent=_UNKNOWN_LICENCE), ("licence",)),
                Column("NSFW", pa.string(), None),  # a word of LAION's own prompts; `punsafe` is none of those
                _SIMILARITY,
            ),
            "snappy",
            _NOTES,
        ),
        Form("joined", (*_JOINED, *_JOINED_END), "snappy", _NOTES),
        Form("joined-multi", (*_JOINED, _LANGUAGE, *_JOINED_END), "snappy", _NOTES),
        Form("aesthetic", (*_JOINED, *_JOINED_END, _AESTHETIC), "snappy", _NOTES),
    )
}
