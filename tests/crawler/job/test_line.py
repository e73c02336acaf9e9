from __future__ import annotations

import gc

import pytest

from crawler.errors import SettingsError
from crawler.job.line import run_line


def test_the_collector_is_as_it_was_when_a_line_has_ended() -> None:
    before, inside = gc.get_threshold(), []

    async def part() -> None:
        inside.append(gc.get_threshold()[0])

    async def broken() -> None:
        raise SettingsError("no")

    run_line(part())
    with pytest.raises(SettingsError):
        run_line(part(), broken())
    assert inside[0] > before[0]
    assert gc.get_threshold() == before
    assert gc.get_freeze_count() == 0
