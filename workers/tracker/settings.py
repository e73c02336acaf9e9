"""What the server alone is told: CAMPAIGN/tracker/settings.toml. Volunteers never see it; the campaign is theirs.

An unknown key is an error, for a misspelt one would silently be the default.
"""

from __future__ import annotations

import ipaddress
import tomllib
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from crawler.errors import SettingsError
from workers.tracker.checking.canaries import CanarySettings
from workers.tracker.trust.policy import Policy
from workers.tracker.uploads.settings import Targets

Number = Annotated[int, msgspec.Meta(ge=1)]
Bytes = Annotated[int, msgspec.Meta(ge=0)]
Positive = Annotated[float, msgspec.Meta(gt=0)]


class _Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of the file."""


class Registration(_Section, frozen=True):
    """`[registration]`: who may join."""

    #: "open": anybody; "invitation": who has one (`pairtrawl tracker invite`), which opens one account
    accounts: Literal["open", "invitation"] = "open"
    #: accounts that one network (/24, /48) opens in a day: a school class, not a farm
    accounts_per_network: Number = 30
    #: machines of one account
    workers_per_account: Number = 500


class Admission(_Section, frozen=True):
    """`[admission]`: when no jobs are handed out. Folding@home in 2020 had to stop by hand; so does not this."""

    #: no new jobs while less than this is free for uploads beyond what is promised already
    room_bytes: Bytes = 5 * 2**30
    #: nor while more results wait for a checker than this
    results_waiting: Number = 200_000
    #: leases that a worker asks for, a minute, and at once
    leases_a_minute: Positive = 30.0
    leases_at_once: Number = 30
    #: requests of one network (/24, /48): a second, and at once. Beyond: 429, and come later
    requests_a_second: Positive = 100.0
    requests_at_once: Number = 2_000


class Versions(_Section, frozen=True):
    """`[versions]`: what becomes of clients that get no jobs any more."""

    #: what a version's leases are worth that run when it is blocked: their results are taken, or they end at once
    leases_of_blocked: Literal["accept", "revoke"] = "accept"


class Proxy(_Section, frozen=True):
    """`[proxy]`: a web server in front of this one."""

    #: networks of proxies that are ours, such as "127.0.0.1/32": only their X-Forwarded-For is believed
    networks: tuple[str, ...] = ()
    #: whether browsers reach it by https: the operator's cookie is then sent by nothing else
    https: bool = False

    def __post_init__(self) -> None:
        for one in self.networks:
            ipaddress.ip_network(one)  # a ValueError becomes msgspec's own, which names the key


class Server(_Section, frozen=True):
    """`[server]`."""

    #: a line of JSON for each request on stderr; failures of ours are written in any case
    log_requests: bool = False
    #: answers to Idempotency-Keys are remembered for so long: a volunteer that comes back later asks anew
    remember_seconds: Positive = 14 * 86_400.0
    #: a stop waits so long for requests under way
    drain_seconds: Positive = 30.0


class Settings(_Section, frozen=True):
    """The whole file."""

    registration: Registration = Registration()
    admission: Admission = Admission()
    versions: Versions = Versions()
    proxy: Proxy = Proxy()
    server: Server = Server()
    uploads: Targets = Targets()
    trust: Policy = Policy()
    canaries: CanarySettings = CanarySettings()


#: what `tracker init` writes: says where to look, sets nothing
TEMPLATE = """\
# What this tracker alone is told. docs/tracker.md says what there is; what is not here has its default.
# Volunteers see none of it. Restart the tracker after a change.

#[registration]
#accounts = "invitation"       # or "open"

#[admission]
#room_bytes = 5_368_709_120    # no new jobs while less is free for uploads

#[proxy]
#networks = ["127.0.0.1/32"]   # whose X-Forwarded-For is believed
#https = true

#[trust]
#replica_floor = 0.01

#[canaries]                     # docs/trust.md; before the jobs are imported
#hosts = ["https://img.example.org/"]
"""


def parse_settings(text: str, name: str = "settings.toml") -> Settings:
    """The settings in a TOML text.

    Raises:
        SettingsError: it is no TOML, or a key is unknown or wrong; the message names it.
    """
    try:
        return msgspec.convert(tomllib.loads(text), Settings)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{name}: not valid TOML: {error}") from error
    except msgspec.ValidationError as error:
        raise SettingsError(f"{name}: {error} ($ is the top of the file)") from error


def read_settings(path: Path) -> Settings:
    """The settings in a file; the defaults where there is none.

    Raises:
        SettingsError: it cannot be read, or is wrong.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return Settings()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: cannot be read: {error}") from error
    return parse_settings(text, str(path))
