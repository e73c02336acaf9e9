"""An environment in one file, and that file on a node."""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
import venv
from pathlib import Path

import pytest

from crawler.errors import SettingsError
from workers.staging.environment import pack_environment

UNPACK = Path(__file__).parents[2] / "slurm" / "unpack-env.sh"


def an_environment(tmp_path: Path) -> Path:
    """A small one: `workers` installed as a link to a working copy, as `pip install -e` does it, and a script."""
    prefix = tmp_path / "the environment"
    venv.create(prefix, symlinks=True)
    site = next(prefix.glob("lib/python*/site-packages"))
    copy = tmp_path / "working copy"
    (copy / "workers").mkdir(parents=True)
    (copy / "workers" / "__init__.py").write_text("where = __file__\n")
    (copy / "workers" / "data.toml").write_text("a = 1\n")
    (copy / "notes").mkdir()
    (site / "__editable__.pairtrawl.pth").write_text(f"{copy}\n")
    (site / "plain.py").write_text("answer = 42\n")
    about = site / "pairtrawl-0.1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: pairtrawl\nVersion: 0.1.0\n")
    (about / "top_level.txt").write_text("workers\n")
    (about / "direct_url.json").write_text(f'{{"url": "{copy.as_uri()}", "dir_info": {{"editable": true}}}}')
    (about / "RECORD").write_text(
        "__editable__.pairtrawl.pth,,\npairtrawl-0.1.0.dist-info/METADATA,,\n../../../bin/tell,,\n"
    )
    script = prefix / "bin" / "tell"
    script.write_text(
        f"#!{prefix}/bin/python\nimport sys, workers, plain\nprint(sys.prefix, workers.where, plain.answer, *sys.argv[1:])\n"
    )
    script.chmod(0o755)
    return prefix


def a_node(tmp_path: Path) -> Path:
    """The folder of a job on its own disk."""
    node = tmp_path / "node"
    node.mkdir(mode=0o700)
    return node


def unpack(archive: Path, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", str(UNPACK), str(archive), str(folder)],
        capture_output=True, text=True, check=False, env=os.environ | environment,
    )  # fmt: skip


def endings() -> list[str]:
    return [".tar", ".tar.gz", *([".tar.zst"] if shutil.which("zstd") else [])]


@pytest.mark.parametrize("ending", endings())
def test_an_environment_runs_from_a_node_without_the_folder_that_it_was_made_in(tmp_path: Path, ending: str) -> None:
    prefix = an_environment(tmp_path)
    packed = pack_environment(tmp_path / f"env{ending}", prefix)
    assert packed.archive_bytes == (tmp_path / f"env{ending}").stat().st_size
    shutil.rmtree(prefix)
    shutil.rmtree(tmp_path / "working copy")
    done = unpack(tmp_path / f"env{ending}", a_node(tmp_path))
    assert done.returncode == 0, done.stderr
    environment = Path(done.stdout.strip())
    assert environment.parent == tmp_path / "node"
    for words in (
        [environment / "bin" / "tell", "hello"],
        [environment / "bin" / "python", environment / "bin" / "tell", "hello"],
    ):
        told = subprocess.run(list(map(str, words)), capture_output=True, text=True, check=True).stdout
        assert told.startswith(f"{environment} {environment}/lib/")
        assert told.endswith("workers/__init__.py 42 hello\n")


def test_the_same_environment_gives_the_same_bytes(tmp_path: Path) -> None:
    prefix = an_environment(tmp_path)
    for name in ("a.tar.gz", "b.tar.gz"):
        pack_environment(tmp_path / name, prefix)
    assert (tmp_path / "a.tar.gz").read_bytes() == (tmp_path / "b.tar.gz").read_bytes()


def test_nothing_in_it_says_who_made_it_and_nothing_leads_out_of_it_but_to_python(tmp_path: Path) -> None:
    prefix = an_environment(tmp_path)
    outside = tmp_path / "cache.py"
    outside.write_text("cached = True\n")
    site = next(prefix.glob("lib/python*/site-packages"))
    (site / "cached.py").symlink_to(outside)
    (site / "again.py").symlink_to(site / "plain.py")
    pack_environment(tmp_path / "env.tar", prefix)
    with tarfile.open(tmp_path / "env.tar") as tar:
        members = {member.name: member for member in tar.getmembers()}
    assert {(one.uid, one.gid, one.uname, one.gname) for one in members.values()} == {(0, 0, "", "")}
    inside = f"lib/{site.parent.name}/site-packages"
    assert members[f"{inside}/cached.py"].isfile()
    assert members[f"{inside}/again.py"].linkname == "plain.py"
    assert f"{inside}/workers/data.toml" in members
    assert not [name for name in members if "__editable__" in name or "notes" in name or "activate" in name.lower()]
    leading_out = {name for name, one in members.items() if one.issym() and one.linkname.startswith("/")}
    assert all(name.startswith("bin/python") for name in leading_out)


def test_an_environment_is_only_replaced_by_a_whole_one(tmp_path: Path) -> None:
    (tmp_path / "env.tar").write_bytes(b"old")
    prefix = an_environment(tmp_path)
    (next(prefix.glob("lib/python*/site-packages")) / "pairtrawl-0.1.0.dist-info" / "top_level.txt").write_text(
        "gone\n"
    )
    with pytest.raises(SettingsError, match=r"pairtrawl: is a link to the working copy .*pip install"):
        pack_environment(tmp_path / "env.tar", prefix)
    assert (tmp_path / "env.tar").read_bytes() == b"old"


