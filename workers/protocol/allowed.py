"""What a campaign may ask of volunteers. The tracker refuses to make another, and a volunteer refuses to work for it.

A campaign is signed, but not believed: its operators may be careless, or worse, and it runs on thousands of machines
inside other people's networks. What is not known to be harmless is refused.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from crawler.settings import Decode, FilterChoice, Output, Recipe
from workers.protocol.attached import FILE_SETTINGS, files_named, is_attached, may_be_attached
from workers.protocol.campaign import Campaign

KINDS = ("extract", "fetch", "score", "crawl")

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_VERSION = re.compile(r"[0-9]+(\.[0-9]+){0,5}")
#: a model of a hub, or the one that comes with pairtrawl; never a folder
_MODEL = re.compile(r"(hf-hub:)?[0-9A-Za-z_][0-9A-Za-z_.-]{0,99}(/[0-9A-Za-z_][0-9A-Za-z_.-]{0,99})?")
_PRETRAINED = re.compile(r"[0-9A-Za-z_-]{0,100}")

#: settings of filters that name no file. One that is neither of these nor of those that do is refused; a test holds
#: them against all filters that there are
HARMLESS_SETTINGS = frozenset(
    {
        "batch_size", "body_bytes", "columns", "composites", "confidential", "device", "entries", "extensions", "form",
        "keyword_threshold", "kind", "kinds", "languages", "levels", "marks", "max_age_days", "max_characters",
        "max_ratio", "min_characters", "min_confidence", "min_share", "model", "most_share", "parameters", "pixels",
        "precision", "pretrained", "radius", "resized", "routes", "scripts", "share", "threshold", "turned", "unknown",
    }
)  # fmt: skip

#: what volunteers' machines can be made to hold or do, at most: key of the recipe, and bound
_AT_MOST = (
    ("extract.html_bytes", 64 * 2**20),
    ("extract.images_per_page", 1_000_000),
    ("fetch.body_bytes", 256 * 2**20),
    ("fetch.redirects", 20),
    ("fetch.tries", 10),
    ("fetch.total_seconds", 600),
    ("decode.pixels", 1_000_000_000),
    ("decode.memory_bytes", 8 * 2**30),
    ("decode.cpu_seconds", 120),
    ("manners.requests_at_once", 10),
)
#: of files that come with the campaign
_ATTACHMENTS, _ATTACHED_BYTES = 64, 2 * 2**30
#: requests that all machines of a campaign send to one site: each volunteer is polite by itself alone
_SECONDS_BETWEEN_REQUESTS = 0.1


def objections(campaign: Campaign, *, allow_private: bool = False) -> list[str]:
    """What a volunteer must not do that this campaign asks for, each a sentence that says what; empty: it is all right.

    Args:
        campaign: the document.
        allow_private: for tests and demos: addresses of loopback may be asked, by http too, without manners.
    """
    return [
        *_of_the_document(campaign),
        *_of_addresses(campaign, allow_private=allow_private),
        *_of_the_recipe(campaign.recipe),
        *_of_the_network(campaign.recipe, allow_private=allow_private),
        *(sentence for choice in campaign.recipe.filters for sentence in _of_filter(choice, campaign)),
    ]


def _of_the_document(campaign: Campaign) -> Iterator[str]:
    if not _NAME.fullmatch(campaign.name):
        yield f"its name is {campaign.name!r}; it must be small letters, digits and -, for folders are called by it"
    if len(campaign.title) > 200 or len(campaign.about) > 4_000:
        yield "its title or description is too long"
    if unknown := [kind for kind in campaign.kinds if kind not in KINDS]:
        yield f"it has jobs of the kind {unknown[0]!r}, and there are {', '.join(KINDS)}"
    if campaign.recipe_digest != campaign.recipe.digest:
        yield "its recipe has another digest than it says"
    if not _VERSION.fullmatch(campaign.min_version):
        yield f"its min_version is {campaign.min_version!r}, which is no version"
    if not 0 < campaign.heartbeat_seconds < campaign.lease_seconds <= campaign.hard_seconds:
        yield "heartbeat_seconds must be less than lease_seconds, and those no more than hard_seconds"
    if campaign.upload_bytes < 1:
        yield "upload_bytes is nothing"
    names = [one.name for one in campaign.attachments]
    if not all(may_be_attached(name) for name in names) or len(set(names)) < len(names):
        yield "its attachments have names that lead elsewhere, or one name twice"
    if len(names) > _ATTACHMENTS or sum(one.bytes for one in campaign.attachments) > _ATTACHED_BYTES:
        yield f"its attachments are more than {_ATTACHMENTS}, or together more than {_ATTACHED_BYTES:,} bytes"


def _of_addresses(campaign: Campaign, *, allow_private: bool) -> Iterator[str]:
    """Archives and uploads: where a volunteer reads from and writes to."""
    for prefix in campaign.archives:
        if why := _why_not_public(prefix, allow_private=allow_private):
            yield f"archives begin with {prefix!r}, {why}"
        elif not urlsplit(prefix).path.endswith("/"):
            yield f"archives begin with {prefix!r}, which must end with a /: or it would mean other hosts, too"
    for origin in campaign.uploads:
        if why := _why_not_public(origin, allow_private=allow_private):
            yield f"uploads go to {origin!r}, {why}"
        elif urlsplit(origin).path not in {"", "/"}:
            yield f"uploads go to {origin!r}, which must be scheme and host alone"


def _why_not_public(address: str, *, allow_private: bool) -> str:
    """Why a volunteer must not ask this address, or ""."""
    try:
        parts = urlsplit(address)
        host, _port = parts.hostname or "", parts.port
    except ValueError:
        return "which is no address"
    private = allow_private and _is_loopback(host)
    if parts.scheme != "https" and not (private and parts.scheme == "http"):
        return "which is not https://"
    if not host or parts.username is not None or re.search(r"[?#\\]", address) or "%" in host:
        return "which is not a host and a path alone"
    if re.search(r"[\x00-\x20\x7f]|/\.\.?(/|$)", address):
        return "which holds blanks or dots that are no address"
    if not private and not _is_public_name(host):
        return "which is no public host"
    return ""


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _is_public_name(host: str) -> bool:
    """What its name resolves to is for whoever dials to look at: a name says nothing of that."""
    try:
        return ipaddress.ip_address(host).is_global
    except ValueError:
        # 0x7f.1 and 127.1 are loopback for some resolvers: the last label of a name begins with a letter
        last = host.rstrip(".").rpartition(".")
        return bool(last[0]) and last[2][:1].isalpha() and last[2] not in {"local", "localhost", "internal", "onion"}


#: what the checker knows to compare, and every volunteer can make
_ONLY: tuple[tuple[str, object], ...] = (
    ("output.container", Output().container), ("output.columns", Output().columns),
    ("output.drawing", Output().drawing), ("output.skip_reencode", Output().skip_reencode),
    ("output.thumbnails", Output().thumbnails),
    ("decode.exif", Decode().exif), ("decode.hashes", Decode().hashes),
)  # fmt: skip


def _of_the_recipe(recipe: Recipe) -> Iterator[str]:
    if recipe.folder != "." or recipe.inputs:
        yield "its recipe names folders or inputs of another machine"
    if recipe.duplicates.earlier:
        yield "duplicates.earlier names folders; volunteers have none"
    if recipe.duplicates.files != "keep":
        yield 'duplicates.files must be "keep": volunteers do not see each other\'s shards'
    if recipe.fetch.ca_file:
        yield "fetch.ca_file would make volunteers believe other certificates"
    if not recipe.fetch.verify_tls:
        yield "fetch.verify_tls is off: anybody on the way could give volunteers other pictures"
    if recipe.removals:
        yield "removals names a register of takedowns, which nobody else may see; screening is the checker's"
    if recipe.rebuild is not None:
        yield "its recipe is one of a rebuild, which campaigns do not do"
    for key, wanted in _ONLY:
        section, _, name = key.partition(".")
        if getattr(getattr(recipe, section), name) != wanted:
            yield f"{key} must be {wanted!r}: what volunteers make is compared with that"
    for key, most in _AT_MOST:
        section, _, name = key.partition(".")
        if (value := getattr(getattr(recipe, section), name)) > most:
            yield f"{key} is {value:,}, and volunteers do {most:,} at most"


def _of_the_network(recipe: Recipe, *, allow_private: bool) -> Iterator[str]:
    """Whom the recipe makes volunteers ask for images, and how. Loopback is this machine alone: nobody is harmed."""
    fetch = recipe.fetch
    reached = {
        "allow_networks": fetch.allow_networks,
        "hosts": tuple(_host_of(one) for one in fetch.hosts.values()),
        "name_servers": tuple(_host_of(one) for one in fetch.name_servers),
    }
    for key, networks in reached.items():
        if networks and not (allow_private and all(_is_loopback_network(one) for one in networks)):
            yield f"fetch.{key} would open volunteers' own networks"
    if allow_private:
        return
    if not set(fetch.ports) <= {80, 443}:
        yield "fetch.ports must be 80 and 443: others are not web sites"
    if not recipe.opt_outs.robots_txt:
        yield "opt_outs.robots_txt is off: it is volunteers' addresses that would be blocked for it"
    if recipe.manners.seconds_between_requests < _SECONDS_BETWEEN_REQUESTS:
        yield f"manners.seconds_between_requests is below {_SECONDS_BETWEEN_REQUESTS}: many volunteers are an attack"


def _host_of(address: str) -> str:
    """127.0.0.1 of 127.0.0.1:8080, ::1 of [::1]:53 and of ::1."""
    if address.startswith("["):
        return address[1:].partition("]")[0]
    host, colon, rest = address.partition(":")
    return address if colon and ":" in rest else host


def _is_loopback_network(network: str) -> bool:
    try:
        return ipaddress.ip_network(network, strict=False).is_loopback
    except ValueError:
        return False


def _of_filter(choice: FilterChoice, campaign: Campaign) -> Iterator[str]:
    for name in files_named(choice):
        if not is_attached(campaign, name):
            yield f"{choice.use}: {name!r} is a file that the campaign does not bring"
    for key in choice.settings:
        if key == "key":
            yield f"{choice.use}: `key` is for confidential lists, and those for the screening host"
        elif key not in FILE_SETTINGS | HARMLESS_SETTINGS:
            yield f"{choice.use}: `{key}` is a setting of which it is not known whether it is harmless"
    if choice.settings.get("confidential"):
        yield f"{choice.use}: `confidential` is for the screening host; what a volunteer has is no secret"
    for table in _tables(choice.settings):
        if not _MODEL.fullmatch(str(table.get("model", "m"))):
            yield f"{choice.use}: model {table['model']!r} is not one that comes with pairtrawl or from a hub"
        if not _PRETRAINED.fullmatch(str(table.get("pretrained", ""))):
            yield f"{choice.use}: pretrained {table['pretrained']!r} is no tag of open_clip"


def _tables(value: Any) -> Iterator[Mapping[str, Any]]:  # noqa: ANN401 - whatever TOML holds
    """Every table in a filter's settings, at whatever depth."""
    if isinstance(value, Mapping):
        yield value
        value = value.values()
    if isinstance(value, Iterable) and not isinstance(value, str | bytes):
        for one in value:
            yield from _tables(one)
