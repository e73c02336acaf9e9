"""Sites: their files are read as text, and nothing gets into a job that a shell or sbatch would read otherwise."""

from __future__ import annotations

from pathlib import Path

import pytest

from crawler.errors import SettingsError
from workers.slurm_jobs.sites import (
    HOME,
    SETTINGS,
    Chain,
    Stage,
    checked_inputs,
    checked_option,
    checked_path,
    parse_site,
    read_site,
)

SITES = sorted(one.stem for one in (HOME / "slurm/sites").glob("*.env"))


@pytest.mark.parametrize("name", SITES)
def test_every_site_file_is_understood(name: str) -> None:
    site = read_site(name, {})
    assert site.chain in Chain
    for stage in Stage:
        assert all(option.startswith("--") for option in site.options_for(stage))


def test_the_sites_that_were_asked_for_are_there() -> None:
    wanted = {"juwels-booster", "jureca", "jupiter", "perlmutter", "vista", "generic", "local"}
    assert wanted <= set(SITES)


@pytest.mark.parametrize("name", sorted(set(SITES) - {"generic", "local"}))
def test_a_site_file_says_what_was_not_verified(name: str) -> None:
    assert "Not verified" in (HOME / f"slurm/sites/{name}.env").read_text()


def test_an_unknown_site_is_refused_with_those_there_are() -> None:
    with pytest.raises(SettingsError, match="juwels-booster"):
        read_site("juwel", {})


def test_the_callers_environment_goes_before_the_file(tmp_path: Path) -> None:
    (tmp_path / "mine.env").write_text("PAIRTRAWL_INTERNET=none\nPAIRTRAWL_CHAIN=none\n")
    site = read_site("mine", {"PAIRTRAWL_INTERNET": "nodes", "HOME": "/root"}, tmp_path)
    assert site.settings == {"PAIRTRAWL_INTERNET": "nodes", "PAIRTRAWL_CHAIN": "none"}
    assert site.chain is Chain.NONE


def test_a_site_file_of_ones_own_is_named_by_its_path(tmp_path: Path) -> None:
    (tmp_path / "own.env").write_text("SBATCH=--partition=cpu\nSBATCH_SCORE=--partition=gpu --gres=gpu:a100:4\n")
    site = read_site(str(tmp_path / "own.env"), {})
    assert site.options_for(Stage.FETCH) == ["--partition=cpu"]
    assert site.options_for(Stage.SCORE) == ["--partition=cpu", "--partition=gpu", "--gres=gpu:a100:4"]


@pytest.mark.parametrize(
    "line", ["rm -rf /", "export PAIRTRAWL_CHAIN=none", "PAIRTRAWL_CHIAN=none", "PATH=/tmp", "SBATCH"]
)
def test_a_line_that_is_no_setting_is_named(line: str) -> None:
    with pytest.raises(SettingsError, match=r"mine\.env, line 2"):
        parse_site(f"# mine\n{line}\n", "mine.env")


def test_options_for_a_stage_that_does_not_exist_are_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.env").write_text("SBATCH_FILTER=--partition=gpu\n")
    with pytest.raises(SettingsError, match="SBATCH_FILTER"):
        read_site("mine", {}, tmp_path)


@pytest.mark.parametrize(
    "option",
    [
        "-p",
        "gpu",
        "--mem=1 G",
        "--comment=$(id)",
        "--comment=`id`",
        "--comment='x'",
        "--comment=a;b",
        "--x=\n",
        "--Mem=1",
    ],
)
def test_what_is_no_plain_option_is_refused(option: str) -> None:
    with pytest.raises(SettingsError, match="no option for sbatch"):
        checked_option(option, "here")


@pytest.mark.parametrize(
    "option", ["--array=0-3", "--export=NONE", "--wrap=id", "--dependency=afterok:1", "--no-requeue"]
)
def test_options_that_the_scripts_rely_on_are_refused(option: str) -> None:
    with pytest.raises(SettingsError, match="set by pairtrawl itself"):
        checked_option(option, "here")


@pytest.mark.parametrize(
    "option", ["--mem=0", "--gres=gpu:a100:4", "--exclude=n[1-3,7]", "--constraint=gpu&hbm", "--exclusive"]
)
def test_ordinary_options_pass(option: str) -> None:
    assert checked_option(option, "here") == option


@pytest.mark.parametrize("path", ["/my run", "/a,b", "/a:b", "/100%", "/it's", "/a\\b", "/ü", "/$HOME", "/a\nb"])
def test_paths_that_sbatch_or_a_container_would_misread_are_refused(path: str) -> None:
    with pytest.raises(SettingsError, match="use another one"):
        checked_path(Path(path), "--output")


@pytest.mark.parametrize("one", ["--fresh", "-o", "a\nb", "a\x1bb"])
def test_inputs_that_would_be_options_or_lines_are_refused(one: str) -> None:
    with pytest.raises(SettingsError, match="input"):
        checked_inputs(["ok.warc.gz", one])


def test_more_inputs_than_an_environment_holds_are_refused_with_what_to_do() -> None:
    with pytest.raises(SettingsError, match="folder, or a listing"):
        checked_inputs([f"https://example.org/{number:090}.warc.gz" for number in range(1000)])


@pytest.mark.parametrize(
    ("settings", "partition", "reaches"),
    [
        ({"PAIRTRAWL_INTERNET": "nodes"}, None, True),
        ({"PAIRTRAWL_INTERNET": "none"}, None, False),
        ({"PAIRTRAWL_INTERNET": "none", "PAIRTRAWL_INTERNET_PARTITIONS": "dl xfer"}, "xfer", True),
        ({"PAIRTRAWL_INTERNET": "none", "PAIRTRAWL_INTERNET_PARTITIONS": "dl xfer"}, "gpu", False),
    ],
)
def test_which_partitions_reach_the_web(settings: dict[str, str], partition: str | None, reaches: bool) -> None:
    assert read_site("generic", settings).reaches_the_web(partition) is reaches


def test_a_site_that_does_not_say_is_asked() -> None:
    with pytest.raises(SettingsError, match="PAIRTRAWL_INTERNET"):
        read_site("generic", {}).reaches_the_web(None)


@pytest.mark.parametrize("name", ["island.sh", "node.sh"])
def test_scripts_read_no_variable_that_is_not_in_the_table(name: str) -> None:
    import re

    told = {"PAIRTRAWL_HOME", "PAIRTRAWL_RUN", "PAIRTRAWL_RECIPE", "PAIRTRAWL_SET", "PAIRTRAWL_INPUTS", "PAIRTRAWL_SITE",
            "PAIRTRAWL_SLICES", "PAIRTRAWL_REBUILD", "PAIRTRAWL_SLICE_OFFSET", "PAIRTRAWL_ISLANDS", "PAIRTRAWL_SHOW", "PAIRTRAWL_"}  # fmt: skip
    used = set(re.findall(r"PAIRTRAWL_[A-Z_]*", (HOME / "slurm" / name).read_text()))
    assert used <= told | SETTINGS.keys()


def test_the_readme_has_every_variable() -> None:
    page = (HOME / "slurm/README.md").read_text()
    for name, meaning in SETTINGS.items():
        assert f"| `{name}` | {meaning} |" in page, name
