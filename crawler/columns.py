"""The columns of a shard's table: img2dataset's first, by its names and in its order, then ours.

docs/formats.md says what each of them means.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Self

if TYPE_CHECKING:
    import pyarrow as pa

    from crawler.settings import Recipe

Kind = Literal["string", "int32", "int64", "float", "bool", "strings", "captions", "carried"]

_IMG2DATASET: tuple[tuple[str, Kind], ...] = (
    ("caption", "string"), ("url", "string"), ("key", "string"), ("status", "string"), ("error_message", "string"),
    ("width", "int32"), ("height", "int32"), ("original_width", "int32"), ("original_height", "int32"),
    ("exif", "string"), ("sha256", "string"),
)  # fmt: skip
_OURS_BEFORE_SCORES: tuple[tuple[str, Kind], ...] = (
    ("content_id", "string"), ("md5", "string"), ("sha1", "string"), ("phash", "string"), ("pdq", "string"),
    ("pdq_quality", "int32"),
)  # fmt: skip
_OURS_AFTER_SCORES: tuple[tuple[str, Kind], ...] = (
    ("reason", "string"), ("caption_source", "string"), ("image_source", "string"), ("other_captions", "captions"),
    ("page_url", "string"), ("archive", "string"), ("offset", "int64"), ("position", "int32"),
    ("licence", "string"), ("language", "string"), ("caption_language", "string"),
    ("caption_language_confidence", "float"), ("caption_script", "string"),
    ("page_opt_outs", "strings"), ("header_opt_outs", "strings"),
    ("final_url", "string"), ("content_type", "string"), ("format", "string"), ("frames", "int32"),
    ("made_by", "strings"), ("body_bytes", "int64"), ("fetched_at", "int64"),
)  # fmt: skip
#: in the table only: the tar of a job is the same whenever the web answers the same
NOT_IN_TAR = frozenset(("fetched_at",))
#: kind of the columns of a rebuild that come from its list: no row holds them, the writer puts them beside the rows
CARRIED = "carried"
#: what only a page says: in a rebuild these are null, and not in the tar
OF_PAGES = frozenset((
    "caption_source", "image_source", "other_captions", "position", "licence", "language", "page_opt_outs",
))  # fmt: skip
#: what only a recipe makes a rebuild say
_OF_LANGUAGE = frozenset(("caption_language", "caption_language_confidence", "caption_script"))
#: hashes of the bytes as received
EXACT = frozenset(("md5", "sha1", "sha256", "sha512"))


def columns_with(scores: Sequence[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """All columns of a table, in order: name and kind. `scores` are those of the recipe's filters ("float", "string").

    Raises:
        ValueError: a score has the name of another column, or a kind that no score has.
    """
    for name, kind in scores:
        if kind not in ("float", "string"):
            raise ValueError(f'score column {name} is "{kind}", which is neither "float" nor "string"')
    columns = (*_IMG2DATASET, *_OURS_BEFORE_SCORES, *scores, *_OURS_AFTER_SCORES)
    names = [name for name, _ in columns]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"column {', '.join(twice)} exists twice")
    return columns


@dataclass(frozen=True, slots=True)
class Shown:
    """What of the columns of a rebuild is asked for."""

    compute_hash: str = "sha256"  # which hash stands last of img2dataset's columns; "none" has none there
    exif: bool = False
    ours: bool = True  # or img2dataset's alone

    @classmethod
    def by(cls, recipe: Recipe) -> Self:
        """What the recipe of a rebuild asks for."""
        assert recipe.rebuild is not None
        return cls(recipe.rebuild.compute_hash, recipe.decode.exif != "none", recipe.output.columns == "all")


def columns_of_rebuild(
    scores: Sequence[tuple[str, str]], carried: Sequence[str], shown: Shown
) -> tuple[tuple[str, str], ...]:
    """All columns of a table of a rebuild: those of the list, then img2dataset's in its order, then ours.

    `carried` are the columns of the list, in order, `url` and (if there are captions) `caption` among them. A hash
    among them is the one that was computed, as in img2dataset. A column of ours that would say nothing in a rebuild
    yields to one of the list that has its name.

    Raises:
        ValueError: a column of the list has the name of one that a rebuild must have, or `columns_with` raises it.
    """
    hashes = [shown.compute_hash] if shown.compute_hash in EXACT and shown.compute_hash not in carried else []
    columns = (
        *((name, "string" if name in EXACT else CARRIED) for name in carried),
        *(one for one in _IMG2DATASET[2:-1] if one[0] != "exif" or shown.exif),
        *((one, "string") for one in hashes),
    )
    if shown.ours:
        listed = {name.lower() for name in carried}
        others = [one for one in ("sha256", "md5", "sha1") if one not in (*hashes, *carried)]
        yielding = {name for name in OF_PAGES | _OF_LANGUAGE | {"page_url"} if name in listed}
        usual = columns_with(scores)[len(_IMG2DATASET) :]
        columns += (
            ("outcome", "string"),
            ("content_id", "string"),
            *((one, "string") for one in others),
            *(one for one in usual if one[0] not in {"content_id", "md5", "sha1"} | yielding),
        )
    names = [name for name, _ in columns]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"column {', '.join(twice)} of the list has the name of one that a rebuild writes itself")
    return columns


def arrow_schema(columns: Sequence[tuple[str, str]], carried: pa.Schema | None = None) -> pa.Schema:
    """The columns as parquet holds them; those that a list carries have their types of `carried`.

    Scores are doubles: the number that a filter compared must be the number that is read.
    """
    import pyarrow as pa  # noqa: PLC0415 - heavy

    types: dict[str, pa.DataType] = {
        "string": pa.string(),
        "int32": pa.int32(),
        "int64": pa.int64(),
        "float": pa.float64(),
        "strings": pa.list_(pa.string()),
        "captions": pa.list_(pa.struct([("source", pa.string()), ("text", pa.string())])),
    }
    return pa.schema(
        [
            carried.field(name) if carried is not None and kind == CARRIED else pa.field(name, types[kind])
            for name, kind in columns
        ]
    )
