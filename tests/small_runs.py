"""Runs that take a second: a few archives by hand, whose pictures the demo's web serves, and the verbs over them."""

from __future__ import annotations

from pathlib import Path

import msgspec

from crawler.settings import Recipe, parse_recipe

#: a host of the demo's web, and pictures of it that are as they should be
_HOST = "demo-odd.test"
_PICTURES = ("alpha.png", "cmyk.jpg", "palette.gif")
_RECORD = (
    b"WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: http://pages.test/%d\r\n"
    b"WARC-Date: 2026-01-01T00:00:00Z\r\nWARC-Record-ID: <urn:uuid:00000000-0000-4000-8000-%012d>\r\n"
    b"Content-Type: application/http; msgtype=response\r\nContent-Length: %d\r\n\r\n%s\r\n\r\n"
)
_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n"
_RECIPE = """
name = "small"
[plan]
rows_per_job = 3
[fetch]
contact = "mailto:nobody@example.org"
allow_networks = ["127.0.0.0/8"]
hosts = {{ "*.test" = "{address}" }}
[manners]
requests_at_once = 8
seconds_between_requests = 0
[resources]
decoders = 1
"""


def small_archives(folder: Path, count: int = 4, *, slow: int = 0) -> list[str]:
    """So many archives of a page each; a page has three pictures, with texts of its own, sent after `slow` seconds."""
    folder.mkdir(parents=True, exist_ok=True)
    site = f"http://{_HOST}/slow/{slow}" if slow else f"http://{_HOST}"
    names = []
    for number in range(count):
        images = "".join(
            f"<img src='{site}/{name}?{number}' alt='picture {name} of page {number}'>" for name in _PICTURES
        )
        answer = _ANSWER + f"<html>{images}</html>".encode()
        path = folder / f"{number}.warc"
        path.write_bytes(_RECORD % (number, number, len(answer), answer))
        names.append(str(path))
    return names


def small_recipe(address: str = "127.0.0.1:1", **sections: object) -> Recipe:
    """Three rows a job; `address` is that of the demo's web."""
    recipe = parse_recipe(_RECIPE.format(address=address), name="small.toml")
    return msgspec.structs.replace(recipe, **sections)


def small_recipe_file(path: Path, address: str) -> Path:
    """The same in a file, for the command line."""
    path.write_text(_RECIPE.format(address=address))
    return path
