"""A volunteer whose jobs are done by `cheating_child`; in all else the ordinary program."""

from __future__ import annotations

import asyncio
from typing import Any

from workers.cli import main

_honest = asyncio.create_subprocess_exec


async def _cheating(program: str, *words: str, **how: Any) -> asyncio.subprocess.Process:  # noqa: ANN401 - passed on
    return await _honest(
        program, *("examples.campaign.cheating_child" if one == "workers.home.child" else one for one in words), **how
    )


if __name__ == "__main__":
    asyncio.create_subprocess_exec = _cheating  # type: ignore[assignment]
    main()
