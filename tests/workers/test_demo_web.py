"""The bundled web misbehaves as its addresses say, and the demo's archives, recipe and truth belong together."""

from __future__ import annotations

import asyncio
import io
import socket
import zlib
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.request import Request as Asking
from urllib.request import urlopen

import msgspec
import pytest
from PIL import Image
from warcio.archiveiterator import ArchiveIterator

from crawler.captions import clean
from crawler.courtesy.local_desk import LocalDesk
from crawler.errors import SettingsError
from crawler.fetch import Terms, fetch
from crawler.job.opening import open_web
from crawler.picture.decode import decode
from crawler.records import Candidate, Caption, Fault, Fetched, Rejected, TextSource
from crawler.settings import Recipe
from crawler.urls import normalise
from crawler.wire.resolve import NameCache
from filters import load
from tests.builders import a_candidate
from workers.demo import DemoWeb, Expected, demo_recipe, demo_web, inputs, truth

ODD = {key: one for key, one in truth().items() if one.match is None}


@pytest.fixture(scope="module")
def served() -> Iterator[DemoWeb]:
    with demo_web() as web:
        yield web


def impatient(served: DemoWeb) -> Recipe:
    """The demo's recipe with less patience, for the tests' sake."""
    recipe = demo_recipe(served.address)
    return msgspec.structs.replace(recipe, fetch=msgspec.structs.replace(recipe.fetch, total_seconds=0.5))


def the_candidate(url: str, text: str) -> Candidate:
    said = ("meta robots: noai, noimageai",) if text.endswith("on a page that says noai") else ()
    caption = Caption(TextSource.ALT, text)
    return a_candidate(text, image_url=url, caption=caption, page_url="http://demo-odd.test/a.html", opt_outs=said)


async def downloads(keys: list[tuple[str, str]], recipe: Recipe) -> list[Fetched | Rejected]:
    terms = Terms(recipe.fetch, recipe.opt_outs)
    async with open_web(recipe, LocalDesk(recipe.manners), NameCache()) as web:
        return await asyncio.gather(*(fetch(the_candidate(*key), web, terms) for key in keys))


def judged(recipe: Recipe, folder: str, record: Any) -> str:
    """The name of the first filter of this folder that turns the record down, or ""; models are not asked."""
    for choice in recipe.filters:
        if choice.use.startswith(folder) and "clip" not in choice.use:
            settings = {key: value for key, value in choice.settings.items() if key != "path"}
            if "path" in choice.settings:
                settings["path"] = str(Path(recipe.folder) / choice.settings["path"])
            (verdict,) = load(choice.use, settings).judge([record])
            if not verdict.keep:
                return choice.use.partition(".")[2]
    return ""


def ending(recipe: Recipe, candidate: Candidate, download: Fetched | Rejected) -> str:
    """How this candidate ends before any model is asked: a reason, or "kept"."""
    if reason := judged(recipe, "candidates", candidate):
        return reason
    if isinstance(download, Rejected):
        return download.reason
    if reason := judged(recipe, "bodies", download):
        return reason
    picture = decode(download, recipe.decode)
    if isinstance(picture, Rejected):
        return picture.reason
    return judged(recipe, "pictures", picture) or "kept"


def test_every_odd_page_ends_as_its_truth_says(served: DemoWeb) -> None:
    recipe, keys = impatient(served), list(ODD)
    ends = dict(zip(keys, asyncio.run(downloads(keys, recipe)), strict=True))
    expected = {key: one.outcome.replace("clip_similarity", "kept") for key, one in ODD.items()}
    assert {key: ending(recipe, the_candidate(*key), ends[key]) for key in keys} == expected


def test_the_odd_pages_show_every_fault_that_needs_no_broken_network() -> None:
    elsewhere = {
        Fault.DUPLICATE, Fault.HOST_CAP, Fault.DNS_FAILED, Fault.TLS_FAILED, Fault.FORMAT_REFUSED, Fault.HOST_BUSY,
        Fault.HOST_DOWN, Fault.TOO_SLOW, Fault.DECODER_KILLED, Fault.PLACEHOLDER, Fault.SEEN_EARLIER,
        Fault.REPEATED_FILE, Fault.LOOK_ALIKE, Fault.HASH_MISMATCH, Fault.HASH_MISSING,
    }  # fmt: skip
    shown = {one.outcome for one in ODD.values()}
    assert {fault for fault in Fault if fault not in shown} == elsewhere


def test_nothing_is_asked_of_a_site_on_the_removal_list() -> None:
    with demo_web() as web:
        recipe = impatient(web)
        kept = [key for key in ODD if not judged(recipe, "candidates", the_candidate(*key))]
        asyncio.run(downloads(kept, recipe))
        asked = {request.host for request in web.requests}
    assert "demo-odd.test" in asked
    assert not any(host.endswith("demo-removed.test") for host in asked)


def test_an_emoji_comes_as_it_is_whatever_query_stands_behind_it(served: DemoWeb) -> None:
    recipe = impatient(served)
    url = next(url for url, _ in truth() if "?" in url and "emoji-cdn" in url)
    (download,) = asyncio.run(downloads([(url, "an emoji")], recipe))
    assert isinstance(download, Fetched)
    assert download.content_type == "image/webp"
    with Image.open(io.BytesIO(download.body)) as picture:
        assert picture.size == (256, 256)


