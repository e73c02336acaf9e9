"""What every route works with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workers.protocol.campaign import Campaign, SignedCampaign
from workers.tracker.clock import Clock
from workers.tracker.folder import CampaignFolder, Secrets
from workers.tracker.settings import Settings
from workers.tracker.store import Store
from workers.tracker.web.rates import Buckets

if TYPE_CHECKING:
    from workers.tracker.uploads.reserving import Uploads
    from workers.tracker.web.metrics import Metrics
    from workers.tracker.web.room import Room


@dataclass(frozen=True, slots=True)
class Limits:
    """How fast callers are, so far."""

    by_network: Buckets
    leases: Buckets
    #: tries at the admin token, or at its page
    admin: Buckets


@dataclass(frozen=True, slots=True)
class Tracker:
    """One tracker, while it serves."""

    folder: CampaignFolder
    settings: Settings
    #: as it is handed out, and what is in it
    signed: SignedCampaign
    campaign: Campaign
    secrets: Secrets
    store: Store
    clock: Clock
    uploads: Uploads
    room: Room
    limits: Limits
    metrics: Metrics
    legacy_api: bool = False
    #: whether browsers reach it by https: cookies are marked so
    secure: bool = False
    #: told when the server is about to stop: streams end
    stopping: Callable[[], bool] = lambda: False
