"""The network of one job: the wire, the desk and the rules of sites, put together inside its event loop."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from crawler.courtesy.desk import Desk
from crawler.fetch import Web
from crawler.rights.sites import SiteRules
from crawler.settings import Recipe
from crawler.wire.resolve import NameCache
from crawler.wire.transport import open_transport


@asynccontextmanager
async def open_web(recipe: Recipe, desk: Desk, names: NameCache) -> AsyncIterator[Web]:
    """What images of this recipe are asked through, for as long as the context lasts.

    `desk` and `names` outlive it: what one job learnt of hosts, their rules and addresses, the next one knows.

    Raises:
        SettingsError: the recipe holds a wrong network, host table, CA file or user agent.
    """
    async with (
        desk.open() as opened,
        open_transport(recipe.fetch, recipe.resources, opened.turns, name_cache=names) as get,
    ):
        sites = SiteRules(get, opened.rules, opened.turns, recipe.fetch, recipe.opt_outs, recipe.manners)
        yield Web(get, sites, get.names.counts)
