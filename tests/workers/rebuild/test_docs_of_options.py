from __future__ import annotations

import re
from pathlib import Path

import pytest

from crawler.settings import with_overrides
from workers.rebuild.options import NAMES
from workers.rebuild.translating import BASE

PAGE = Path(__file__).parents[3] / "docs" / "img2dataset.md"


def test_the_page_has_every_option_once() -> None:
    table = PAGE.read_text(encoding="utf-8").partition("## Options")[2].partition("## What differs")[0]
    named = [
        name
        for line in table.splitlines()
        if line.startswith("| `")
        for name in re.findall(r"`([a-z_]+)`", line.split("|")[1])
    ]
    assert sorted(named) == sorted(NAMES)


def test_every_switch_on_the_page_is_one() -> None:
    text = PAGE.read_text(encoding="utf-8")
    switches = re.findall(r"--set (?:'([^']+)'|([a-z_.]+=[^\s`]+))", text)
    assert len(switches) > 10
    for quoted, plain in switches:
        written = (quoted or plain).replace("=...", "=1")
        if "user_agent" not in written:
            with_overrides(BASE, [written])


@pytest.mark.parametrize(
    "name", ["opt_outs.tdmrep_file=false", "opt_outs.content_usage=false", "decode.memory_bytes=1"]
)
def test_switches_that_share_a_cell_are_real(name: str) -> None:
    assert name.partition("=")[0] in PAGE.read_text(encoding="utf-8")
    with_overrides(BASE, [name])
