"""`pairtrawl rebuild`: a published list in, shards out; img2dataset's options, and ours."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from workers.cli import img2dataset_options as given
from workers.cli import options as flags
from workers.telling.forms import LogForm


class DropIn(TyperCommand):
    """A command whose options may be written as python-fire reads them: `--flag`, `--noflag`, `--flag True`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - typer brings a Click of its own
        """As every command, once fire's spellings are brought into Click's."""
        from workers.rebuild.words import in_clicks_form

        return super().parse_args(ctx, in_clicks_form(args))


Lists = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="LIST...",
        help="Published lists: parquet, CSV, TSV, JSON or text; files, folders, patterns, https:// or s3:// addresses. "
        "The schemas of LAION, DataComp, COYO and mmc4 are known by themselves.",
        show_default=False,
    ),
]
Shards = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        help="Folder of the shards. The same folder again resumes. Default: images.",
        show_default=False,
    ),
]
Policy = Annotated[
    str,
    typer.Option(
        help="Which pictures stay, compared with what the list recorded: `strict` (identical), `near` (and those that "
        "look the same, or were never recorded), `refresh` (all). Default: refresh; with --verify_hash strict.",
        show_default=False,
    ),
]
Contact = Annotated[str, typer.Option(help="Page or mailbox by which site owners reach you.", show_default=False)]
Adopt = Annotated[
    Path | None,
    typer.Option(
        metavar="FOLDER", help="Output of img2dataset: its pictures are taken over, not asked for.", show_default=False
    ),
]
As = Annotated[
    str, typer.Option("--as", metavar="img2dataset", help="Tables with img2dataset's columns only.", show_default=False)
]
RecipeFile = Annotated[
    Path | None,
    typer.Option(
        "--recipe",
        "-r",
        help="TOML file; options that are given change it. Default: img2dataset's.",
        show_default=False,
    ),
]
PlanOnly = Annotated[
    bool, typer.Option("--plan-only", help="Read the lists and make the plan, which slices need; nothing is fetched.")
]


def rebuild(
    lists: Lists = None,
    output: Shards = None,
    recipe: RecipeFile = None,
    overrides: flags.Overrides = None,
    policy: Policy = "",
    contact: Contact = "",
    removals: flags.Removals = None,
    adopt: Adopt = None,
    as_: As = "",
    fresh: flags.Fresh = False,
    place: flags.PlaceName = None,
    ray_address: flags.RayAddress = "",
    workers: flags.Workers = 2,
    wait_for_nodes: flags.WaitForNodes = None,
    plan_only: PlanOnly = False,
    slice_: flags.SliceName = "",
    islands: flags.Islands = None,
    owner: flags.Owner = "",
    scratch: flags.Scratch = None,
    as_json: flags.AsJson = False,
    log: flags.Log = LogForm.AUTO,
    url_list: given.UrlList = None,
    image_size: given.ImageSize = None,
    output_folder: given.OutputFolder = None,
    processes_count: given.ProcessesCount = None,
    resize_mode: given.ResizeMode = None,
    resize_only_if_bigger: given.ResizeOnlyIfBigger = None,
    upscale_interpolation: given.UpscaleInterpolation = None,
    downscale_interpolation: given.DownscaleInterpolation = None,
    encode_quality: given.EncodeQuality = None,
    encode_format: given.EncodeFormat = None,
    skip_reencode: given.SkipReencode = None,
    output_format: given.OutputFormat = None,
    input_format: given.InputFormat = None,
    url_col: given.UrlCol = None,
    caption_col: given.CaptionCol = None,
    bbox_col: given.BboxCol = None,
    thread_count: given.ThreadCount = None,
    number_sample_per_shard: given.NumberSamplePerShard = None,
    extract_exif: given.ExtractExif = None,
    save_additional_columns: given.SaveAdditionalColumns = None,
    timeout: given.Timeout = None,
    enable_wandb: given.EnableWandb = None,
    wandb_project: given.WandbProject = None,
    oom_shard_count: given.OomShardCount = None,
    compute_hash: given.ComputeHash = None,
    verify_hash: given.VerifyHash = None,
    distributor: given.Distributor = None,
    subjob_size: given.SubjobSize = None,
    retries: given.Retries = None,
    disable_all_reencoding: given.DisableAllReencoding = None,
    min_image_size: given.MinImageSize = None,
    max_image_area: given.MaxImageArea = None,
    max_aspect_ratio: given.MaxAspectRatio = None,
    incremental_mode: given.IncrementalMode = None,
    max_shard_retry: given.MaxShardRetry = None,
    user_agent_token: given.UserAgentToken = None,
    disallowed_header_directives: given.DisallowedHeaderDirectives = None,
    ignore_ssl_certificate: given.IgnoreSslCertificate = None,
) -> None:
    """Download a published list again: img2dataset's options, layouts and tables; every row ends with an outcome.

    It can be stopped at any moment, and goes on where it was when it is run again.
    """
    told = locals()
    from workers.rebuild.options import NAMES, value_of
    from workers.rebuild.sitting import Extras, rebuild
    from workers.telling.failing import errors_told

    asked = {name: value_of(name, told[name]) for name in NAMES if told[name] is not None}
    if output is not None:
        asked["output_folder"] = str(output)
    extras = Extras(
        policy=policy,
        contact=contact,
        removals=removals,
        columns=as_,
        overrides=tuple(overrides or ()),
        recipe=recipe,
        adopt=adopt,
        fresh=fresh,
        place=place or "",
        ray_address=ray_address,
        workers=workers,
        wait_for_nodes=wait_for_nodes,
        plan_only=plan_only,
        slice=slice_,
        islands=islands,
        owner=owner,
        scratch=scratch,
        as_json=as_json,
        log=log,
    )
    with errors_told(log):
        code = rebuild(lists or [], asked, extras)
    raise typer.Exit(code)
