"""Failpoints: named where they are, and listed where a test finds them."""

from __future__ import annotations

import ast
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from workers import failpoints
from workers.failpoints import FAILPOINTS

SOURCE = Path(failpoints.__file__).parent  # workers/


def arrivals() -> dict[str, list[str]]:
    """Where each failpoint stands, as it is written."""
    found: dict[str, list[str]] = {}
    for path in sorted(SOURCE.rglob("*.py")):
        text = path.read_text("utf-8")
        if "failpoint" not in text:
            continue
        for node in ast.walk(ast.parse(text)):
            match node:
                case ast.Call(func=ast.Name(id="failpoint"), args=[name]):
                    assert isinstance(name, ast.Constant), f"{path}:{node.lineno}: a failpoint's name is written out"
                    found.setdefault(str(name.value), []).append(f"{path.name}:{node.lineno}")
    return found


def test_the_list_names_every_failpoint_and_no_other() -> None:
    assert set(arrivals()) == FAILPOINTS


def test_the_list_is_sorted() -> None:
    text = Path(failpoints.__file__).read_text("utf-8").partition("frozenset(")[2].partition("def ")[0]
    names = [line.strip().split('"')[1] for line in text.splitlines() if line.strip().startswith('"')]
    assert names == sorted(FAILPOINTS)


@pytest.mark.parametrize(
    ("asked", "printed"), [("", "0123"), ("store.moved", ""), ("store.moved:3", "01"), ("store.other", "0123")]
)
def test_the_process_ends_at_the_named_arrival(asked: str, printed: str) -> None:
    code = (
        "import os, workers.failpoints as f\nfor n in range(4):\n f.failpoint('store.moved')\n os.write(1, b'%d' % n)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PAIRTRAWL_FAILPOINT": asked},
        cwd=SOURCE.parent,
        stdout=subprocess.PIPE,
        check=False,
    )
    assert done.stdout.decode() == printed
    assert done.returncode == (0 if printed == "0123" else -signal.SIGKILL)
