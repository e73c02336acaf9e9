"""`pairtrawl crawl`, and its steps on their own: `extract`, `plan`, `fetch`, `score`.

Each hands on what it was given under the flags' own names, which are those of `workers.asked.Asked`.
"""

from __future__ import annotations

from pathlib import Path

from workers.cli import options
from workers.telling.forms import LogForm


def crawl(
    inputs: options.Inputs = None,
    output: options.Output = Path("runs/crawl"),
    recipe: options.RecipeFile = None,
    overrides: options.Overrides = None,
    removals: options.Removals = None,
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
    log: options.Log = LogForm.AUTO,
    wandb: options.Wandb = "",
) -> None:
    """Make a data set: archives, candidates, plan, images, filters, webdataset shards, and a report.

    It can be stopped at any moment, and goes on where it was when it is run again.
    """
    options.sit("crawl", **locals())


def extract(
    inputs: options.Inputs = None,
    output: options.Output = Path("runs/crawl"),
    recipe: options.RecipeFile = None,
    overrides: options.Overrides = None,
    removals: options.Removals = None,
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
    log: options.Log = LogForm.AUTO,
    wandb: options.Wandb = "",
) -> None:
    """Only read archives: write a candidate table for each, and a report. No image is fetched.

    `pairtrawl crawl` with the same arguments goes on from there.
    """
    options.sit("extract", **locals())


def plan(
    inputs: options.Inputs = None,
    output: options.Output = Path("runs/crawl"),
    recipe: options.RecipeFile = None,
    overrides: options.Overrides = None,
    removals: options.Removals = None,
    without_failed: options.WithoutFailed = False,
    scratch: options.Scratch = None,
    as_json: options.AsJson = False,
    log: options.Log = LogForm.AUTO,
    wandb: options.Wandb = "",
) -> None:
    """Read what archives are not read yet, then cut the candidates into jobs. No image is fetched.

    `pairtrawl crawl` with the same arguments goes on from there, or `pairtrawl fetch`.
    """
    options.sit("plan", **locals())


def fetch(
    inputs: options.Inputs = None,
    output: options.Output = Path("runs/crawl"),
    recipe: options.RecipeFile = None,
    overrides: options.Overrides = None,
    removals: options.Removals = None,
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
    log: options.Log = LogForm.AUTO,
    wandb: options.Wandb = "",
) -> None:
    """Fetch the images where there is internet, and judge them by everything but models: raw shards, in RUN/raw.

    `pairtrawl score` makes shards of them, on a machine that has models and needs no internet.
    """
    options.sit("fetch", **locals())


def score(
    inputs: options.SameInputs = None,
    output: options.Output = Path("runs/crawl"),
    recipe: options.RecipeFile = None,
    overrides: options.Overrides = None,
    removals: options.Removals = None,
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
    log: options.Log = LogForm.AUTO,
    wandb: options.Wandb = "",
) -> None:
    """Score the raw shards that `pairtrawl fetch` left, by models, and write the shards. Needs no internet.

    The shards are those that `pairtrawl crawl` would have made. Where raw shards are missing yet it leaves with 75.
    """
    options.sit("score", **locals())
