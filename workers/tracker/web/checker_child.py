"""The checker beside the server: a child process, begun again when it dies. It reads what strangers sent; we do not."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress

from workers.tracker.web.logs import LOG

#: after a death: longer and longer, for one that cannot begin would be begun for ever
_FIRST_SECONDS, _LONGEST_SECONDS = 5.0, 300.0
#: one that lived so long had begun well
_WELL_SECONDS = 60.0
#: to finish what it looks at
_END_SECONDS = 60.0

_log = logging.getLogger(LOG)


async def keep_checking(arguments: Sequence[str]) -> None:
    """Run `pairtrawl tracker check` with these arguments until cancelled, then let it end."""
    wait, running = _FIRST_SECONDS, asyncio.get_running_loop()
    while True:
        begun = running.time()
        code = await _lived((sys.executable, "-m", "workers", "tracker", "check", *arguments))
        wait = _FIRST_SECONDS if running.time() - begun > _WELL_SECONDS else min(2 * wait, _LONGEST_SECONDS)
        _log.warning("the checker ended with %d; it is begun again in %d s", code, wait)
        await asyncio.sleep(wait)


async def _lived(command: Sequence[str]) -> int:
    """Run a child to its end; told to end, and then killed, where this is cancelled."""
    child = await asyncio.create_subprocess_exec(*command, stdin=asyncio.subprocess.DEVNULL)
    try:
        return await child.wait()
    except asyncio.CancelledError:
        with suppress(ProcessLookupError):
            child.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(_END_SECONDS):
                await child.wait()
        except TimeoutError:
            child.kill()
            await child.wait()
        raise
