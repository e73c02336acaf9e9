"""Parts of archives: the right bytes, with the manners of whole ones, or a word about why not."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from aiohttp import web

from crawler.archive_parts import parts_of
from crawler.archives import Clock, Etiquette, NoPartsError, Pace
from crawler.errors import ArchiveUnavailableError, InputError
from tests.fakes.archive_server import Behaviour, archive_server, status, whole

BODY = random.Random(0).randbytes(5_000)
ETIQUETTE = Etiquette(contact="mailto:nobody@example.org", spacing_seconds=0, tries=3)
CLOCK = Clock(sleep=lambda _seconds: None)


def in_parts(body: bytes, *, shift: int = 0) -> Behaviour:
    """A server that gives parts; with `shift`, other parts than it was asked for."""

    async def behave(request: web.Request) -> web.StreamResponse:
        wanted = request.http_range
        start, stop = (wanted.start or 0) + shift, min((wanted.stop or len(body)) + shift, len(body))
        headers = {"Content-Range": f"bytes {start}-{stop - 1}/{len(body)}"}
        return web.Response(status=206, body=body[start:stop], headers=headers)

    return behave


def test_parts_of_a_local_archive_are_its_bytes(tmp_path: Path) -> None:
    path = tmp_path / "a.warc.gz"
    path.write_bytes(BODY)
    with parts_of(str(path), ETIQUETTE, tmp_path) as parts:
        assert parts.size == 5_000
        assert parts.read(0, 10) == BODY[:10]
        assert parts.read(4_990, 100) == BODY[4_990:]
        assert parts.read(5_000, 100) == b""
        assert (parts.requests, parts.bytes_read) == (2, 20)


def test_parts_come_over_http_after_patience_and_under_our_name(tmp_path: Path) -> None:
    steps = [in_parts(BODY), status(503), in_parts(BODY)]
    with (
        archive_server({"/a.warc.gz": steps}) as server,
        parts_of(server.url("/a.warc.gz"), ETIQUETTE, tmp_path, clock=CLOCK, pace=Pace()) as parts,
    ):
        assert parts.size == 5_000
        assert parts.read(1_000, 500) == BODY[1_000:1_500]
        assert parts.read(4_990, 500) == BODY[4_990:]
    assert [asked.headers["range"] for asked in server.asked] == [
        "bytes=0-0", "bytes=1000-1499", "bytes=1000-1499", "bytes=4990-4999",
    ]  # fmt: skip
    assert {asked.headers["user-agent"] for asked in server.asked} == {ETIQUETTE.identity}
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_part_of_it_is_refused(tmp_path: Path) -> None:
    for behaviour, error in (
        (whole(BODY), NoPartsError),
        (in_parts(BODY, shift=1), ArchiveUnavailableError),
        (status(404), InputError),
        (status(416), InputError),
    ):
        with archive_server({"/a.warc.gz": [behaviour]}) as server, pytest.raises(error):  # noqa: SIM117 - what may raise stands alone
            with parts_of(server.url("/a.warc.gz"), ETIQUETTE, tmp_path, clock=CLOCK, pace=Pace()):
                pass


def test_an_archive_that_became_another_one_is_noticed(tmp_path: Path) -> None:
    with (
        archive_server({"/a.warc.gz": [in_parts(BODY), in_parts(BODY + b"more")]}) as server,
        parts_of(server.url("/a.warc.gz"), ETIQUETTE, tmp_path, clock=CLOCK, pace=Pace()) as parts,
        pytest.raises(ArchiveUnavailableError, match="another file"),
    ):
        parts.read(0, 10)


def test_stores_are_not_asked_for_parts(tmp_path: Path) -> None:
    with pytest.raises(NoPartsError), parts_of("s3://bucket/a.warc.gz", ETIQUETTE, tmp_path):
        pass