def test_what_is_no_environment_and_what_is_no_archive_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="is no virtual environment"):
        pack_environment(tmp_path / "env.tar", tmp_path)
    with pytest.raises(SettingsError, match=r"ends with \.tar"):
        pack_environment(tmp_path / "env.zip", an_environment(tmp_path))


def test_of_four_processes_that_unpack_at_once_one_does_it(tmp_path: Path) -> None:
    pack_environment(tmp_path / "env.tar", an_environment(tmp_path))
    node = a_node(tmp_path)
    counting = tmp_path / "programs"
    counting.mkdir()
    (counting / "tar").write_text(f'#!/bin/sh\necho once >> {tmp_path}/count\nexec {shutil.which("tar")} "$@"\n')
    (counting / "tar").chmod(0o755)
    path = f"{counting}:{os.environ['PATH']}"
    children = [
        subprocess.Popen(["bash", str(UNPACK), str(tmp_path / "env.tar"), str(node)], stdout=subprocess.PIPE, text=True, env=os.environ | {"PATH": path})
        for _ in range(4)
    ]  # fmt: skip
    told = {child.communicate()[0] for child in children}
    assert [child.returncode for child in children] == [0] * 4
    assert len(told) == 1
    assert (tmp_path / "count").read_text() == "once\n"


def test_what_a_killed_process_left_half_unpacked_is_not_used(tmp_path: Path) -> None:
    pack_environment(tmp_path / "env.tar", an_environment(tmp_path))
    node = a_node(tmp_path)
    environment = Path(unpack(tmp_path / "env.tar", node).stdout.strip())
    environment.rename(f"{environment}.unpacking")
    shutil.rmtree(Path(f"{environment}.unpacking") / "lib")
    done = unpack(tmp_path / "env.tar", node)
    assert done.returncode == 0, done.stderr
    assert (environment / "bin" / "tell").exists()
    assert sorted(path.name for path in node.iterdir()) == [environment.name, f"{environment.name}.lock"]


def test_another_environment_under_the_same_name_is_another_folder(tmp_path: Path) -> None:
    prefix, node = an_environment(tmp_path), a_node(tmp_path)
    pack_environment(tmp_path / "env.tar", prefix)
    first = unpack(tmp_path / "env.tar", node).stdout
    (prefix / "bin" / "another").write_text("new")
    pack_environment(tmp_path / "env.tar", prefix)
    assert unpack(tmp_path / "env.tar", node).stdout != first


def test_a_node_without_that_python_says_so(tmp_path: Path) -> None:
    prefix = an_environment(tmp_path)
    for name in (prefix / "bin").glob("python*"):
        if name.readlink().is_absolute():
            name.unlink()
            name.symlink_to("/nowhere/bin/python3")
    (prefix / "pyvenv.cfg").write_text("home = /nowhere/bin\n")
    pack_environment(tmp_path / "env.tar", prefix)
    done = unpack(tmp_path / "env.tar", a_node(tmp_path))
    assert done.returncode == 2
    assert "was made from /nowhere/bin, and that Python is not on" in done.stderr
    assert done.stdout == ""


def test_a_damaged_archive_is_refused_and_leaves_no_environment(tmp_path: Path) -> None:
    pack_environment(tmp_path / "env.tar.gz", an_environment(tmp_path))
    content = (tmp_path / "env.tar.gz").read_bytes()
    (tmp_path / "env.tar.gz").write_bytes(content[: len(content) // 2])
    node = a_node(tmp_path)
    done = unpack(tmp_path / "env.tar.gz", node)
    assert done.returncode == 2
    assert "is the disk full, or the archive damaged?" in done.stderr
    assert not [path for path in node.iterdir() if path.is_dir()]


def test_on_a_disk_for_everybody_it_lies_in_a_folder_of_our_own(tmp_path: Path) -> None:
    pack_environment(tmp_path / "env.tar", an_environment(tmp_path))
    base = tmp_path / "tmp"
    base.mkdir()
    base.chmod(0o1777)
    environment = Path(unpack(tmp_path / "env.tar", base).stdout.strip())
    assert environment.parent == base / f"pairtrawl-{os.getuid()}"
    assert environment.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("trap", ["link", "open", "file", "no sticky bit"])
def test_a_folder_that_somebody_else_could_change_is_refused(tmp_path: Path, trap: str) -> None:
    pack_environment(tmp_path / "env.tar", an_environment(tmp_path))
    base, theirs = tmp_path / "tmp", tmp_path / "theirs"
    base.mkdir()
    base.chmod(0o1777)
    theirs.mkdir(mode=0o700)
    name = base / f"pairtrawl-{os.getuid()}"
    match trap:
        case "link":
            name.symlink_to(theirs)
        case "open":
            name.mkdir()
            name.chmod(0o755)
        case "file":
            name.write_text("mine")
        case _:
            base.chmod(0o777)
    done = unpack(tmp_path / "env.tar", base)
    assert done.returncode == 2
    assert "pairtrawl: " in done.stderr
    assert list(theirs.iterdir()) == []


def test_the_script_says_what_is_missing(tmp_path: Path) -> None:
    assert "there is no such archive" in unpack(tmp_path / "env.tar", tmp_path).stderr
    (tmp_path / "env.tar").write_bytes(b"")
    assert "there is no such folder" in unpack(tmp_path / "env.tar", tmp_path / "nowhere").stderr
