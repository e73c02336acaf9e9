"""Builders: the smallest honest record of each kind, with every field open to change."""

from __future__ import annotations

import io
from typing import Any

from PIL import Image

from crawler.picture.hashes import hashes_of
from crawler.records import Candidate, Caption, Fetched, Header, ImageSource, Picture, TextSource
from crawler.tongue import tongue_of


def a_candidate(text: str = "a red boat on a lake", **changes: Any) -> Candidate:
    fields: dict[str, Any] = {
        "image_url": "http://images.test/boat.jpg",
        "image_source": ImageSource.IMG_SRC,
        "caption": Caption(TextSource.ALT, text),
        "other_captions": (),
        "page_url": "http://pages.test/boats.html",
        "archive": "CC-MAIN-20261121000000-20261121030000-00000.warc.gz",
        "offset": 1234,
        "position": 0,
        "licence": "",
        "language": "",
        "opt_outs": (),
        "written_src": "/boat.jpg",
        "written_text": text,
        "base_url": "",
        "tongue": tongue_of(text),
    }
    return Candidate(**(fields | changes))


def image_bytes(size: tuple[int, int] = (80, 60), color: Any = (200, 30, 30), kind: str = "PNG", **save: Any) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, color).save(out, format=kind, **save)
    return out.getvalue()


def a_fetched(body: bytes | None = None, **changes: Any) -> Fetched:
    fields: dict[str, Any] = {
        "candidate": a_candidate(),
        "body": image_bytes() if body is None else body,
        "final_url": "http://images.test/boat.jpg",
        "content_type": "image/png",
        "opt_outs": (),
        "fetched_at": 1_795_219_200,
    }
    return Fetched(**(fields | changes))


def a_picture(size: tuple[int, int] = (80, 60), color: Any = (200, 30, 30), **changes: Any) -> Picture:
    """A picture whose hashes are those of its body and pixels, whatever the changes."""
    fields: dict[str, Any] = {
        "fetched": a_fetched(image_bytes(size, color)),
        "header": Header(width=size[0], height=size[1], format="PNG", frames=1),
        "pixels": Image.new("RGB", size, color),
    } | changes
    return Picture(**({"hashes": hashes_of(fields["fetched"].body, fields["pixels"])} | fields))
