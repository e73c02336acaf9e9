"""img2dataset's options as a recipe of ours. A pure function: nothing is read, and nothing asked for."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import msgspec

from crawler.courtesy.agent import token_of
from crawler.errors import SettingsError
from crawler.list_forms import ListForm
from crawler.settings import Decode, FilterChoice, Manners, Plan, Rebuild, Recipe, with_overrides
from workers.rebuild.options import Options

#: what a run has that was asked for by options alone. A published list has the rows of a site side by side, and keeps
#: their order: at a crawl's one request a second a shard would take as long as its commonest site has rows.
BASE = Recipe(
    name="rebuild",
    description="A published list, downloaded again",
    plan=Plan(unique=False),
    manners=Manners(requests_at_once=4, seconds_between_requests=0.2, longest_wait_seconds=1_800.0),
    # what later removal lists come in; pHash, the dearest and the weakest, where the list or a filter has it
    decode=Decode(hashes=("md5", "sha1", "pdq")),
    rebuild=Rebuild(policy="refresh", guess_types=True),
)
#: of img2dataset's `timeout`, which is for one operation of a socket: all of a download, redirects included
TOTAL = 1.5

_METHODS = {"bilinear": "linear", "bicubic": "cubic", "lanczos4": "lanczos"}
#: options that say how rows are read; whoever gives one writes as for img2dataset, which has no captions by itself
_READS = frozenset(("input_format", "url_col", "caption_col"))


@dataclass(frozen=True, slots=True)
class Ours:
    """What `pairtrawl rebuild` can be told beyond img2dataset's options."""

    policy: str = ""
    contact: str = ""
    #: a folder of removal lists: nothing that they name is written
    removals: str = ""
    #: "img2dataset": its columns and no others
    columns: str = ""
    overrides: tuple[str, ...] = ()


def recipe_of(options: Options, given: Collection[str], base: Recipe | None = None, ours: Ours | None = None) -> Recipe:
    """The recipe of a rebuild.

    Args:
        options: img2dataset's.
        given: names of those that were given; the others have img2dataset's defaults.
        base: a recipe that was given, too: then only options that were given change it.
        ours: what else was asked for; it comes last.

    Raises:
        SettingsError: an option, or an override, is not right.
    """
    wanted = set(given) if base is not None else set(Options.__struct_fields__)
    recipe = base or BASE
    if recipe.rebuild is None:
        recipe = _replaced(recipe, rebuild=Rebuild())
    for section, change in _changes(options, set(given), wanted).items():
        recipe = _replaced(recipe, **{section: _replaced(getattr(recipe, section), **change)})
    recipe = _with_limits(recipe, options, wanted)
    return _with_ours(recipe, ours or Ours())


def _changes(options: Options, given: set[str], wanted: set[str]) -> dict[str, dict[str, Any]]:
    """The settings that options which are wanted stand for, by section."""
    found = {
        "output": _output(options, wanted),
        "fetch": _fetch(options, given, wanted),
        "list": _list(options, given),
        "rebuild": _rebuild(options, given, wanted),
        "plan": {"rows_per_job": options.number_sample_per_shard} if "number_sample_per_shard" in wanted else {},
        "resources": _resources(options, given, wanted),
        "opt_outs": _opt_outs(options),
        "decode": {"exif": "harmless" if options.extract_exif else "none"} if "extract_exif" in wanted else {},
    }
    return {section: change for section, change in found.items() if change}


def _output(options: Options, wanted: set[str]) -> dict[str, Any]:
    same = ("resize_mode", "image_size", "resize_only_if_bigger", "encode_format", "encode_quality", "skip_reencode")
    change = {name: getattr(options, name) for name in same if name in wanted}
    for name in ("upscale_interpolation", "downscale_interpolation"):
        if name in wanted:
            method = getattr(options, name)
            change[name] = _METHODS.get(method, method)
    if "output_format" in wanted:
        change["container"] = options.output_format
    if "oom_shard_count" in wanted:
        change["shard_digits"] = options.oom_shard_count
    if options.disable_all_reencoding:
        change["encode_format"] = "original"
    return change