def test_robots_txt_is_served_on_every_host(served: DemoWeb) -> None:
    for host in ("emoji-cdn.test", "demo-odd.test", "demo-slow.test:80"):
        with urlopen(Asking(f"http://{served.address}/robots.txt", headers={"Host": host}), timeout=5) as answer:
            assert answer.read() == b"User-agent: *\nAllow: /\n"


def test_requests_are_noted_with_host_path_and_status() -> None:
    with demo_web() as web:
        with urlopen(Asking(f"http://{web.address}/1f33b.webp?w=3", headers={"Host": "EMOJI-CDN.test:80"}), timeout=5):
            pass
        assert [(one.host, one.path, one.status) for one in web.requests] == [("emoji-cdn.test", "/1f33b.webp", 200)]


def test_a_port_that_is_taken_is_told_to_the_person() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(SettingsError, match="cannot listen"), demo_web(taken.getsockname()[1]):
            pytest.fail("it listens on a port that is taken")


def test_nothing_listens_any_more_when_the_block_is_left() -> None:
    with demo_web() as web:
        host, _, port = web.address.partition(":")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((host, int(port)), timeout=1).close()


# --- archives, recipe, truth ------------------------------------------------------------------------------------------


def records(path: str) -> Iterator[tuple[str, str, bytes]]:
    """(type, address, content) of every record."""
    with Path(path).open("rb") as file:
        for record in ArchiveIterator(file, check_digests=True):
            yield record.rec_type, record.rec_headers.get("WARC-Target-URI", ""), record.content_stream().read()


def test_both_archive_forms_are_there_with_different_pages() -> None:
    warcs = [path for path in inputs() if path.endswith(".warc.gz")]
    wats = [path for path in inputs() if path.endswith(".warc.wat.gz")]
    assert (len(warcs), len(wats)) == (2, 1)
    pages = [{url for kind, url, _ in records(path) if kind in {"response", "metadata"}} for path in inputs()]
    assert sum(map(len, pages)) == len(set.union(*pages))


def test_every_archive_is_one_gzip_member_a_record() -> None:
    for path in inputs():
        data, members = Path(path).read_bytes(), 0
        while data:
            one = zlib.decompressobj(31)
            content = one.decompress(data)
            assert content.startswith(b"WARC/1.0\r\n")
            assert content.endswith(b"\r\n\r\n")
            data, members = one.unused_data, members + 1
        assert members == sum(1 for _ in records(path))


def test_the_wat_file_names_the_warc_file_and_rising_places_in_it() -> None:
    (wat,) = (path for path in inputs() if ".wat." in path)
    containers = [msgspec.json.decode(content)["Container"] for kind, _, content in records(wat) if kind == "metadata"]
    assert {one["Filename"] for one in containers} == {Path(wat).name.replace(".wat.", ".")}
    places = [(int(one["Offset"]), int(one["Gzip-Metadata"]["Deflate-Length"])) for one in containers]
    assert all(offset + length == after for (offset, length), (after, _) in pairwise(places))


def test_the_recipe_sends_the_demo_to_loopback_and_nowhere_else() -> None:
    recipe = demo_recipe("127.0.0.1:4711")
    assert recipe.fetch.hosts == {"*.test": "127.0.0.1:4711", "demo-rebound.test": "192.168.0.1"}
    assert recipe.fetch.allow_networks == ("127.0.0.0/8",)
    assert recipe.digest == demo_recipe("127.0.0.1:4712").digest


def test_every_list_that_the_recipe_names_is_there() -> None:
    recipe = demo_recipe("127.0.0.1:1")
    paths = [Path(recipe.folder) / one.settings["path"] for one in recipe.filters if "path" in one.settings]
    assert len(paths) == 3
    assert all(path.is_file() for path in paths)


def test_truth_calls_short_what_the_recipe_calls_short() -> None:
    (shortest,) = (
        one.settings["min_characters"] for one in demo_recipe("127.0.0.1:1").filters if "text_length" in one.use
    )
    asked_out = {"url_removal"}
    for (_, text), expected in truth().items():
        assert (expected.outcome == "text_length") == (len(text) < shortest) or expected.outcome in asked_out


def test_truth_writes_addresses_and_texts_as_candidates_have_them() -> None:
    for url, text in truth():
        assert (normalise(url), clean(text)) == (url, text)


def test_truth_holds_right_and_wrong_captions_and_odd_pages() -> None:
    kinds = Counter(expected.match for expected in truth().values())
    assert kinds[True] > 1_000
    assert kinds[False] > 500
    assert kinds[None] == len(ODD) > 30
    assert truth()["http://emoji-cdn.test/1f33b.webp", "sunflower"] == Expected("kept", match=True)


@pytest.mark.clip
@pytest.mark.slow
def test_the_small_model_tells_the_odd_pages_words_from_their_pictures(served: DemoWeb) -> None:
    recipe = impatient(served)
    keys = [key for key, one in ODD.items() if one.outcome in {"kept", "clip_similarity"}]
    pictures = [decode(one, recipe.decode) for one in asyncio.run(downloads(keys, recipe)) if isinstance(one, Fetched)]
    choice = recipe.filters[-1]
    verdicts = load(choice.use, choice.settings).judge(pictures)
    assert [one.keep for one in verdicts] == [ODD[key].outcome == "kept" for key in keys]


def test_all_of_it_is_small_enough_for_a_repository() -> None:
    folder = Path(demo_recipe("127.0.0.1:1").folder) / "data"
    assert sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) < 6_000_000
