"""WARC files to candidates: ours, what people put together from libraries, and unpacking plus one parse.

The extractor of OBELICS is no package: where the environment variable OBELICS names a folder with its `obelics/utils` and
`obelics/processors`, it takes part; without, the page of results says that it was left out.
"""

from __future__ import annotations

import json
import os
import subprocess
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.contest.contest import Check, Contest, Goal, Role
from benchmarks.contest.inputs import Inputs
from benchmarks.contest.peers import peer_python
from benchmarks.contest.sides import ROOT, Loop
from crawler.captions import clean
from crawler.extract.addresses import choose, sets_of
from crawler.extract.encoding import utf8_of
from crawler.extract.harvest import Harvest
from crawler.extract.signals import Signals
from crawler.read import read_pages
from crawler.records import HtmlPage, TextSource
from crawler.settings import Extract
from crawler.urls import Base, normalise

_SIDES = Path(__file__).with_name("sides")
_DEMO = ROOT / "workers" / "demo" / "data" / "archives"
_SETS = ("common-crawl-form", "real-pages")
_OURS, _TABLE = "pairtrawl", "pairtrawl, candidate table too"
_FLOOR = "libdeflate and one parse"
_PEERS = {
    "warcio + lxml": "warcio lxml",
    "fastwarc + selectolax": "fastwarc selectolax",
    "fastwarc + resiliparse": "fastwarc resiliparse",
}
_OBELICS = "OBELICS, on the sample"
#: megabytes of pages, spread over all files, on which html5lib is asked (4 MB/s) and OBELICS's way is run (1 MB/s)
_SAMPLE_MB = 4.0
#: no limit of ours is in the way of what others find
_SETTINGS = Extract(url_characters=1_000_000, images_per_page=1_000_000)


def contests(inputs: Inputs) -> list[Contest]:
    """A contest for each set of archives; of the demo's, read again and again, where there is no corpus."""
    if inputs.corpus is None:
        paths = sorted(_DEMO.glob("*.warc.gz"))
        return [_contest(inputs, "the demo's archives", paths, 5 if inputs.quick else 60)]
    found = []
    for name in _SETS:
        paths = sorted(inputs.corpus.glob(f"{name}/crawl-data/*/segments/*/warc/*.warc.gz"))
        found.append(_contest(inputs, name.replace("-", " "), paths[:1] if inputs.quick else paths, 1))
    return found


def _contest(inputs: Inputs, case: str, paths: list[Path], times: int) -> Contest:
    folder = inputs.folder(f"warc-{case.replace(' ', '-')}")
    python = peer_python("warc", "warcio", "lxml", "fastwarc", "resiliparse", "selectolax", "html5lib")
    sample = folder / "sample.warc.gz"
    of_sample = _write_sample(paths, sample)
    megabytes = sum(_unpacked(path) for path in paths) * times / 1e6
    asked: dict[str, Any] = {"paths": [str(path) for path in paths] * times, "megabytes": megabytes}
    on_sample = {"paths": [str(sample)], "megabytes": of_sample}
    file = _SIDES / "warc.py"
    sides = [
        (Role.OURS, Loop(_OURS, file, asked | {"way": "ours"})),
        (Role.OURS, Loop(_TABLE, file, asked | {"way": "ours", "table": str(folder / "table.parquet")})),
        *(
            (Role.PEER, Loop(name, _SIDES / "warc_peers.py", asked | {"way": way}, python))
            for name, way in _PEERS.items()
        ),
        (Role.FLOOR, Loop(_FLOOR, file, asked | {"way": "floor"})),
    ]
    checkout = os.environ.get("OBELICS", "")
    if checkout:
        sides.insert(-1, (Role.PEER, _obelics(on_sample | {"checkout": checkout})))
    goals = [
        Goal("CPU of ours over unpacking and one parse, the least that is to be done", _FLOOR, at_most=1.2, lift=_LIFT),
        *(Goal(f"CPU of {name} over ours", name, at_least=1) for name in _PEERS),
    ]
    inputs_said = {"WARC files": len(paths), "read": f"{times} times", "MB unpacked": round(megabytes, 1),
                   "sample in MB": round(of_sample, 1),
                   "OBELICS": "a checkout" if checkout else "left out: not on the registry, and $OBELICS names no checkout"}  # fmt: skip
    check = _check(sample, folder, python)
    return Contest("warc", case, "MB", inputs_said, sides, goals, check=check, saved=True, rounds=5)


_LIFT = (
    "A third of our time is the parse itself, a tenth the look for bombs. Most of the rest is Python for each page and each "
    "image: attributes, addresses, captions and languages, which the floor does not have. A walk through lexbor's tree in "
    "native code would lift it (selectolax hands over one node at a time), and leaving the text of scripts and styles out of "
    "what is parsed: half of the bytes of real pages, a sixth of the parse."
)


def _obelics(asked: dict[str, Any]) -> Loop:
    python = peer_python("obelics", "selectolax<0.4", "beautifulsoup4", "warcio")
    return Loop(_OBELICS, _SIDES / "warc_obelics.py", asked | {"way": "obelics"}, python)


