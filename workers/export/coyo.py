"""COYO-700M's table, by the fields of its data set card."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute

from workers.export.forms import Column, Form, score_of, taken, text_of
from workers.export.rows import NUMBER

pc: Any = pyarrow.compute  # its stubs take no plain texts and numbers

_MODEL = ("similarity", "similarity_model")


def _characters(batch: pa.RecordBatch) -> Any:  # noqa: ANN401 - an array of arrow
    return pc.utf8_length(text_of("caption")(batch))


def _words(batch: pa.RecordBatch) -> Any:  # noqa: ANN401 - an array of arrow
    """Words between spaces, as the card counts them; none in an empty text."""
    words = pc.list_value_length(pc.utf8_split_whitespace(pc.utf8_trim_whitespace(text_of("caption")(batch))))
    return pc.if_else(pc.equal(_characters(batch), 0), 0, words)


COYO = Form(
    "coyo",
    (
        Column("id", pa.int64(), taken(NUMBER), (NUMBER,)),
        Column("url", pa.string(), text_of("url"), ("url",)),
        Column("text", pa.string(), text_of("caption"), ("caption",)),
        Column("width", pa.int64(), taken("original_width"), ("original_width",)),
        Column("height", pa.int64(), taken("original_height"), ("original_height",)),
        Column("image_phash", pa.string(), taken("phash"), ("phash",)),
        Column("text_length", pa.int64(), _characters, ("caption",)),
        Column("word_count", pa.int64(), _words, ("caption",)),
        Column("num_tokens_bert", pa.int64(), None),
        Column("num_tokens_gpt", pa.int64(), None),
        Column("num_faces", pa.int64(), None),
        Column("clip_similarity_vitb32", pa.float64(), score_of("similarity", "ViT-B-32"), _MODEL),
        Column("clip_similarity_vitl14", pa.float64(), score_of("similarity", "ViT-L-14"), _MODEL),
        Column("nsfw_score_opennsfw2", pa.float64(), score_of("punsafe_onnx"), ("punsafe_onnx",)),
        Column("nsfw_score_gantman", pa.float64(), None),
        Column("watermark_score", pa.float64(), score_of("pwatermark"), ("pwatermark",)),
        Column("aesthetic_score_laion_v2", pa.float64(), score_of("aesthetic"), ("aesthetic",)),
    ),
    "snappy",
    {
        "width_and_height": "of the picture as its file has it, before EXIF orientation",
        "watermark_score": "by LAION's detector (pwatermark), not by COYO's",
        "id": "the shard's place in the data set in the upper 31 bits, the row's place in the shard in the lower 33, "
        "as monotonically_increasing_id() counts",
    },
)
