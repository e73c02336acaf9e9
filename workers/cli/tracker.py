"""`pairtrawl tracker`: make a campaign, serve it, check what comes. What operators do meanwhile: `tracker_desk`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from workers.cli import tracker_desk
from workers.cli.options import Overrides, RecipeFile

if TYPE_CHECKING:
    from workers.tracker.importing import Stage

tracker = typer.Typer(
    no_args_is_help=True, help="A campaign: hand jobs to volunteers who need not be trusted (docs/tracker.md)."
)

Campaign = tracker_desk.Campaign
Database = tracker_desk.Database
_Archives = Annotated[
    list[str] | None,
    typer.Option(
        "--archives",
        metavar="PREFIX",
        help="What archives' addresses begin with that volunteers may read: https://data.commoncrawl.org/. May be "
        "repeated. Default: the hosts of the inputs.",
        show_default=False,
    ),
]
_Kinds = Annotated[
    str,
    typer.Option(
        help="Which jobs there are: `extract,crawl`; `extract,fetch,score`, where those who fetch need no models; or "
        "fewer of them, where you do the rest yourself."
    ),
]


@tracker.command("init")
def init(
    campaign: Campaign,
    inputs: Annotated[list[str] | None, typer.Argument(metavar="INPUT...", show_default=False)] = None,
    *,
    recipe: RecipeFile = None,
    overrides: Overrides = None,
    title: Annotated[str, typer.Option(help="For people. Default: the recipe's name.", show_default=False)] = "",
    about: Annotated[str, typer.Option(help="What it is for. Default: the recipe's.", show_default=False)] = "",
    archives: _Archives = None,
    uploads: Annotated[
        list[str] | None,
        typer.Option(metavar="ORIGIN", help="A storage that takes uploads beside the tracker: https://HOST."),
    ] = None,
    kinds: _Kinds = "extract,crawl",
    lease_seconds: Annotated[
        float, typer.Option(min=1, help="After so long without a heartbeat another volunteer may get a job.")
    ] = 1800.0,
    hard_seconds: Annotated[
        float, typer.Option(min=1, help="After so long a result is not taken any more.")
    ] = 21_600.0,
    heartbeat_seconds: Annotated[float, typer.Option(min=0.1, help="How often volunteers say that they live.")] = 60.0,
    selftest: Annotated[
        bool, typer.Option(help="Ask volunteers what this machine can answer, so that broken ones get no jobs.")
    ] = True,
    for_tests: Annotated[
        bool, typer.Option("--for-tests", help="Loopback addresses are allowed. Volunteers must say so, too.")
    ] = False,
    database: Database = "",
) -> None:
    """Make a campaign: pin recipe and inputs as `pairtrawl crawl` does, make its keys, and import its first jobs.

    The admin token is printed once. The same command again goes on where it was stopped.
    """
    from workers.recipes import recipe_or_default
    from workers.session import find_sources
    from workers.tracker.founding import Founding, found

    chosen = recipe_or_default(recipe, overrides or [])
    named = tuple(one for one in kinds.split(",") if one)
    founding = Founding(
        path=campaign, recipe=chosen, sources=find_sources(chosen, inputs or []), inputs=tuple(inputs or ()),
        title=title, about=about, archives=tuple(archives or ()), uploads=tuple(uploads or ()), kinds=named,
        for_tests=for_tests, selftest=_answers if selftest else lambda _recipe: {},
        lease_seconds=lease_seconds, hard_seconds=hard_seconds, heartbeat_seconds=heartbeat_seconds,
    )  # fmt: skip
    folder, token = found(founding)
    told = folder.signed_campaign()
    typer.echo(f"{campaign}: recipe {folder.campaign().recipe_digest}, public key {told.public_key}")
    if token is not None:
        typer.echo(f"Admin token, told this once: {token}")
    if "extract" in named:
        _import(campaign, "extract", database)
    typer.echo(f"Next: pairtrawl tracker serve {campaign}")


@tracker.command("import")
def import_(
    campaign: Campaign,
    stage: Annotated[
        str, typer.Option(help="`extract`: from the run's archives; `fetch` or `crawl`: from its plan.")
    ] = "extract",
    database: Database = "",
) -> None:
    """Import jobs. Those that are there already are left alone: stop it, run it again, as often as you like."""
    from crawler.errors import SettingsError

    match stage:
        case "extract" | "fetch" | "crawl":
            _import(campaign, stage, database)
        case _:
            raise SettingsError(f"--stage {stage}: must be extract, fetch or crawl")


@tracker.command("serve")
def serve(
    campaign: Campaign,
    host: Annotated[str, typer.Option(help="Address to listen at; :: is everywhere. Put TLS before or into it.")] = (
        "127.0.0.1"
    ),
    port: Annotated[int, typer.Option(min=0, max=65_535, help="0: one that is free.")] = 8000,
    database: Database = "",
    certificate: Annotated[
        Path | None, typer.Option(help="PEM file of the certificate chain, for https.", show_default=False)
    ] = None,
    key: Annotated[Path | None, typer.Option(help="PEM file of its private key.", show_default=False)] = None,
    legacy_api: Annotated[
        bool, typer.Option("--legacy-api", help="Also serve the old Crawling@Home API. What it brings is not believed.")
    ] = False,
    checker: Annotated[
        bool, typer.Option("--checker/--no-checker", help="Look at results on this machine, too, as `tracker check`.")
    ] = True,
    screening: tracker_desk.Screening = None,
) -> None:
    """Serve a campaign until it is told to stop: finishes what is under way, then ends."""
    import asyncio

    from workers.tracker.web.serving import Serving
    from workers.tracker.web.serving import serve as serve_campaign

    asked = Serving(
        folder=campaign, host=host, port=port, database=database, legacy_api=legacy_api, certificate=certificate,
        key=key, checker=checker, screening=screening, say=typer.echo,
    )  # fmt: skip
    asyncio.run(serve_campaign(asked))


@tracker.command("check")
def check(
    campaign: Campaign,
    database: Database = "",
    screening: tracker_desk.Screening = None,
    once: Annotated[bool, typer.Option("--once", help="End when nothing waits any more.")] = False,
) -> None:
    """Look at what volunteers have done, and put what is believed into the data set. Several may run at once.

    This is the only process that needs the confidential lists, and it can run on a machine of its own that sees the
    campaign's folder and database.
    """
    import asyncio

    from workers.tracker.checking.running import Checking, run_checker

    checked = asyncio.run(
        run_checker(Checking(campaign=campaign, database=database, screening=screening, once=once, say=typer.echo))
    )
    typer.echo(f"{checked:,} results looked at")


@tracker.command("gold")
def gold(
    campaign: Campaign,
    kind: Annotated[str, typer.Option(help="Of the jobs: one of the campaign's.")] = "crawl",
    jobs: Annotated[int, typer.Option(min=1, help="How many to do here.")] = 10,
    copies: Annotated[int, typer.Option(min=1, help="Of each; a copy is used once.")] = 5,
    database: Database = "",
) -> None:
    """Do some jobs here, and hand copies of them to volunteers, whose answers are then known beforehand."""
    from workers.tracker.gilding import gild

    added = gild(campaign, database, kind=kind, jobs=jobs, copies=copies)
    typer.echo(f"{added:,} gold jobs added")


@tracker.command("canaries")
def canaries(
    campaign: Campaign,
    host: Annotated[str, typer.Option(help="Address to listen at; :: is everywhere.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65_535, help="0: one that is free.")] = 8001,
) -> None:
    """Serve the pictures of canaries: rows that only the project has, by which it is seen who really fetched.

    Put a name that does not look like the tracker's before it, and that name's https:// address under [canaries] in
    the campaign's settings.toml.
    """
    import asyncio

    from workers.tracker.checking.canaries import CanaryMaker
    from workers.tracker.checking.canary_host import serve_canaries
    from workers.tracker.folder import CampaignFolder
    from workers.tracker.settings import read_settings

    folder = CampaignFolder.open(campaign)
    settings = read_settings(folder.settings).canaries
    maker = CanaryMaker(bytes.fromhex(folder.read_secrets().canary_key), settings)
    asyncio.run(serve_canaries(maker, host, port, typer.echo))


def _import(campaign: Path, stage: Stage, database: str) -> None:
    from workers.tracker import operating
    from workers.tracker.importing import import_stage

    def say(read: int, total: int, new: int) -> None:
        typer.echo(f"{stage}: {read:,} of {total:,} jobs read, {new:,} new")

    operating.run(campaign, database, lambda desk: import_stage(desk.folder, desk.store, desk.clock, stage, say))


def _answers(recipe: object) -> dict[str, str]:
    from crawler.settings import Recipe
    from workers.home.selftest import answers

    assert isinstance(recipe, Recipe)
    typer.echo("Self-test: this machine answers what volunteers will be asked.")
    return answers(recipe)


tracker_desk.add_to(tracker)
