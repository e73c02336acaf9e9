"""A list that img2dataset takes as it is: `url`, `caption`, and what `--verify_hash` and later joins need."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from crawler.errors import SettingsError
from workers.export.forms import Column, Form, taken, text_of

#: img2dataset 1.47 makes these itself and refuses them in save_additional_columns
RESERVED = frozenset((
    "key", "caption", "url", "width", "height", "original_width", "original_height", "status", "error_message", "exif",
    "md5", "sha256", "sha512",
))  # fmt: skip


def img2dataset_list(hash_column: str, more: Sequence[tuple[str, pa.DataType]]) -> Form:
    """The form; `hash_column` is "md5", "sha256" or "", `more` are further columns of ours, which keep their types.

    Raises:
        SettingsError: a column has a name that img2dataset keeps for itself.
    """
    if taken_names := sorted(RESERVED & {name for name, _ in more}):
        raise SettingsError(
            f"--column {taken_names[0]}: img2dataset makes a column of this name itself and refuses it in its input"
        )
    columns = [
        Column("url", pa.string(), text_of("url"), ("url",)),
        Column("caption", pa.string(), text_of("caption"), ("caption",)),
    ]
    if hash_column:
        columns.append(Column(hash_column, pa.string(), taken(hash_column), (hash_column,)))
    columns += [Column(name, kind, taken(name), (name,)) for name, kind in more]
    options = "img2dataset --input_format parquet --url_col url --caption_col caption"
    if hash_column:
        options += f' --compute_hash {hash_column} --verify_hash \'["{hash_column}","{hash_column}"]\''
    if more:
        names = ",".join(f'"{name}"' for name, _ in more)
        options += f" --save_additional_columns '[{names}]'"
    return Form("img2dataset", columns, "snappy", {"use": options})
