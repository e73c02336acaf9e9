"""The steps of `pairtrawl crawl` on their own: `extract`, `plan`, `fetch`, `score`."""

from __future__ import annotations

from pathlib import Path

from workers.cli import options


def extract(
    inputs: options.Inputs = None,
    output: options.Output = Path("runs/crawl"),
    recipe: options.RecipeFile = None,
    overrides: options.Overrides = None,
    fresh: options.Fresh = False,
    place: options.PlaceName = None,
    ray_address: options.RayAddress = "",
    workers: options.Workers = 2,
    scorers: options.Scorers = 1,
    wait_for_nodes: options.WaitForNodes = None,
    slice_: options.SliceName = "",
    owner: options.Owner = "",
    scratch: options.Scratch = None,
    as_json: options.AsJson = False,
) -> None:
    """Only read archives: write a candidate table for each, and a report. No image is fetched.

    `pairtrawl crawl` with the same arguments goes on from there.
    """
    from workers.asked import Asked
    from workers.slices import parse_slice

    asked = Asked(
        verb="extract", fresh=fresh, place=options.place_name(place, ray_address), ray_address=ray_address,
        workers=workers, scorers=scorers, wait_for_nodes=wait_for_nodes, scratch=scratch,
        slice=parse_slice(slice_) if slice_ else None, owner=owner,
    )  # fmt: skip
    options.sit(inputs, output, recipe, overrides, asked, as_json=as_json)


def plan(
    inputs: options.Inputs = None,
    output: options.Output = Path("runs/crawl"),
    recipe: options.RecipeFile = None,
    overrides: options.Overrides = None,
    without_failed: options.WithoutFailed = False,
    scratch: options.Scratch = None,
    as_json: options.AsJson = False,
) -> None:
    """Read what archives are not read yet, then cut the candidates into jobs. No image is fetched.

    `pairtrawl crawl` with the same arguments goes on from there, or `pairtrawl fetch`.
    """
    from workers.asked import Asked

    asked = Asked(verb="plan", without_failed=without_failed, scratch=scratch)
    options.sit(inputs, output, recipe, overrides, asked, as_json=as_json)


def fetch(
    inputs: options.Inputs = None,
    output: options.Output = Path("runs/crawl"),
    recipe: options.RecipeFile = None,
    overrides: options.Overrides = None,
    fresh: options.Fresh = False,
    place: options.PlaceName = None,
    ray_address: options.RayAddress = "",
    workers: options.Workers = 2,
    scorers: options.Scorers = 1,
    wait_for_nodes: options.WaitForNodes = None,
    without_failed: options.WithoutFailed = False,
    slice_: options.SliceName = "",
    islands: options.Islands = None,
    owner: options.Owner = "",
    scratch: options.Scratch = None,
    as_json: options.AsJson = False,
) -> None:
    """Fetch the images where there is internet, and judge them by everything but models: raw shards, in RUN/raw.

    `pairtrawl score` makes shards of them, on a machine that has models and needs no internet.
    """
    from workers.asked import Asked
    from workers.slices import parse_slice

    asked = Asked(
        verb="fetch", fresh=fresh, place=options.place_name(place, ray_address), ray_address=ray_address,
        workers=workers, scorers=scorers, wait_for_nodes=wait_for_nodes, without_failed=without_failed, scratch=scratch,
        slice=parse_slice(slice_) if slice_ else None, islands=islands, owner=owner,
    )  # fmt: skip
    options.sit(inputs, output, recipe, overrides, asked, as_json=as_json)


def score(
    inputs: options.SameInputs = None,
    output: options.Output = Path("runs/crawl"),
    recipe: options.RecipeFile = None,
    overrides: options.Overrides = None,
    place: options.PlaceName = None,
    ray_address: options.RayAddress = "",
    workers: options.Workers = 2,
    scorers: options.Scorers = 1,
    wait_for_nodes: options.WaitForNodes = None,
    drop_raw: options.DropRaw = False,
    slice_: options.SliceName = "",
    owner: options.Owner = "",
    scratch: options.Scratch = None,
    as_json: options.AsJson = False,
) -> None:
    """Score the raw shards that `pairtrawl fetch` left, by models, and write the shards. Needs no internet.

    The shards are those that `pairtrawl crawl` would have made. Where raw shards are missing yet it leaves with 75.
    """
    from workers.asked import Asked
    from workers.slices import parse_slice

    asked = Asked(
        verb="score", place=options.place_name(place, ray_address), ray_address=ray_address, workers=workers,
        scorers=scorers, wait_for_nodes=wait_for_nodes, drop_raw=drop_raw, scratch=scratch,
        slice=parse_slice(slice_) if slice_ else None, owner=owner,
    )  # fmt: skip
    options.sit(inputs, output, recipe, overrides, asked, as_json=as_json)
