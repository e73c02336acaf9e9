"""`pairtrawl crawl`."""

from __future__ import annotations

from pathlib import Path

from workers.cli import options


def crawl(
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
    """Make a data set: archives, candidates, plan, images, filters, webdataset shards, and a report.

    It can be stopped at any moment, and goes on where it was when it is run again.
    """
    from workers.asked import Asked
    from workers.slices import parse_slice

    asked = Asked(
        verb="crawl", fresh=fresh, place=options.place_name(place, ray_address), ray_address=ray_address,
        workers=workers, scorers=scorers, wait_for_nodes=wait_for_nodes, without_failed=without_failed, scratch=scratch,
        slice=parse_slice(slice_) if slice_ else None, islands=islands, owner=owner,
    )  # fmt: skip
    options.sit(inputs, output, recipe, overrides, asked, as_json=as_json)
