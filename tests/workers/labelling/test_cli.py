"""`pairtrawl label`, as it is typed."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from typer.testing import CliRunner

from crawler.errors import InputError, SettingsError
from tests.picture_shards import picture_folder
from tests.workers.labelling.labels import DOES_NOT, MATCHES, a_judgement
from workers.cli import app
from workers.labelling.journal import Journal


def told(*words: str) -> str:
    """What the command says; its errors as they are."""
    return CliRunner().invoke(app, ["label", *words], catch_exceptions=False).stdout


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return picture_folder(tmp_path_factory.mktemp("shards"), [0], 8)


def test_a_report_says_what_was_judged_for_people_and_for_machines(folder: Path, tmp_path: Path) -> None:
    with Journal.open(tmp_path, "ada") as journal:
        for number in range(10):
            journal.append(a_judgement(number, MATCHES if number else DOES_NOT))
    assert "matches 90.0% (59.6% to 98.2%; 10)" in told(str(folder), "--labels", str(tmp_path), "--report")
    found = json.loads(told(str(folder), "--labels", str(tmp_path), "--json"))
    assert found["dataset"]["precision"]["share"] == 0.9


def test_before_anybody_has_judged_the_report_says_how_to_begin(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"begin with `pairtrawl label"):
        told(str(folder), "--labels", str(tmp_path), "--report")


def test_a_name_that_is_no_name_is_refused_before_anything_is_read(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="--labeller"):
        told(str(folder), "--labels", str(tmp_path), "--labeller", "../ada")


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="SIGINT")
def test_a_sitting_is_served_until_ctrl_c_and_says_where_its_labels_are(folder: Path, tmp_path: Path) -> None:
    words = ["label", str(folder), "--labels", str(tmp_path), "--labeller", "ada", "--sample", "4"]
    command = [sys.executable, "-u", "-c", "from workers.cli import main; main()", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[3]) as server:
        assert server.stdout is not None
        address = next(found[0] for line in server.stdout if (found := re.search(r"http://\S+", line)))
        parts = urlsplit(address)
        line = http.client.HTTPConnection(parts.netloc, timeout=60)
        headers = {"Authorization": f"Bearer {parts.path.rpartition('/')[2]}", "Origin": f"http://{parts.netloc}"}
        line.request("POST", "/judge", json.dumps({"place": 0, "verdict": "unsafe", "seconds": 1.5}), headers)
        answer = line.getresponse()
        assert (answer.status, json.load(answer)["done"]) == (200, 1)
        line.request("POST", "/judge", json.dumps({"place": 9, "verdict": "unsafe", "seconds": 1.5}), headers)
        assert line.getresponse().status == 400
        line.close()
        server.send_signal(signal.SIGINT)
        said = server.communicate(timeout=60)[0]
    assert server.returncode == 0
    assert f"1 of 4 judged by ada; they are in {tmp_path}" in said
    assert "unsafe" in (tmp_path / "ada.jsonl").read_text()
