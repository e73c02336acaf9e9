"""The container file and the systemd unit say what the volunteer does."""

from __future__ import annotations

import configparser
from pathlib import Path

from workers.exit_codes import ExitCode

PACKAGING = Path(__file__).parents[3] / "packaging"


def unit() -> configparser.SectionProxy:
    parser = configparser.ConfigParser(interpolation=None, strict=True)
    parser.optionxform = str  # type: ignore[assignment,method-assign] # systemd's keys have capitals
    parser.read(PACKAGING / "pairtrawl-work.service")
    return parser["Service"]


def test_the_unit_stops_politely_and_comes_back_where_that_helps() -> None:
    service = unit()
    assert (service["KillMode"], service["KillSignal"]) == ("mixed", "SIGTERM")
    assert int(service["TimeoutStopSec"]) > 60 + 60  # the grace of a job, and then what is finished is delivered
    assert int(service["RestartForceExitStatus"]) == ExitCode.WORK_LEFT
    assert int(service["RestartPreventExitStatus"]) == ExitCode.YOURS


def test_neither_runs_as_root() -> None:
    lines = (PACKAGING / "Containerfile").read_text().splitlines()
    assert "USER volunteer" in lines
    assert not any("--root" in line for line in lines)
    service = unit()
    assert service["NoNewPrivileges"] == "yes"
    assert "--root" not in service["ExecStart"]
    assert "User" not in service


def test_whatever_is_finished_outlives_the_container() -> None:
    lines = (PACKAGING / "Containerfile").read_text().splitlines()
    assert "VOLUME /data" in lines
    assert any(line.startswith("ENTRYPOINT") and '"--folder", "/data/work"' in line for line in lines)
