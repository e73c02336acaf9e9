"""img2dataset's Python call: the same parameters in the same order, and ours behind them, by name only.

from workers.rebuild import download
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from workers.rebuild.options import NAMES, Options


def download(  # noqa: PLR0913, PLR0917 - img2dataset's parameters, in its order
    url_list: str,
    image_size: int = 256,
    output_folder: str = "images",
    processes_count: int = 1,
    resize_mode: str = "border",
    resize_only_if_bigger: bool = False,
    upscale_interpolation: str = "lanczos",
    downscale_interpolation: str = "area",
    encode_quality: int = 95,
    encode_format: str = "jpg",
    skip_reencode: bool = False,
    output_format: str = "files",
    input_format: str | None = None,
    url_col: str = "url",
    caption_col: str | None = None,
    bbox_col: str | None = None,
    thread_count: int = 256,
    number_sample_per_shard: int = 10000,
    extract_exif: bool = True,
    save_additional_columns: list[str] | None = None,
    timeout: float = 10,
    enable_wandb: bool = False,
    wandb_project: str = "img2dataset",
    oom_shard_count: int = 5,
    compute_hash: str | None = "sha256",
    verify_hash: list[str] | None = None,
    distributor: str = "multiprocessing",
    subjob_size: int = 1000,
    retries: int = 0,
    disable_all_reencoding: bool = False,
    min_image_size: int = 0,
    max_image_area: float = float("inf"),
    max_aspect_ratio: float = float("inf"),
    incremental_mode: str = "incremental",
    max_shard_retry: int = 1,
    user_agent_token: str | None = None,
    disallowed_header_directives: list[str] | None = None,
    ignore_ssl_certificate: bool = False,
    *,
    policy: str = "",
    contact: str = "",
    removals: str | Path | None = None,
    adopt: str | Path | None = None,
    columns: str = "",
    recipe: str | Path | None = None,
    overrides: Sequence[str] = (),
    scratch: Path | None = None,
) -> int:
    """Download a list of images into shards, or go on with it.

    The parameters up to `ignore_ssl_certificate` are img2dataset's; docs/img2dataset.md says which of them mean
    something else here, and how its behaviour is had back. Ours:

    `policy` is "strict", "near" or "refresh": which pictures stay, compared with what the list recorded. `contact` is
    an address of a page or mailbox for site owners. `removals` is a register of takedowns: nothing that it names is
    written. `adopt` is an output of img2dataset whose pictures are taken over. `columns` is "img2dataset" for tables
    with its columns only. `recipe` is a TOML file; options that differ from their defaults change it. `overrides` are
    "key=value" settings of the recipe, which come last. `scratch` is a folder on a disk of this machine.

    Returns:
        0 where all is done, 75 where work is left: the same call goes on. Failed images are no failure.

    Raises:
        PairtrawlError: an option, the list or the folder is not right; the message says what to do.
    """
    told = {name: value for name, value in locals().items() if name in NAMES}
    from workers.rebuild.sitting import Extras, rebuild  # noqa: PLC0415 - pulls in a crawl; a signature needs none

    extras = Extras(
        policy=policy,
        contact=contact,
        removals=Path(removals) if removals else None,
        columns=columns,
        overrides=tuple(overrides),
        recipe=Path(recipe) if recipe else None,
        adopt=Path(adopt) if adopt else None,
        scratch=scratch,
    )
    return rebuild([url_list], _given(told), extras)


def _given(told: dict[str, Any]) -> dict[str, Any]:
    """The options that say something; a default, written or not, does not."""
    defaults = dict(zip(Options.__struct_fields__[1:], Options.__struct_defaults__, strict=True))
    return {name: value for name, value in told.items() if name not in defaults or value != defaults[name]}
