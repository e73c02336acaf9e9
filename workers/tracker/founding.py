"""A new campaign: a run folder with its recipe and archives pinned, keys, the signed document, and the first jobs."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

import msgspec

from crawler.commit import write_first
from crawler.errors import SettingsError
from crawler.settings import Recipe, Resources
from crawler.sources import Source
from workers.assemble import assemble
from workers.protocol.allowed import objections
from workers.protocol.attached import attachable
from workers.protocol.campaign import Attachment, Campaign
from workers.tracker.folder import CampaignFolder
from workers.tracker.settings import TEMPLATE

#: which version a recipe is read by as it is meant, at least
_MIN_VERSION = "0.1"


@dataclass(frozen=True, slots=True)
class Founding:
    """What `tracker init` was told."""

    path: Path
    recipe: Recipe
    sources: Sequence[Source]
    #: the words that stood for the sources
    inputs: tuple[str, ...] = ()
    title: str = ""
    about: str = ""
    #: what archives' addresses begin with; (): the hosts of the sources
    archives: tuple[str, ...] = ()
    uploads: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ("extract", "crawl")
    for_tests: bool = False
    #: known answers of a recipe: `workers.home.selftest.answers`
    selftest: Callable[[Recipe], dict[str, str]] = field(default=lambda _recipe: {})
    #: of leases; in seconds. `upload_bytes`: of all files of a job
    lease_seconds: float = 1800.0
    hard_seconds: float = 6 * 3600.0
    heartbeat_seconds: float = 60.0
    upload_bytes: int = 8 * 2**30


def found(asked: Founding) -> tuple[CampaignFolder, str | None]:
    """Make the campaign, but for its jobs; doing it again changes nothing.

    Returns:
        The folder, and the admin token, which is told once: None where it was told before.

    Raises:
        SettingsError: the campaign would make volunteers do what they must not; every reason is told.
        RunFolderError: the folder holds something else, or another campaign.
    """
    folder = CampaignFolder(asked.path)
    campaign = document(asked)
    if why := [
        *objections(campaign, allow_private=asked.for_tests),
        *_foreign(asked, campaign.archives),
        *_confidential(asked.recipe),
    ]:
        raise SettingsError("volunteers would refuse this campaign: " + "; ".join(why))
    run = folder.run
    with run.held():
        run.open(asked.recipe, list(asked.sources), version("pairtrawl"), asked.inputs)
    if folder.campaign_file.exists():  # known answers differ from machine to machine in their last digits
        campaign = msgspec.structs.replace(campaign, selftest=folder.campaign().selftest)
    else:
        campaign = msgspec.structs.replace(campaign, selftest=asked.selftest(asked.recipe))
    _attach(asked.recipe, folder)
    return CampaignFolder.create(asked.path, campaign, settings=TEMPLATE)


def document(asked: Founding) -> Campaign:
    """The campaign's document, without known answers. Nothing of this machine is in it."""
    recipe = msgspec.structs.replace(asked.recipe, folder=".", inputs=(), resources=Resources())
    return Campaign(
        name=_slug(recipe.name),
        title=asked.title or recipe.name,
        about=asked.about or recipe.description,
        recipe=recipe,
        recipe_digest=recipe.digest,
        attachments=tuple(_attachment(name, path) for name, path in attachable(asked.recipe).items()),
        archives=asked.archives or (hosts_of(asked.sources) if "extract" in asked.kinds else ()),
        uploads=asked.uploads,
        kinds=asked.kinds,
        min_version=_MIN_VERSION,
        lease_seconds=asked.lease_seconds,
        hard_seconds=asked.hard_seconds,
        heartbeat_seconds=asked.heartbeat_seconds,
        upload_bytes=asked.upload_bytes,
    )


def hosts_of(sources: Iterable[Source]) -> tuple[str, ...]:
    """The hosts on which archives stand, as prefixes; of local files and stores of other kinds nothing."""
    found = {f"{parts.scheme}://{parts.netloc}/" for one in sources if (parts := urlsplit(one.address)).netloc}
    return tuple(sorted(one for one in found if one.startswith(("https://", "http://"))))


def _confidential(recipe: Recipe) -> list[str]:
    """Filters that withhold what they reject: their lists are for the screening host, and must not be handed out.

    Raises:
        SettingsError: a filter does not exist, or does not like its settings.
    """
    with TemporaryDirectory(prefix="pairtrawl-") as scratch:
        withheld = assemble(recipe, Path(scratch)).screening.withheld
    return [
        f"{name} is confidential: leave it out, and give it to `pairtrawl tracker check --screening`"
        for name in sorted(withheld)
    ]


def _attachment(name: str, path: Path) -> Attachment:
    content = path.read_bytes()
    return Attachment(name=name, bytes=len(content), sha256=hashlib.sha256(content).hexdigest())


def _attach(recipe: Recipe, folder: CampaignFolder) -> None:
    """Keep what the recipe names as it is now: volunteers are told its digests for as long as the campaign lasts."""
    for path in attachable(recipe).values():
        content = path.read_bytes()
        folder.attachments.mkdir(parents=True, exist_ok=True)
        write_first(folder.attachments / hashlib.sha256(content).hexdigest(), content)


def _foreign(asked: Founding, archives: tuple[str, ...]) -> list[str]:
    """Archives that no volunteer could read."""
    if "extract" not in asked.kinds:
        return []
    outside = [one.address for one in asked.sources if not one.address.startswith(archives)]
    if not outside:
        return []
    return [
        f"{len(outside)} archives stand elsewhere than under {', '.join(archives) or 'any https:// address'}, such as "
        f"{outside[0]}: name --archives, or read them yourself (`pairtrawl plan`) and use --kinds crawl"
    ]


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:64].strip("-") or "campaign"