def _fetch(options: Options, given: set[str], wanted: set[str]) -> dict[str, Any]:
    change: dict[str, Any] = {}
    if "timeout" in wanted:
        seconds = float(options.timeout)
        change = dict.fromkeys(("connect_seconds", "first_byte_seconds", "read_seconds"), seconds)
        change["total_seconds"] = TOTAL * seconds
    if "retries" in given:
        change["tries"] = options.retries + 1
    if options.user_agent_token:
        change["user_agent"] = _user_agent(options.user_agent_token)
    if options.ignore_ssl_certificate:
        change["verify_tls"] = False
    return change


def _user_agent(token: str) -> str:
    """The token is the name by which robots.txt and X-Robots-Tag speak of us, so it comes first."""
    token = token.strip()
    if token_of(token) != token.lower():
        raise SettingsError(f"user_agent_token: {token!r} is no single word by which a robots.txt could name a crawler")
    return f"{token} {BASE.fetch.user_agent}"


def _list(options: Options, given: set[str]) -> dict[str, Any]:
    change: dict[str, Any] = {}
    if options.input_format is not None:
        form = options.input_format.removesuffix(".gz")
        change["form"] = ListForm.JSON if form == "jsonl" else ListForm(form)
    if given & _READS:
        change["url_column"] = options.url_col
    if options.caption_col is not None:
        change["caption_column"] = options.caption_col
    return change


def _rebuild(options: Options, given: set[str], wanted: set[str]) -> dict[str, Any]:
    change: dict[str, Any] = {}
    if given & _READS:
        change["captions"] = options.caption_col is not None
    if options.save_additional_columns is not None or options.bbox_col is not None:
        carry = list(options.save_additional_columns or ())
        if options.bbox_col is not None and options.bbox_col not in carry:
            carry.append(options.bbox_col)
        change["carry"] = tuple(carry)
    if options.bbox_col is not None:
        change["boxes_column"] = options.bbox_col
    if "compute_hash" in wanted:
        change["compute_hash"] = options.compute_hash or "none"
    if options.verify_hash is not None:
        column, kind = options.verify_hash
        change |= {"hashes": {column: kind}, "policy": "strict"}
    return change


def _resources(options: Options, given: set[str], wanted: set[str]) -> dict[str, Any]:
    change = {"downloads": options.thread_count} if "thread_count" in wanted else {}
    if "processes_count" in given:
        change["decoders"] = options.processes_count
    return change


def _opt_outs(options: Options) -> dict[str, Any]:
    """None is our default, which has img2dataset's four and two more."""
    if options.disallowed_header_directives is None:
        return {}
    return {"image_directives": tuple(one.strip().lower() for one in options.disallowed_header_directives)}


def _with_limits(recipe: Recipe, options: Options, wanted: set[str]) -> Recipe:
    """img2dataset's limits of size and shape: two are filters, the third is asked before anything is decoded."""
    if "max_image_area" in wanted and options.max_image_area < recipe.decode.pixels:
        pixels = max(1, int(options.max_image_area))
        recipe = msgspec.structs.replace(recipe, decode=msgspec.structs.replace(recipe.decode, pixels=pixels))
    limits = []
    if options.min_image_size > 0:
        limits.append(FilterChoice(use="pictures.min_side", settings={"pixels": options.min_image_size}))
    if options.max_aspect_ratio < float("inf"):
        limits.append(FilterChoice(use="pictures.aspect", settings={"max_ratio": options.max_aspect_ratio}))
    others = tuple(one for one in recipe.filters if one.use not in {limit.use for limit in limits})
    return msgspec.structs.replace(recipe, filters=(*others, *limits))


def _with_ours(recipe: Recipe, ours: Ours) -> Recipe:
    overrides = list(ours.overrides)
    for key, value in (("rebuild.policy", ours.policy), ("fetch.contact", ours.contact), ("removals", ours.removals),
                       ("output.columns", ours.columns)):  # fmt: skip
        if value:
            overrides.insert(0, f"{key}={json.dumps(value)}")  # a TOML string is written alike
    return with_overrides(recipe, overrides)


def _replaced(section: Any, **change: Any) -> Any:  # noqa: ANN401 - any section of a recipe, and its own kind comes back
    return msgspec.structs.replace(section, **change)
