"""docs/protocol.md says what the server does."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

from tests.workers.tracker.web.campaigns import a_campaign, running
from workers.tracker.states import JobState, LeaseState, ResultState, UploadState
from workers.tracker.web.table import table

PAGE = Path(__file__).parents[4] / "docs" / "protocol.md"


def test_the_page_names_every_address_of_the_protocol_and_who_may_ask(tmp_path: Path) -> None:
    folder, admin = a_campaign(tmp_path / "c")
    told = dict(re.findall(r"^\| `([A-Z]+ /[^`]*)` \| (\w+) \|", PAGE.read_text(), re.MULTILINE))

    async def life() -> None:
        async with running(folder, admin) as server:
            served = {one.name: one.who.value for one in table(server.tracker)}
            of_protocol = {name for name in served if re.search(r" /(v1/|metrics|health)", name)}
            assert told == {name: served[name] for name in of_protocol}

    asyncio.run(life())


def test_the_page_names_every_state() -> None:
    rows = re.findall(r"^\| (\w+) \| ([^|]*) \|", PAGE.read_text(), re.MULTILINE)
    for of, states in (("job", JobState), ("lease", LeaseState), ("result", ResultState), ("upload", UploadState)):
        told = {state for kind, names in rows if kind == of for state in re.findall(r"`(\w+)`", names)}
        assert told == {state.value for state in states}
