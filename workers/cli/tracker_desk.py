"""What operators do at a campaign that runs: each command opens its database, beside the server, and makes one move."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from workers.tracker.states import WorkerState
    from workers.tracker.store import Tx

Campaign = Annotated[Path, typer.Argument(metavar="CAMPAIGN", help="The campaign's folder: a run folder.")]


def _checked(database: str) -> str:
    if not database:
        return database
    from workers.tracker.opening import without_password

    return without_password(database)


Database = Annotated[
    str,
    typer.Option(
        "--database",
        callback=_checked,
        metavar="URL",
        help="A PostgreSQL, for several processes: postgresql://HOST/NAME, its password in ~/.pgpass. Default: a file "
        "in the campaign's folder.",
        show_default=False,
    ),
]
Screening = Annotated[
    Path | None,
    typer.Option(
        "--screening",
        metavar="RECIPE",
        help="Recipe whose filters look at uploads here and nowhere else, such as confidential lists.",
        show_default=False,
    ),
]
_Job = Annotated[int, typer.Argument(metavar="JOB", help="The tracker's number of it, as pages and `status` tell it.")]
_Worker = Annotated[int, typer.Argument(metavar="WORKER", help="Its number, as pages tell it.")]
_Why = Annotated[str, typer.Option(help="For the record; the worker is not told.")]

_workers = typer.Typer(no_args_is_help=True, help="One worker: what it may do, and what is believed of it.")


def pause(campaign: Campaign, database: Database = "") -> None:
    """Hand out no jobs for now. What is under way is finished."""
    _pause(campaign, database, paused=True)


def drain(campaign: Campaign, database: Database = "") -> None:
    """Hand out no jobs, and tell volunteers to finish and stop."""
    _pause(campaign, database, paused="drain")


def resume(campaign: Campaign, database: Database = "") -> None:
    """Hand out jobs again."""
    _pause(campaign, database, paused=False)


def requeue(campaign: Campaign, job: _Job, database: Database = "") -> None:
    """Let a job be done again that was set aside, held back or cancelled."""
    from workers.tracker.moves import jobs

    _move(campaign, database, lambda tx, now: jobs.requeue(tx, now, job))


def cancel(campaign: Campaign, job: _Job, database: Database = "") -> None:
    """Take a job out of the campaign."""
    from workers.tracker.moves import jobs

    _move(campaign, database, lambda tx, now: jobs.cancel(tx, now, job))


@_workers.command("quarantine")
def quarantine(campaign: Campaign, worker: _Worker, why: _Why = "", database: Database = "") -> None:
    """Give a worker no jobs until it is released."""
    from workers.tracker.states import WorkerState

    _set_state(campaign, database, worker, WorkerState.QUARANTINED, why)


@_workers.command("release")
def release(campaign: Campaign, worker: _Worker, why: _Why = "", database: Database = "") -> None:
    """Let a worker go on that was quarantined, suspended or banned."""
    from workers.tracker.states import WorkerState

    _set_state(campaign, database, worker, WorkerState.ACTIVE, why)


@_workers.command("ban")
def ban(campaign: Campaign, worker: _Worker, why: _Why = "", database: Database = "") -> None:
    """Answer nothing that a worker asks any more. What was believed of it stays: see `revoke`."""
    from workers.tracker.states import WorkerState

    _set_state(campaign, database, worker, WorkerState.BANNED, why)


@_workers.command("revoke")
def revoke(
    campaign: Campaign,
    worker: _Worker,
    since: Annotated[
        str,
        typer.Option(metavar="WHEN", help="Only later results: 2026-11-20, 2026-11-20T14:00, or seconds since 1970."),
    ] = "",
    why: _Why = "by the operator",
    database: Database = "",
) -> None:
    """Take back what a worker contributed; others will do its jobs again. The checker removes its files."""
    from workers.tracker.moves import revoking
    from workers.tracker.operating import move, seconds_of

    at = seconds_of(since) if since else None
    taken = move(campaign, database, lambda tx, now: revoking.revoke(tx, now, worker=worker, since=at, why=why))
    typer.echo(f"Taken back: {len(taken.results):,} results; {len(taken.jobs):,} jobs will be done again.")


def version(
    campaign: Campaign,
    version: Annotated[str, typer.Argument(metavar="VERSION", help="Of pairtrawl, as volunteers run it.")],
    state: Annotated[str, typer.Argument(metavar="STATE", help="`ok`, `deprecated`, or `blocked`: it gets no jobs.")],
    why: Annotated[str, typer.Option(help="Told to whoever is refused.")] = "",
    database: Database = "",
) -> None:
    """Say what a version of the client may do."""
    from crawler.errors import SettingsError
    from workers.tracker import operating
    from workers.tracker.folder import CampaignFolder
    from workers.tracker.settings import read_settings
    from workers.tracker.states import VersionState
    from workers.tracker.web.versions import set_version

    if state not in list(VersionState):
        raise SettingsError(f"{state}: must be one of {', '.join(VersionState)}")
    settings = read_settings(CampaignFolder.open(campaign).settings).versions
    operating.move(
        campaign, database, lambda tx, now: set_version(tx, now, version, VersionState(state), why, settings)
    )


def invite(
    campaign: Campaign,
    count: Annotated[int, typer.Option(min=1, max=10_000, help="How many.")] = 1,
    database: Database = "",
) -> None:
    """Make invitations, each good for one account, where settings.toml asks for them."""
    from workers.tracker import operating
    from workers.tracker.folder import new_token, token_digest
    from workers.tracker.web import invitations

    tokens = [new_token() for _ in range(count)]

    def make(tx: Tx, now: float) -> None:
        for token in tokens:
            invitations.invite(tx, now, token_digest(token))

    operating.move(campaign, database, make)
    for token in tokens:
        typer.echo(token)


def status(
    campaign: Campaign,
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON, for machines.")] = False,
    database: Database = "",
) -> None:
    """Say how far a campaign is."""
    from workers.tracker.telling import status_lines, status_of

    found = status_of(campaign, database)
    if as_json:
        import msgspec

        typer.echo(msgspec.json.encode(found).decode())
        return
    for line in status_lines(found):
        typer.echo(line)


def fsck(
    campaign: Campaign,
    mend: Annotated[bool, typer.Option("--mend", help="Remove objects that nothing needs.")] = False,
    database: Database = "",
) -> None:
    """Hold the database against itself and against the uploads; leaves with 2 where something is wrong."""
    from crawler.errors import RunFolderError
    from workers.tracker.telling import problems_of

    problems = problems_of(campaign, database, mend=mend)
    for problem in problems:
        typer.echo(problem)
    if problems:
        raise RunFolderError(f"{campaign}: {len(problems)} things are not as they must be")
    typer.echo(f"{campaign}: sound")


def amend(
    campaign: Campaign,
    *,
    title: Annotated[str, typer.Option(help="For people.", show_default=False)] = "",
    about: Annotated[str, typer.Option(help="What it is for.", show_default=False)] = "",
    archives: Annotated[
        list[str] | None, typer.Option(metavar="PREFIX", help="More of what archives' addresses may begin with.")
    ] = None,
    uploads: Annotated[
        list[str] | None, typer.Option(metavar="ORIGIN", help="More storages that take uploads: https://HOST.")
    ] = None,
    min_version: Annotated[str, typer.Option(help="Oldest version that gets jobs.", show_default=False)] = "",
    for_tests: Annotated[bool, typer.Option("--for-tests", help="Loopback addresses are allowed.")] = False,
) -> None:
    """Hand out another document, with the same recipe. Restart the server; volunteers take it when they start."""
    import msgspec

    from crawler.errors import SettingsError
    from workers.protocol.allowed import objections
    from workers.tracker.folder import CampaignFolder

    folder = CampaignFolder.open(campaign)
    old = folder.campaign()
    new = msgspec.structs.replace(
        old, title=title or old.title, about=about or old.about, min_version=min_version or old.min_version,
        archives=tuple(dict.fromkeys((*old.archives, *(archives or ())))),
        uploads=tuple(dict.fromkeys((*old.uploads, *(uploads or ())))),
    )  # fmt: skip
    if why := objections(new, allow_private=for_tests):
        raise SettingsError("volunteers would refuse this campaign: " + "; ".join(why))
    folder.amend(new)
    typer.echo(f"{campaign}: amended; restart `pairtrawl tracker serve`")


def new_token(campaign: Campaign) -> None:
    """Make a new admin token, told this once; the old one counts no more, once the server was restarted."""
    from workers.tracker.folder import CampaignFolder

    typer.echo(f"Admin token, told this once: {CampaignFolder.open(campaign).new_admin_token()}")


def backup(
    campaign: Campaign,
    path: Annotated[Path, typer.Argument(metavar="FILE", help="Where the copy goes.")],
    database: Database = "",
) -> None:
    """Copy the database, as of one moment, while the tracker works. Keys and uploads are files: copy them, too."""
    from workers.tracker import operating

    operating.run(campaign, database, lambda desk: desk.store.backup(path))


def add_to(tracker: typer.Typer) -> None:
    """Add these commands to `pairtrawl tracker`."""
    for command in (pause, drain, resume, requeue, cancel, version, invite, status, fsck, backup, amend, new_token):
        tracker.command(command.__name__.replace("_", "-"))(command)
    tracker.add_typer(_workers, name="worker")


def _pause(campaign: Path, database: str, *, paused: bool | Literal["drain"]) -> None:
    from workers.tracker.moves import jobs

    _move(campaign, database, lambda tx, now: jobs.pause(tx, now, paused))


def _set_state(campaign: Path, database: str, worker: int, state: WorkerState, why: str) -> None:
    from workers.tracker.moves import workers

    _move(campaign, database, lambda tx, now: workers.set_state(tx, now, worker, state, why))


def _move(campaign: Path, database: str, make: Callable[[Tx, float], None]) -> None:
    from workers.tracker import operating

    operating.move(campaign, database, make)