def _write_sample(paths: Sequence[Path], sample: Path) -> float:
    """Every so manieth response of these files as an archive of its own; megabytes of it unpacked."""
    every = max(1, round(sum(_unpacked(path) for path in paths) / 1e6 / _SAMPLE_MB))
    written, number = 0, 0
    with sample.open("wb") as file:
        for path in paths:
            for packed, content in _members(path):
                if b"\r\nWARC-Type: response\r\n" in content[:2000]:
                    number += 1
                    if number % every == 0:
                        file.write(packed)
                        written += len(content)
    return written / 1e6


def _members(path: Path) -> Iterator[tuple[memoryview, bytes]]:
    """The gzip members of a file, packed and unpacked."""
    data = memoryview(path.read_bytes())
    while data:
        stream = zlib.decompressobj(31)
        content = stream.decompress(data)
        length = len(data) - len(stream.unused_data)
        yield data[:length], content
        data = data[length:]


def _unpacked(path: Path) -> int:
    return sum(len(content) for _, content in _members(path))


def _check(sample: Path, folder: Path, python: Path) -> Callable[[Path], list[Check]]:
    """Compares, on the sample, what sides found with what html5lib sees there."""

    def check(work: Path) -> list[Check]:
        pages = [
            page
            for page in read_pages(sample, name=sample.name, wat=False, limits=_SETTINGS)
            if isinstance(page, HtmlPage)
        ]
        seen = _seen_by_html5lib(pages, folder, python)
        found = {
            name: {tuple(one) for one in json.loads((work / f"{name}.found").read_text())}
            for name in (_OURS, *_PEERS, _OBELICS)
            if (work / f"{name}.found").exists()
        }
        return [_same_pairs(pages, seen, found[_OURS]), *_recalls(pages, seen, found)]

    return check


def _seen_by_html5lib(pages: Sequence[HtmlPage], folder: Path, python: Path) -> list[dict[str, Any]]:
    asked, told = folder / "pages.json", folder / "facts.json"
    texts = [
        utf8_of(page.body, dict(page.headers).get("content-type", "")).decode("utf-8", "replace") for page in pages
    ]
    asked.write_text(json.dumps(texts))
    subprocess.run([str(python), str(_SIDES / "warc_spec.py"), str(asked), str(told)], check=True)
    seen: list[dict[str, Any]] = json.loads(told.read_text())
    return seen


def _same_pairs(pages: Sequence[HtmlPage], seen: Sequence[dict[str, Any]], ours: set[tuple[str, ...]]) -> Check:
    """Our rules applied to html5lib's trees give the pairs that we found; pictures of `<meta>` are not compared."""
    expected, compared = set(), set()
    for page, facts in zip(pages, seen, strict=True):
        harvest = Harvest(page, (facts["bases"] or [""])[0], Signals(), _SETTINGS)
        has_fallbacks = any(in_noscript for *_, in_noscript in facts["images"])
        for attributes, sources, caption, in_noscript in facts["images"]:
            choice, links = choose(attributes, sets_of(sources))
            texts = (attributes.get("alt"), caption, attributes.get("title"), None, None, None)
            harvest.add(choice, texts, links if has_fallbacks else (), is_fallback=in_noscript)
        expected |= {(page.url, one.image_url, one.caption.text) for one in harvest.result().candidates}
        compared.add(page.url)
    mine = {one for one in ours if one[0] in compared}
    missing, surplus = len(expected - mine), len(mine - expected - _of_metas(pages))
    words = f"of {len(expected):,} pairs of {len(pages):,} pages, {missing} missing and {surplus} too many"
    return Check("our pairs are those of html5lib's trees", words, not missing and not surplus and bool(expected))


def _of_metas(pages: Sequence[HtmlPage]) -> set[tuple[str, str, str]]:
    from crawler.extract import extract

    sources = (TextSource.OG_IMAGE_ALT, TextSource.OG_TITLE, TextSource.PAGE_TITLE)
    return {
        (page.url, one.image_url, one.caption.text)
        for page in pages
        for one in extract(page, _SETTINGS).candidates
        if one.caption.source in sources
    }


def _recalls(
    pages: Sequence[HtmlPage], seen: Sequence[dict[str, Any]], found: dict[str, set[tuple[str, ...]]]
) -> Iterator[Check]:
    """How many images with an alt text and an address each side found, under any of their addresses."""
    wanted = [one for page, facts in zip(pages, seen, strict=True) for one in _images(page, facts)]
    for name, triples in found.items():
        known = {(page, normalise(address), clean(text)) for page, address, text in triples}
        hits = sum(any((page, one, text) in known for one in addresses) for page, text, addresses in wanted)
        share = hits / max(1, len(wanted))
        yield Check(f"{name}: images with alt and address found", f"{share:.2%} of {len(wanted):,}", good=True)


def _images(page: HtmlPage, facts: dict[str, Any]) -> list[tuple[str, str, set[str]]]:
    """The images of a page with a text: page, text, every address; those that share text and address are one image."""
    base = Base(page.url, (facts["bases"] or [""])[0])
    images: list[tuple[str, str, set[str]]] = []
    for attributes, sources, _, _ in facts["images"]:
        _, links = choose(attributes, sets_of(sources))
        addresses = set(filter(None, map(base.join, links)))
        text = clean(attributes.get("alt") or "")
        if not addresses or not text:
            continue
        twin = next((one for one in images if one[1] == text and one[2] & addresses), None)
        if twin is None:
            images.append((page.url, text, addresses))
        else:
            twin[2].update(addresses)
    return images
