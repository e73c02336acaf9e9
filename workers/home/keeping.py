"""What goes on beside the work: keeping leases alive, and heeding whoever asks to stop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from workers.home.carrying import Carried
from workers.home.deciding import GRACE_SECONDS, may_finish
from workers.home.errors import AwayError, RefusedError
from workers.home.outfit import Outfit
from workers.protocol.messages import Heartbeat

#: heartbeats are never closer together, whatever a campaign says
_LEAST_BEAT_SECONDS = 1.0


async def beat(carried: Mapping[str, Carried], outfit: Outfit, drained: Callable[[], None]) -> None:
    """Keep leases alive, each as long as the tracker has not heard of its end; until cancelled."""
    seconds = max(_LEAST_BEAT_SECONDS, outfit.campaign.heartbeat_seconds)
    while True:
        await asyncio.sleep(seconds)
        for one in list(carried.values()):
            try:
                told = await outfit.client.heartbeat(
                    one.leased.lease, Heartbeat(stage=one.step[:40], done=one.done, total=one.total)
                )
            except AwayError:
                break  # whoever has something to deliver says so
            except RefusedError as no:
                if no.code == "unknown_lease":
                    one.drop("abandon")
                continue
            if told.action == "abandon":
                one.drop("abandon")
            elif told.action == "drain":
                drained()


async def heed(carried: Mapping[str, Carried], outfit: Outfit, asked: Callable[[], None]) -> None:
    """When asked to stop: what has not begun goes back, what has may end within a minute, what is made is told."""
    await outfit.patience.stopping.wait()
    asked()
    now = asyncio.get_running_loop().time()
    for one in list(carried.values()):
        began = one.begun_at
        if began is None or one.step != "job" or not may_finish(one.done, one.total, now - began):
            one.drop("give back")
    working = sum(not one.made for one in carried.values())
    if working:
        outfit.voice.say("stopping", f"{working} job{'s' if working > 1 else ''} may end within {GRACE_SECONDS:.0f} s, "
                         f"or {'are' if working > 1 else 'is'} given back")  # fmt: skip
    await asyncio.sleep(GRACE_SECONDS)
    for one in list(carried.values()):
        one.drop("give back")
