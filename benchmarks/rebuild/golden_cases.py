"""The golden set as a table: each row of the list, what img2dataset 1.47.0 makes of it, and what pairtrawl makes of it.

Where the two differ, the row names a difference of `DIFFERENCES`; one that nobody has explained is a failure, and so is
one that is claimed and not there.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.fakes.golden_web import ROBOTS_TAGS, GoldenWeb, pictures

SUCCESS, NOT_DOWNLOADED, NOT_RESIZED = "success", "failed_to_download", "failed_to_resize"

#: why an outcome is another one on purpose; each has a line in docs/img2dataset.md, with its switch
DIFFERENCES = {
    "orientation": "pictures are turned upright by their EXIF tag; img2dataset leaves them lying, and takes the tag out",
    "sixteen bits": "16 bits a sample are scaled to 8, not cut off at white",
    "addresses": "addresses are read as browsers read them: spaces and other scripts are escaped, not refused",
    "own machine": "only http and https are fetched: no file:, no data:, no ftp:, nothing of this machine",
    "opt-outs": "`none`, `noml`, TDMRep and robots.txt refuse a picture, too",
    "deadline": "the time limit is for the whole download, not for each read",
    "bomb": "a picture whose header announces too many pixels is not decoded",
    "empty answer": "an answer without a body is a failed download; img2dataset passes it on to OpenCV",
    "members": "the picture is a sample's first member, whatever its kind; img2dataset's stand in the order of their extensions",
    "sizes": "`disable_all_reencoding` tells the sizes of a picture all the same",
    "not a picture": "with `disable_all_reencoding`, too, what is no picture is a failure, and GIF, BMP, TIFF and AVIF become PNG",
    "learnt": "a row that failed after the download has what was learnt of it: hashes, and sizes of the original",
    "words": "the failure is the same, in words of ours where img2dataset passes on those of a library",
}


@dataclass(frozen=True, slots=True)
class Site:
    """What addresses are made of: the web, and a folder of this machine."""

    web: GoldenWeb
    folder: Path

    def address(self, path: str, site: str = "plain") -> str:
        """Of a path of the web."""
        return self.web.address(path, site)


@dataclass(frozen=True, slots=True)
class Expected:
    """How a row ends."""

    status: str
    message: str = ""  # regular expression that error_message begins with; "" is null


@dataclass(frozen=True, slots=True)
class Case:
    """One row of the golden list."""

    name: str
    url: Callable[[Site], str | None]
    peer: Expected
    ours: Expected
    difference: str = ""
    #: path of the picture that both should show, whose looks are known
    looks: str = ""


GOOD = Expected(SUCCESS)
_ROBOTS_TAG = Expected(NOT_DOWNLOADED, "Use of image disallowed by X-Robots-Tag directive$")
_BROKEN = Expected(NOT_RESIZED, "Image decoding error$")
_REFUSED = Expected(NOT_DOWNLOADED, "URL refused")


def _at(path: str, site: str = "plain") -> Callable[[Site], str]:
    return lambda known: known.address(path, site)


def _same(name: str, path: str, expected: Expected, looks: str = "") -> Case:
    return Case(name, _at(path), expected, expected, looks=looks)


def _shown(path: str, difference: str = "") -> Case:
    return Case(path.lstrip("/"), _at(path), GOOD, GOOD, difference, looks=path)


def _http(name: str, path: str, words: str) -> Case:
    return _same(name, path, Expected(NOT_DOWNLOADED, f"HTTP Error {words}$"))


def _unknown_scheme(name: str, url: str | None) -> Case:
    return Case(name, lambda _known: url, Expected(NOT_DOWNLOADED, "unknown url type: "), _REFUSED, "words")


def _tagged(path: str) -> Case:
    """A picture with an X-Robots-Tag: the directives that img2dataset does not know are a difference."""
    tag = ROBOTS_TAGS[path]
    name = f"X-Robots-Tag: {tag}"
    if tag in {"none", "noml"}:
        return Case(name, _at(path), GOOD, _ROBOTS_TAG, "opt-outs")
    refuses = ("noai" in tag.lower() and ":" not in tag) or tag == "noimageai"
    return _same(name, path, _ROBOTS_TAG if refuses else GOOD, "" if refuses else "/jpg.jpg")


CASES: tuple[Case, ...] = (
    *(
        _shown(path, {"/exif6.jpg": "orientation", "/deep16.png": "sixteen bits"}.get(path, ""))
        for path in pictures()
    ),
    _same("302", "/moved.jpg", GOOD, "/jpg.jpg"),
    _same("User-Agent", "/ua.jpg", GOOD, "/jpg.jpg"),
    _same("503, then well", "/flaky.jpg", GOOD, "/jpg.jpg"),
    _same("comma in the path", "/a,comma.jpg", GOOD),
    _same("truncated", "/truncated.jpg", _BROKEN),
    _same("web page", "/html.jpg", _BROKEN),
    _same("drawing (SVG)", "/drawing.svg", _BROKEN),
    _http("404", "/gone.jpg", "404: Not Found"),
    _http("403", "/forbidden.jpg", "403: Forbidden"),
    _http("500", "/broken.jpg", "500: Internal Server Error"),
    Case(
        "empty", _at("/empty.jpg"), Expected(NOT_RESIZED, r"OpenCV\("), Expected(NOT_DOWNLOADED, "body empty"), "empty answer"
    ),
    *(_tagged(path) for path in ROBOTS_TAGS),
    Case("TDMRep in the header", _at("/tdm.jpg"), GOOD, _ROBOTS_TAG, "opt-outs"),
    Case(
        "robots.txt refuses", _at("/jpg.jpg", "robots"), GOOD,
        Expected(NOT_DOWNLOADED, "Use of image disallowed by robots.txt$"), "opt-outs",
    ),
    Case(
        "tdmrep.json reserves", _at("/jpg.jpg", "reserved"), GOOD,
        Expected(NOT_DOWNLOADED, "Use of image disallowed by its site$"), "opt-outs",
    ),
    Case("non-ASCII path", _at("/peñoles.jpg"), Expected(NOT_DOWNLOADED, "'ascii' codec can't encode"), GOOD, "addresses"),
    Case(
        "space in the path", _at("/two words.jpg"), Expected(NOT_DOWNLOADED, "URL can't contain control characters"), GOOD,
        "addresses",
    ),
    Case(
        "refused port", _at("/jpg.jpg", "refusing"), Expected(NOT_DOWNLOADED, r"<urlopen error \[Errno 111\] Connection refused>$"),
        Expected(NOT_DOWNLOADED, r"<urlopen error \[Errno 111\] Connection refused>$"),
    ),
    Case(
        "bad host", lambda _known: "http://no-such-host.invalid/a.jpg", Expected(NOT_DOWNLOADED, r"<urlopen error \[Errno -[235]\]"),
        Expected(NOT_DOWNLOADED, r"<urlopen error \[Errno -2\] Name or service not known>$"),
    ),
    _unknown_scheme("not a url", "not a url"),
    _unknown_scheme("empty text", ""),
    _unknown_scheme("null", None),
    Case(
        "scheme-relative", lambda known: known.address("/jpg.jpg").removeprefix("http:"),
        Expected(NOT_DOWNLOADED, "unknown url type: "), _REFUSED, "words",
    ),
    Case("javascript:", lambda _known: "javascript:alert(1)", Expected(NOT_DOWNLOADED, "<urlopen error unknown url type"), _REFUSED, "words"),
    Case("data:", lambda _known: "data:image/png;base64," + base64.b64encode(pictures()["/rgba.png"].body).decode(), GOOD, _REFUSED, "own machine"),
    Case("file: (text)", lambda known: (known.folder / "secret.txt").as_uri(), _BROKEN, _REFUSED, "own machine"),
    Case("file: (picture)", lambda known: (known.folder / "secret.jpg").as_uri(), GOOD, _REFUSED, "own machine"),
    Case(
        "ftp:", lambda known: known.address("/jpg.jpg", "refusing").replace("http:", "ftp:"), Expected(NOT_DOWNLOADED, "<urlopen error"),
        _REFUSED, "own machine",
    ),
    Case(
        "user name and password", lambda known: known.address("/jpg.jpg").replace("//", "//user:word@"),
        Expected(NOT_DOWNLOADED, "<urlopen error"), _REFUSED, "words",
    ),
)  # fmt: skip

#: these take long, and run by themselves, so that their time and memory are theirs
SLOW_CASES: tuple[Case, ...] = (
    Case("drips for 25 s", _at("/drip.jpg"), GOOD, Expected(NOT_DOWNLOADED, "<urlopen error timed out>$|too slow"), "deadline"),
    Case("20,000 x 20,000 PNG", _at("/bomb.png"), GOOD, Expected(NOT_RESIZED, "image area too large$"), "bomb"),
)  # fmt: skip


def place_files(folder: Path) -> None:
    """What `file:` addresses of the list lead to."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "secret.txt").write_text("a word of this machine\n")
    (folder / "secret.jpg").write_bytes(pictures()["/jpg.jpg"].body)
