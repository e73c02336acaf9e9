"""`pairtrawl lists`: makes keys and confidential lists, counts entries, and never shows one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.filters.lists.written import EMPTY, MD5, OTHER, PDQ, SHA256, TODAY

DAY = TODAY.isoformat()


def lists(*words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from workers.cli import main; main()", "lists", *words]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, check=False, timeout=60)
    for secret in (MD5, OTHER, PDQ, SHA256[:-1]):
        assert secret not in done.stdout + done.stderr
    return done


# checklist 40 and 42
def test_from_a_new_key_to_a_list_that_is_checked(tmp_path: Path) -> None:
    rows = ["MD5 Hash;State;Q", f"{MD5};Active;", f"{OTHER};Withdrawn;", f"{EMPTY['md5']};Active;"]
    (tmp_path / "issued.csv").write_text("\n".join(rows))
    assert lists("new-key", "key", folder=tmp_path).returncode == 0
    compiled = lists(
        "compile", "issued.csv", "--key", "key", "--output", "a.ptlist", "--issued", DAY, "--columns", "md5=MD5 Hash",
        "--columns", "status=State", folder=tmp_path,
    )  # fmt: skip
    assert compiled.returncode == 0, compiled.stderr
    assert [(tmp_path / name).stat().st_mode & 0o777 for name in ("key", "a.ptlist")] == [0o600, 0o600]
    for words, said in ((["--key", "key"], ", whole"), ([], "not tried out")):
        done = lists("check", "a.ptlist", *words, folder=tmp_path)
        assert done.returncode == 0, done.stderr
        told = [" ".join(line.split()) for line in done.stdout.splitlines()]
        assert told[0].startswith(f"a.ptlist: confidential, issued on {DAY} (age in days: 0)")
        assert said in told[0]
        assert told[1:] == ["1 md5", "not used:", "1 hash of the empty file", "1 withdrawn"]


def test_a_list_in_the_open_is_counted_too(tmp_path: Path) -> None:
    (tmp_path / "pdq.txt").write_text(f"{PDQ}\n{'0' * 64}\n")
    done = lists("check", "pdq.txt", "--kind", "pdq", folder=tmp_path)
    assert [" ".join(line.split()) for line in done.stdout.splitlines()] == [
        "pdq.txt: in the open", "1 pdq", "not used:", "1 perceptual hash of a flat picture",
    ]  # fmt: skip


# checklist 41
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["check", "nothing"], "nothing: cannot be read"),
        (["check", "bad"], "bad: line 2: 63 characters"),
        (["check", "two"], "SHA-256 or PDQ: the setting kind"),
        (["new-key", "key"], "key: is there already"),
        (["compile", "good", "--key", "key", "--output", "b.ptlist", "--issued", "yesterday"], "no day"),
        (
            ["compile", "good", "--key", "key", "--output", "b.ptlist", "--issued", DAY, "--columns", "md5"],
            "KIND=HEADING",
        ),
        (["compile", "bad", "--key", "key", "--output", "b.ptlist", "--issued", DAY], "bad: line 2: 63 characters"),
        (["compile", "good", "--key", "none", "--output", "b.ptlist", "--issued", DAY], "none: the key cannot be read"),
        (
            ["compile", "good", "--key", "key", "--output", "key", "--issued", DAY],
            "key: is damaged or no compiled list",
        ),
    ],
)
def test_a_mistake_ends_with_2_says_what_to_do_and_writes_nothing(
    tmp_path: Path, words: list[str], message: str
) -> None:
    (tmp_path / "good").write_text(MD5)
    (tmp_path / "bad").write_text(f"{MD5}\n{SHA256[:-1]}\n")
    (tmp_path / "two").write_text(PDQ)
    (tmp_path / "key").write_text("ab" * 32)
    (tmp_path / "key").chmod(0o600)
    done = lists(*words, folder=tmp_path)
    assert done.returncode == 2
    assert message in " ".join(done.stderr.replace("│", " ").split())
    assert "Traceback" not in done.stderr
    assert sorted(file.name for file in tmp_path.iterdir()) == ["bad", "good", "key", "two"]
    assert (tmp_path / "key").read_text() == "ab" * 32


def test_a_shrunken_list_needs_a_word(tmp_path: Path) -> None:
    (tmp_path / "full").write_text(f"{MD5}\n{OTHER}")
    (tmp_path / "cut").write_text(MD5)
    lists("new-key", "key", folder=tmp_path)
    more = ["--key", "key", "--output", "a.ptlist", "--issued", DAY]
    assert lists("compile", "full", *more, folder=tmp_path).returncode == 0
    done = lists("compile", "cut", *more, folder=tmp_path)
    assert (done.returncode, "md5 1 instead of 2" in done.stderr) == (2, True)
    assert lists("compile", "cut", *more, "--shrink", folder=tmp_path).returncode == 0
