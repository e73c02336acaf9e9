"""What `slurm submit` would have the nodes run for a recipe with a section [rebuild] is a rebuild, done by its slices."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner, Result

from tests.builders import image_bytes
from tests.fakes.changing_host import HOST, ChangingHost, changing_host
from workers.cli import app
from workers.exit_codes import ExitCode
from workers.slurm_jobs.progress import progress


@pytest.fixture
def host() -> Iterator[ChangingHost]:
    with changing_host() as served:
        yield served


def said(*words: str) -> Result:
    return CliRunner().invoke(app, [*words])


def a_recipe(path: Path, port: int) -> str:
    path.write_text(
        'name = "again"\n[rebuild]\n[plan]\nrows_per_job = 2\nunique = false\n[resources]\ndecoders = 1\n'
        '[fetch]\ncontact = "mailto:nobody@example.org"\nallow_networks = ["127.0.0.1/32"]\n'
        f'hosts = {{"*.test" = "127.0.0.1:{port}"}}\n[manners]\nseconds_between_requests = 0\n'
    )
    return str(path)


def of_the_driver(line: str) -> list[str]:
    """The words of pairtrawl that a task's line comes to, without the island around them."""
    words = shlex.split(line)
    return words[words.index("--") + 1 :] if "--" in words else words[1:]


@pytest.mark.slow
def test_the_words_of_the_tasks_rebuild_a_list(
    host: ChangingHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    host.files = {f"/{number}": image_bytes(color=(number * 37, 91, 60)) for number in range(5)}
    pq.write_table(pa.table({"url": [f"{HOST}/{number}" for number in range(5)]}), tmp_path / "list.parquet")
    (tmp_path / "disk").mkdir()
    monkeypatch.setenv("PAIRTRAWL_NODE_LOCAL", str(tmp_path / "disk"))
    output, recipe = tmp_path / "out", a_recipe(tmp_path / "again.toml", host.port)
    shown = said(
        "slurm", "render", "plan", "rebuild", "report", "-o", str(output), "-r", recipe, "--site", "local",
        "--slices", "2", "--window", "1001", "--input", str(tmp_path / "list.parquet"),
    )  # fmt: skip
    plan, rebuild, report = [of_the_driver(line) for line in shown.stdout.splitlines() if line.startswith("pairtrawl ")]
    assert said(*plan).exit_code == ExitCode.DONE
    assert host.asked == []
    assert said("slurm", "check", str(output), "--stage", "rebuild").exit_code == ExitCode.WORK_LEFT
    for part in range(2):
        words = [f"{part}/2" if word == "0/2" else word for word in rebuild]
        assert said(*words).exit_code == ExitCode.DONE, words
    assert said("slurm", "check", str(output), "--stage", "rebuild").exit_code == ExitCode.DONE
    assert said(*report).exit_code == ExitCode.DONE
    (line,) = progress(output, None, [])
    assert (line.stage, line.slices, line.done, line.jobs) == ("rebuild", 2, 2, 3)
    assert [path.name for path in sorted(output.glob("*.tar"))] == ["00000.tar", "00001.tar", "00002.tar"]
    assert sorted(host.asked) == [f"/{number}" for number in range(5)]


def test_the_stages_are_those_of_the_recipe(host: ChangingHost, tmp_path: Path) -> None:
    listed = str(tmp_path / "list.parquet")
    words = ["slurm", "submit", "--dry-run", "-o", str(tmp_path), "--site", "local", "--window", "9", listed]
    shown = said(*words, "-r", a_recipe(tmp_path / "again.toml", host.port)).stdout
    assert [line for line in shown.splitlines() if line.startswith("#")] == [
        "# JOB1: plan", "# JOB2: rebuild, slices 0", "# JOB3: report",
    ]  # fmt: skip
    assert "# JOB1: extract, slices 0" in said(*words).stdout
