"""Nobody learns from the program, or from how it behaves, what a list names."""

from __future__ import annotations

import hashlib
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

import filters
from tests.builders import a_candidate, a_fetched

ROOT = Path(filters.__file__).parent.parent
LISTED = a_fetched(b"listed" * 1_000)
DIGEST = hashlib.sha256(LISTED.body).digest()


@pytest.fixture
def hash_list(tmp_path: Path) -> Path:
    path = tmp_path / "list.txt"
    path.write_text(f"{DIGEST.hex()}\n")
    return path


# checklist 43
def test_what_is_packaged_has_no_list_and_no_key(tmp_path: Path) -> None:
    build = [sys.executable, "-c", "from setuptools import setup; setup()", "-q", "build", "--build-lib", str(tmp_path)]
    subprocess.run([*build, "--build-base", str(tmp_path / "base")], cwd=ROOT, check=True, capture_output=True)
    packaged = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(packaged) > 100
    assert [path.name for path in packaged if path.suffix in {".ptlist", ".key"} or path.name == "key"] == []
    assert [path.name for path in packaged if path.read_bytes()[:8] == b"PTLIST01"] == []


# checklist 43
def test_a_verdict_on_a_listed_body_tells_no_more_than_one_of_any_other_filter(hash_list: Path) -> None:
    judge = filters.load("bodies.hash_removal", {"path": str(hash_list)}).judge
    (dropped,) = judge([LISTED])
    (kept,) = judge([a_fetched(b"other" * 1_000)])
    assert (dropped.keep, kept.keep) == (False, True)
    assert (dropped.score, dropped.detail) == (kept.score, kept.detail) == (None, "")


# checklist 38, 43
def test_a_filter_that_travels_carries_the_name_of_its_list_and_no_entry(hash_list: Path) -> None:
    built = filters.load("bodies.hash_removal", {"path": str(hash_list)})
    travelling = pickle.dumps(built)
    assert DIGEST not in travelling
    assert DIGEST.hex().encode() not in travelling
    assert DIGEST.hex() not in repr(built)


# checklist 38
@pytest.mark.parametrize("kind", ["url", "domain", "url_md5", "url_sha1", "url_sha256"])
def test_an_address_is_dropped_before_any_traffic_by_every_kind_that_names_it(kind: str, tmp_path: Path) -> None:
    url = "http://images.test/boat.jpg"
    value = {"url": url, "domain": "images.test"}.get(kind) or hashlib.new(kind[4:], url.encode()).hexdigest()
    path = tmp_path / "list.csv"
    path.write_text(f"kind,value\n{kind},{value}\n")
    judge = filters.load("candidates.url_removal", {"path": str(path)}).judge
    listed, other = a_candidate(image_url=url), a_candidate(image_url="http://elsewhere.test/boat.jpg")
    assert [verdict.keep for verdict in judge([listed, other])] == [False, True]
