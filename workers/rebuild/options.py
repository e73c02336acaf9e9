"""img2dataset's options: names, order and defaults of 1.47, as values, and how their words are read.

docs/img2dataset.md says of each whether it means the same here. `workers.rebuild.translating` makes a recipe of them.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from crawler.errors import SettingsError

#: names that img2dataset writes itself, and that a list may therefore not carry (its own list, in its words)
RESERVED = frozenset((
    "key", "caption", "url", "width", "height", "original_width", "original_height", "status", "error_message", "exif",
    "md5", "sha256", "sha512",
))  # fmt: skip

_Interpolation = Literal["nearest", "linear", "bilinear", "cubic", "bicubic", "area", "lanczos", "lanczos4"]
InputFormat = Literal[
    "txt", "txt.gz", "csv", "csv.gz", "tsv", "tsv.gz", "json", "json.gz", "jsonl", "jsonl.gz", "parquet"
]
_Hash = Literal["md5", "sha256", "sha512"]


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Every parameter of img2dataset's `download`, in its order, with its default; `url_list` has none.

    `input_format` is None where it was not given: then the name of the file tells, and img2dataset's "txt" is what is
    left. `ignore_ssl_certificate` is of its later source, not of 1.47.
    """

    url_list: str
    image_size: int = 256
    output_folder: str = "images"
    processes_count: int = 1
    resize_mode: Literal["no", "keep_ratio", "center_crop", "border", "keep_ratio_largest"] = "border"
    resize_only_if_bigger: bool = False
    upscale_interpolation: _Interpolation = "lanczos"
    downscale_interpolation: _Interpolation = "area"
    encode_quality: int = 95
    encode_format: Literal["jpg", "png", "webp"] = "jpg"
    skip_reencode: bool = False
    output_format: Literal["files", "webdataset", "parquet", "tfrecord", "dummy"] = "files"
    input_format: InputFormat | None = None
    url_col: str = "url"
    caption_col: str | None = None
    bbox_col: str | None = None
    thread_count: int = 256
    number_sample_per_shard: int = 10_000
    extract_exif: bool = True
    save_additional_columns: list[str] | None = None
    timeout: float = 10
    enable_wandb: bool = False
    wandb_project: str = "img2dataset"
    oom_shard_count: int = 5
    compute_hash: _Hash | None = "sha256"
    verify_hash: list[str] | None = None
    distributor: str = "multiprocessing"
    subjob_size: int = 1000
    retries: int = 0
    disable_all_reencoding: bool = False
    min_image_size: int = 0
    max_image_area: float = float("inf")
    max_aspect_ratio: float = float("inf")
    incremental_mode: Literal["incremental", "overwrite", "extend"] = "incremental"
    max_shard_retry: int = 1
    user_agent_token: str | None = None
    disallowed_header_directives: list[str] | None = None
    ignore_ssl_certificate: bool = False


#: in img2dataset's order
NAMES: tuple[str, ...] = Options.__struct_fields__
#: options that are True where no value stands behind them, and False as `--noNAME`
FLAGS = frozenset(
    ("resize_only_if_bigger", "skip_reencode", "extract_exif", "enable_wandb", "disable_all_reencoding",
     "ignore_ssl_certificate")
)  # fmt: skip
#: options whose value is a text whatever it looks like: a column may be called 42
_TEXTS = frozenset(
    ("url_list", "output_folder", "url_col", "caption_col", "bbox_col", "wandb_project", "user_agent_token",
     "resize_mode", "encode_format", "output_format", "input_format", "distributor", "incremental_mode",
     "upscale_interpolation", "downscale_interpolation", "compute_hash")
)  # fmt: skip
_LISTS = frozenset(("save_additional_columns", "verify_hash", "disallowed_header_directives"))
#: never an option of img2dataset's; words for its None
_NONE = frozenset(("None", "none", "null"))


def options_of(given: Mapping[str, Any]) -> Options:
    """The options with these values, checked as img2dataset checks them; a None stands for the default.

    Raises:
        SettingsError: a value is not right; the message names option and value.
    """
    if "url_list" not in given:
        raise SettingsError("no list: name one as --url_list or as first argument")
    try:
        options = msgspec.convert(dict(given), Options, strict=False)
    except msgspec.ValidationError as error:
        raise SettingsError(f"{_named(str(error))}") from error
    _check(options)
    return options


def value_of(name: str, text: str) -> object:
    """What a word of the command line means as the value of this option: what python-fire makes of it.

    Lists are `["a","b"]`, also without quotation marks; None, True and False are Python's.
    """
    if name in _TEXTS:
        return None if text in _NONE else text
    if name in _LISTS:
        return _list_of(text)
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return text


def _list_of(text: str) -> object:
    if text in _NONE:
        return None
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        inside = text.strip().removeprefix("[").removesuffix("]")
        value = [one.strip().strip("\"'") for one in inside.split(",") if one.strip()]
    return list(value) if isinstance(value, tuple) else value if isinstance(value, list) else [str(value)]


def _named(message: str) -> str:
    """Words of msgspec with the option where it has a path: "Expected `int`, got `str` - at `$.image_size`"."""
    what, _, where = message.rpartition(" - at `$.")
    return f"{where.rstrip('`')}: {what}" if what else message


def _check(options: Options) -> None:
    """What img2dataset refuses, and numbers that can mean nothing."""
    for name, least in (("image_size", 1), ("processes_count", 1), ("thread_count", 1), ("oom_shard_count", 1),
                        ("number_sample_per_shard", 1), ("retries", 0), ("min_image_size", 0), ("max_shard_retry", 0),
                        ("encode_quality", 0)):  # fmt: skip
        if getattr(options, name) < least:
            raise SettingsError(f"{name}: must be {least} or more, not {getattr(options, name)}")
    if options.timeout <= 0:
        raise SettingsError(f"timeout: must be more than 0 seconds, not {options.timeout:g}")
    if options.encode_format == "png" and options.encode_quality > 9:
        raise SettingsError(
            f"encode_quality: for png it is the compression, from 0 to 9, not {options.encode_quality}; give it too"
        )
    if reserved := sorted(RESERVED & set(options.save_additional_columns or ())):
        raise SettingsError(
            f"save_additional_columns: {', '.join(reserved)}: columns of these names are written anyway; leave them "
            "out, or rename them in the list"
        )
    _check_hashes(options)
    if options.distributor not in {"multiprocessing", "ray"}:
        spark = " Spark is not supported: use ray, or slices (--slice K/N) as an array of a scheduler."
        raise SettingsError(
            f"distributor: {options.distributor}: there are multiprocessing and ray."
            f"{spark if options.distributor == 'pyspark' else ''}"
        )


def _check_hashes(options: Options) -> None:
    if options.verify_hash is None:
        return
    if len(options.verify_hash) != 2:
        raise SettingsError('verify_hash: is a column and a kind of hash, such as ["md5","md5"]')
    kind = options.verify_hash[1]
    if kind != options.compute_hash:
        raise SettingsError(
            f"verify_hash: its kind is {kind}, and compute_hash {options.compute_hash}: give both the same"
        )
