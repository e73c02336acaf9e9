"""The words of the command line: from a list to a re-issue and a purge, and nothing of the list on the screen."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.removable import Site, a_row, a_site
from workers.cli import main
from workers.exit_codes import ExitCode


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    monkeypatch.setenv("PAIRTRAWL_KEYS", str(tmp_path / "keys"))
    monkeypatch.setenv("PAIRTRAWL_REGISTER", str(tmp_path / "register"))
    return a_site(tmp_path)


def pairtrawl(monkeypatch: pytest.MonkeyPatch, *words: object) -> int:
    """What `pairtrawl WORDS...` leaves with."""
    monkeypatch.setattr("sys.argv", ["pairtrawl", *map(str, words)])
    with pytest.raises(SystemExit) as leaving:
        main()
    return int(leaving.value.code or 0)


def test_from_a_list_to_a_purge(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    store, row = tmp_path / "store", a_row(2)
    urls, policy = tmp_path / "urls.txt", tmp_path / "policy.toml"
    urls.write_text(row["url"])
    policy.write_text('[[policy]]\nname = "plain"\ncolumn = "punsafe"\nabove = 0.5\n')
    said = []

    def run(*words: object) -> str:
        assert pairtrawl(monkeypatch, "dataset", *words) == 0
        told = capsys.readouterr()
        said.append(told.out + told.err)
        return told.out

    out = run("takedown", "add", store, "--reason", "privacy", "--authority", "ticket 7", "--urls", urls)
    name = out.split(":")[0]
    assert "1 of 60 rows match" in out
    assert "not re-issued yet" in run("takedown", "list")
    assert json.loads(run("takedown", "list", "--json"))[0]["id"] == name
    assert json.loads(run("takedown", "show", name, "--json"))["by_kind"] == {"url": 1}
    assert "matched: 1 by url" in run("takedown", "show", name)
    assert "1 of 3 shards cut" in run("takedown", "cut", store)
    assert "rows masked" in run("takedown", "mask", store, "--policy", policy)
    diff = tmp_path / "diff.tar"
    out = run("reissue", store, "--policy", policy, "--burial", 3, "--yes-so-many", "--diff", diff)
    assert "2 steps in between are no longer in the store" in out
    assert diff.exists()
    assert "re-issued yet" not in run("takedown", "list")
    assert "objects replaced" in run("purge", store, name)
    assert (
        pairtrawl(monkeypatch, "dataset", "purge", store, name, "--also", next(tmp_path.glob("run-*")))
        == ExitCode.YOURS
    )
    told = capsys.readouterr()
    assert "00000.parquet: holds rows of the takedown still" in told.out
    for text in (*said, told.out, told.err):
        assert not any(row[one] in text for one in ("url", "content_id", "md5", "sha256", "caption"))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--hashes", "none.txt"), "none.txt"),
        ((), "names nothing"),
        (("--worker", "w", "--hashes", "list"), "two takedowns"),
        (("--reason", "because", "--hashes", "list"), "has to be one of illegal"),
        (("--version", "main", "--every-version", "--hashes", "list"), "contradict"),
    ],
)
def test_what_is_not_clear_is_refused_and_makes_no_takedown(
    site: Site,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...],
    said: str,
) -> None:
    (tmp_path / "list").write_text(a_row(2)["md5"])
    monkeypatch.chdir(tmp_path)
    asked = ("--authority", "ticket", *(() if "--reason" in words else ("--reason", "other")), *words)
    assert pairtrawl(monkeypatch, "dataset", "takedown", "add", tmp_path / "store", *asked) == ExitCode.YOURS
    assert said in capsys.readouterr().err
    assert site.register.takedowns() == []


def test_a_time_that_is_none_is_a_usage_error(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("dataset", "takedown", "add", tmp_path / "store", "--reason", "poisoned", "--authority", "us")
    assert pairtrawl(monkeypatch, *words, "--since", "yesterday") == ExitCode.YOURS
    assert "2026-11-22T18:00" in capsys.readouterr().err
    assert pairtrawl(monkeypatch, *words, "--since", "2023-11-14T22:13:40", "--until", "2023-11-14T22:13:42+00:00") == 0
    assert site.register.takedowns()[0].rows == 2
