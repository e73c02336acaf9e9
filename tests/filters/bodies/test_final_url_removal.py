from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from filters.bodies.final_url_removal import build
from tests.builders import a_candidate, a_fetched


def kept(folder: Path, text: str, *final_urls: str, **more: Any) -> list[bool]:
    (folder / "list").write_text(text)
    batch = [a_fetched(final_url=url) for url in final_urls]
    return [verdict.keep for verdict in build(path="list", folder=folder, **more).judge(batch)]


# checklist 38
def test_a_picture_that_came_from_a_listed_address_goes(tmp_path: Path) -> None:
    listed = "https://cdn.a.test/x.jpg"
    urls = ["http://cdn.a.test/x.jpg", "https://cdn.a.test/y.jpg", "https://b.test/"]
    assert kept(tmp_path, listed, *urls) == [False, True, True]
    assert kept(tmp_path, "a.test", *urls) == [False, False, True]
    for name in ("md5", "sha1", "sha256"):
        digest = hashlib.new(name, listed.encode()).hexdigest()
        assert kept(tmp_path, digest, *urls, kind=f"url_{name}") == [False, True, True]


def test_where_the_link_led_at_first_is_no_matter_of_this_filter(tmp_path: Path) -> None:
    (tmp_path / "list").write_text("first.test")
    fetched = a_fetched(candidate=a_candidate(image_url="http://first.test/x"), final_url="http://second.test/x")
    assert build(path="list", folder=tmp_path).judge([fetched])[0].keep
