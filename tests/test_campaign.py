from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.mark.minutes
def test_the_campaign_in_a_box_makes_the_undisturbed_data_set_and_keeps_nothing_of_the_cheats(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "examples.campaign", "--folder", str(tmp_path / "box"), "--seed", "11"]
    ran = subprocess.run(words, cwd=ROOT, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert ran.returncode == 0, ran.stdout[-3_000:]
    figures = dict(line.rsplit(maxsplit=1) for line in ran.stdout.splitlines() if line[-1:].isdigit())
    assert figures["files that differ from the undisturbed data set"] == "0"
    assert figures["rows with what the cheat wrote"] == "0"
