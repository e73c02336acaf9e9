"""The options of img2dataset 1.47 as flags, all of them as they are written: `workers.rebuild.options` reads them."""

from __future__ import annotations

from typing import Annotated, Any

import typer

_PANEL = "Options of img2dataset 1.47 (docs/img2dataset.md)"


def _option(name: str, help_: str) -> Any:  # noqa: ANN401 - what typer.Option gives
    """An option under img2dataset's name; hyphens come in as underscores (`workers.rebuild.words`)."""
    return typer.Option(f"--{name}", help=help_, rich_help_panel=_PANEL, metavar="VALUE", show_default=False)


UrlList = Annotated[str | None, _option("url_list", "The list, if it is not named as an argument.")]
ImageSize = Annotated[str | None, _option("image_size", "Side of the pictures, in pixels.")]
OutputFolder = Annotated[str | None, _option("output_folder", "The same as --output.")]
ProcessesCount = Annotated[str | None, _option("processes_count", "Processes that decode; on Ray workers.")]
ResizeMode = Annotated[str | None, _option("resize_mode", "no, keep_ratio, center_crop, border, keep_ratio_largest.")]
ResizeOnlyIfBigger = Annotated[str | None, _option("resize_only_if_bigger", "Never enlarge.")]
UpscaleInterpolation = Annotated[str | None, _option("upscale_interpolation", "nearest, linear, cubic, area, lanczos.")]
DownscaleInterpolation = Annotated[
    str | None, _option("downscale_interpolation", "The same, for pictures that shrink.")
]
EncodeQuality = Annotated[str | None, _option("encode_quality", "0 to 100; of png the compression, 0 to 9.")]
EncodeFormat = Annotated[str | None, _option("encode_format", "jpg, png, webp.")]
SkipReencode = Annotated[str | None, _option("skip_reencode", "Keep the file of a picture that needs no change.")]
OutputFormat = Annotated[str | None, _option("output_format", "files, webdataset, parquet, tfrecord, dummy.")]
InputFormat = Annotated[str | None, _option("input_format", "txt, csv, tsv, json, jsonl (each also .gz), parquet.")]
UrlCol = Annotated[str | None, _option("url_col", "Column of the addresses.")]
CaptionCol = Annotated[str | None, _option("caption_col", "Column of the captions.")]
BboxCol = Annotated[str | None, _option("bbox_col", "Column of boxes that are blurred.")]
ThreadCount = Annotated[str | None, _option("thread_count", "Downloads at the same time.")]
NumberSamplePerShard = Annotated[str | None, _option("number_sample_per_shard", "Rows of a shard.")]
ExtractExif = Annotated[str | None, _option("extract_exif", "Column `exif`, without places and people.")]
SaveAdditionalColumns = Annotated[
    str | None, _option("save_additional_columns", 'Columns of the list that are kept: ["a","b"].')
]
Timeout = Annotated[str | None, _option("timeout", "Seconds for each step of a download.")]
EnableWandb = Annotated[str | None, _option("enable_wandb", "Figures to Weights & Biases.")]
WandbProject = Annotated[str | None, _option("wandb_project", "Its project.")]
OomShardCount = Annotated[str | None, _option("oom_shard_count", "Digits of the names of shards.")]
ComputeHash = Annotated[str | None, _option("compute_hash", "None, md5, sha256, sha512: of the bytes received.")]
VerifyHash = Annotated[str | None, _option("verify_hash", 'Keep only what is still the same: ["column","md5"].')]
Distributor = Annotated[str | None, _option("distributor", "multiprocessing or ray.")]
SubjobSize = Annotated[str | None, _option("subjob_size", "Of Spark; without meaning here.")]
Retries = Annotated[str | None, _option("retries", "Requests again, where a server asks for patience.")]
DisableAllReencoding = Annotated[
    str | None, _option("disable_all_reencoding", "Keep files as received, without metadata.")
]
MinImageSize = Annotated[str | None, _option("min_image_size", "Of the shorter side, in pixels.")]
MaxImageArea = Annotated[str | None, _option("max_image_area", "In pixels.")]
MaxAspectRatio = Annotated[str | None, _option("max_aspect_ratio", "Longer side over shorter side.")]
IncrementalMode = Annotated[str | None, _option("incremental_mode", "incremental, overwrite, extend.")]
MaxShardRetry = Annotated[str | None, _option("max_shard_retry", "How often a shard that failed is begun again.")]
UserAgentToken = Annotated[str | None, _option("user_agent_token", "The name under which we ask.")]
DisallowedHeaderDirectives = Annotated[
    str | None, _option("disallowed_header_directives", 'Of X-Robots-Tag: ["noai"]; [] heeds none.')
]
IgnoreSslCertificate = Annotated[str | None, _option("ignore_ssl_certificate", "Believe servers without proof.")]
