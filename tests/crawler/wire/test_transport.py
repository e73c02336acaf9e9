"""One HTTP request over real sockets on loopback, against servers that do what servers do."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import itertools
import resource
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trustme
from hypothesis import Phase, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from crawler.errors import SettingsError
from crawler.records import Fault
from crawler.settings import Fetch, Resources
from crawler.wire.resolve import NameCache, Names, Records
from crawler.wire.transport import Answer, Get, TransportError, open_transport
from tests.fakes.web import (
    SMALL,
    Behaviour,
    FakeGet,
    FreeTurns,
    Web,
    a_web,
    an_answer,
    answers,
    drips,
    falls_silent,
    in_turn,
    redirects,
    resets,
    sends,
)

OK = b"HTTP/1.1 200 OK\r\n"
MIB = 1024 * 1024


async def _ask(behaviour: Behaviour, **changes: Any) -> Answer | Fault:
    """What the transport makes of a server that does this."""
    async with (
        a_web({"/boat.png": behaviour}) as web,
        open_transport(web.settings(**changes), SMALL, FreeTurns()) as get,
    ):
        try:
            return await get("http://boats.test/boat.png")
        except TransportError as error:
            return Fault.URL_REFUSED if "boats.test" in error.detail else error.fault  # no detail names an address


# ---- the contract: the real transport before a real server, and the fake that stands for both


@asynccontextmanager
async def _the_real_one() -> AsyncIterator[Get]:
    pages = {
        "/boat.png": answers(200, b"a boat", "Content-Type: image/png", "X-Robots-Tag: noai", "X-Robots-Tag: noindex"),
        "/gone.png": answers(404, b"<p>nothing here</p>"),
        "/moved.png": redirects("/boat.png", 301),
        "/silent.png": falls_silent(),
        "/large.png": answers(200, bytes(100)),
        "/cut.png": answers(200, b"a bo", length=6),
    }
    async with a_web(pages) as web, open_transport(web.settings(body_bytes=50), SMALL, FreeTurns()) as get:
        yield get


@asynccontextmanager
async def _the_fake() -> AsyncIterator[Get]:
    headers = (("content-type", "image/png"), ("x-robots-tag", "noai"), ("x-robots-tag", "noindex"))
    yield FakeGet(
        {
            "http://boats.test/boat.png": Answer(200, headers, b"a boat"),
            "http://boats.test/gone.png": an_answer(404, b"<p>nothing here</p>"),
            "http://boats.test/moved.png": an_answer(301, location="/boat.png"),
            "http://boats.test/silent.png": None,
            "http://boats.test/large.png": Fault.BODY_TOO_LARGE,
            "http://boats.test/cut.png": Fault.BODY_TRUNCATED,
        }
    )


@pytest.mark.parametrize("kind", [_the_real_one, _the_fake])
def test_a_get_keeps_its_contract(kind: object) -> None:
    async def story() -> None:
        assert callable(kind)
        async with kind() as get:
            boat = await get("http://boats.test/boat.png")
            assert (boat.status, boat.body, boat.location) == (200, b"a boat", "")
            assert boat.values("content-type") == ["image/png"]
            assert boat.values("x-robots-tag") == ["noai", "noindex"]
            assert all(name == name.lower() for name, _ in boat.headers)
            gone = await get("http://boats.test/gone.png")
            assert (gone.status, gone.body) == (404, b"")
            moved = await get("http://boats.test/moved.png")
            assert (moved.status, moved.body, moved.location) == (301, b"", "/boat.png")
            for page, fault in [("boats.test/large", Fault.BODY_TOO_LARGE), ("boats.test/cut", Fault.BODY_TRUNCATED),
                                ("boats.invalid/boat", Fault.DNS_FAILED)]:  # fmt: skip
                with pytest.raises(TransportError) as failed:
                    await get(f"http://{page}.png")
                assert failed.value.fault == fault
            with pytest.raises(TimeoutError):
                async with get.turn("boats.test"), asyncio.timeout(0.05):
                    await get("http://boats.test/silent.png")
            async with get.turn("boats.test"):
                assert await get("http://boats.test/boat.png") == boat

    asyncio.run(story())


# ---- what servers do

GOOD = {
    "a length": answers(200, b"boat"),
    "chunks": sends(OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nbo\r\n2\r\nat\r\n0\r\n\r\n"),
    "no length, then hangs up": sends(OK + b"\r\nboat", then_hangs_up=True),
    "HTTP/1.0": sends(b"HTTP/1.0 200 OK\r\n\r\nboat", then_hangs_up=True),
    "gzip although we asked for none": answers(200, gzip.compress(b"boat"), "Content-Encoding: gzip"),
    "an identity coding": answers(200, b"boat", "Content-Encoding: identity"),
    "more than it announced": sends(OK + b"Content-Length: 4\r\nConnection: close\r\n\r\nboat", then_hangs_up=True),
    "news first": sends(b"HTTP/1.1 103 Early Hints\r\n\r\n" + OK + b"Content-Length: 4\r\n\r\nboat"),
}
BAD = {
    "less than it announced": (answers(200, b"boat", length=100), Fault.BODY_TRUNCATED),
    "a reset inside the body": (resets(OK + b"Content-Length: 100\r\n\r\nboat"), Fault.BODY_TRUNCATED),
    "a reset inside a body without length": (resets(OK + b"\r\nboat"), Fault.BODY_TRUNCATED),
    "chunks without an end": (sends(OK + b"Transfer-Encoding: chunked\r\n\r\n4\r\nboat\r\n", then_hangs_up=True),
                              Fault.BODY_TRUNCATED),
    "a reset inside a chunk": (resets(OK + b"Transfer-Encoding: chunked\r\n\r\n9\r\nboat"), Fault.BODY_TRUNCATED),
    "a reset at once": (resets(), Fault.CONNECT_FAILED),
    "hanging up without a word": (sends(b"", then_hangs_up=True), Fault.CONNECT_FAILED),
    "hanging up inside the headers": (sends(OK + b"Content-", then_hangs_up=True), Fault.CONNECT_FAILED),
    "a chunk size that is none": (sends(OK + b"Transfer-Encoding: chunked\r\n\r\nZZ\r\nboat"), Fault.PROTOCOL_ERROR),
    "two lengths": (sends(OK + b"Content-Length: 4\r\nContent-Length: 5\r\n\r\nboat"), Fault.PROTOCOL_ERROR),
    "a length and chunks": (sends(OK + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
                            Fault.PROTOCOL_ERROR),
    "a negative length": (sends(OK + b"Content-Length: -4\r\n\r\nboat"), Fault.PROTOCOL_ERROR),
    "NUL in a header": (sends(OK + b"X: a\0b\r\nContent-Length: 4\r\n\r\nboat"), Fault.PROTOCOL_ERROR),
    "a header of 64 kB": (sends(OK + b"X: " + b"a" * 65_536 + b"\r\n\r\n"), Fault.PROTOCOL_ERROR),
    "100,000 headers": (sends(OK + b"X: a\r\n" * 100_000 + b"\r\n"), Fault.PROTOCOL_ERROR),
    "an endless header": (drips(OK + b"X: ", b"a" * 4096, 0), Fault.PROTOCOL_ERROR),
    "another protocol": (sends(b"SSH-2.0-OpenSSH_9.2\r\n", then_hangs_up=True), Fault.PROTOCOL_ERROR),
    "a body without a header": (sends(b"boat", then_hangs_up=True), Fault.PROTOCOL_ERROR),
    "a terabyte, announced": (answers(200, b"boat", length=10**12), Fault.BODY_TOO_LARGE),
    "an endless body": (drips(OK + b"\r\n", bytes(65_536), 0), Fault.BODY_TOO_LARGE),
    "endless chunks": (drips(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1000\r\n" + bytes(4096) + b"\r\n", 0),
                       Fault.BODY_TOO_LARGE),
    "a length of forty digits": (answers(200, b"boat", length=10**40), Fault.PROTOCOL_ERROR),
    "more than it announced, on a connection that stays": (answers(200, b"boat", length=2), Fault.PROTOCOL_ERROR),
    "endless headers": (drips(OK, b"X-A: b\r\n" * 1000, 0), Fault.PROTOCOL_ERROR),
    "endless trailers": (drips(OK + b"Transfer-Encoding: chunked\r\n\r\n1\r\nb\r\n0\r\n", b"X-A: b\r\n" * 1000, 0),
                         Fault.PROTOCOL_ERROR),
    # nothing of these is a picture, so no cap of pictures sees them; each took seconds of CPU before the meter was there
    "endless chunks of one byte": (drips(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nb\r\n" * 1000, 0),
                                   Fault.PROTOCOL_ERROR),
    "an endless name of a chunk": (drips(OK + b"Transfer-Encoding: chunked\r\n\r\n1;", b"b" * 10_000, 0),
                                   Fault.PROTOCOL_ERROR),
    "endless news": (drips(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n" * 1000, 0), Fault.PROTOCOL_ERROR),
}  # fmt: skip
BADLY_CODED = {
    "a gzip body cut short": (gzip.compress(b"boat" * 99)[:-9], "gzip", Fault.BAD_ENCODING),
    "gzip in name only": (b"boat", "gzip", Fault.BAD_ENCODING),
    "two codings": (gzip.compress(gzip.compress(b"boat")), "gzip, gzip", Fault.BAD_ENCODING),
    "an unknown coding": (b"boat", "rot13", Fault.BAD_ENCODING),
    "a coding with parameters": (gzip.compress(b"boat"), "gzip;q=1", Fault.BAD_ENCODING),
    "a gzip bomb": (gzip.compress(bytes(64 * MIB)), "gzip", Fault.BODY_TOO_LARGE),
}


@pytest.mark.parametrize("what", GOOD)
def test_a_body_arrives_whole_however_it_is_sent(what: str) -> None:
    answer = asyncio.run(_ask(GOOD[what]))
    assert isinstance(answer, Answer)
    assert answer.body == b"boat"


# checklist 14
@pytest.mark.parametrize("what", BAD)
def test_what_a_server_does_wrong_has_a_name(what: str) -> None:
    behaviour, fault = BAD[what]

    async def story() -> None:
        pages = {"/boat.png": behaviour, "/next.png": answers(200, b"next")}
        async with a_web(pages) as web, open_transport(web.settings(body_bytes=MIB), SMALL, FreeTurns()) as get:
            with pytest.raises(TransportError) as failed:
                await get("http://boats.test/boat.png")
            assert failed.value.fault == fault
            assert "boats.test" not in failed.value.detail
            assert len(web.asked) == 1  # whatever happened, nobody was asked twice
            assert (await get("http://boats.test/next.png")).body == b"next"
            assert web.asked[1].connection != web.asked[0].connection  # and nothing of it is left for the next

    asyncio.run(story())


# checklist 12
@pytest.mark.parametrize("what", BADLY_CODED)
def test_a_body_in_a_coding_that_we_do_not_take_off_is_none(what: str) -> None:
    body, coding, fault = BADLY_CODED[what]
    assert asyncio.run(_ask(answers(200, body, f"Content-Encoding: {coding}"), body_bytes=MIB)) == fault


@pytest.mark.parametrize(
    ("sent", "read"), [(b"/b\xc3\xbc", "/bü"), (b"/b\xfc", "/bü"), (b"/\xed\xa0\x80", "/í\xa0\x80")]
)
def test_headers_are_text_without_surrogates_whatever_bytes_they_hold(sent: bytes, read: str) -> None:
    moved = sends(b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: " + sent + b"\r\n\r\n")
    answer = asyncio.run(_ask(moved))
    assert isinstance(answer, Answer)
    assert answer.location == read


_STARTS = [b"", b"HTTP/1.1 ", OK, OK + b"Content-Length: 9\r\n\r\n", OK + b"Transfer-Encoding: chunked\r\n\r\n"]


@given(st.lists(st.builds(bytes.__add__, st.sampled_from(_STARTS), st.binary(max_size=200)), min_size=10, max_size=10))
@hypothesis_settings(max_examples=20, deadline=None, phases=[Phase.generate])
def test_any_bytes_are_an_answer_or_a_fault(sent: list[bytes]) -> None:
    async def story() -> None:
        pages = {f"/{number}": sends(raw, then_hangs_up=True) for number, raw in enumerate(sent)}
        async with a_web(pages) as web, open_transport(web.settings(), SMALL, FreeTurns()) as get:
            for page in pages:
                with contextlib.suppress(TransportError):
                    await get("http://boats.test" + page)

    asyncio.run(story())


# ---- the socket door


async def _fault_of(get: Get, url: str) -> Fault:
    with pytest.raises(TransportError) as failed:
        await get(url)
    return failed.value.fault


def test_no_way_of_writing_a_private_address_gets_past_the_door() -> None:
    async def story() -> None:
        async with a_web(address="127.0.0.3") as inside:
            settings = Fetch(allow_networks=("127.0.0.2/32",), hosts={"evil.test": f"127.0.0.3:{inside.port}"})
            async with open_transport(settings, SMALL, FreeTurns()) as get:
                port = inside.port
                for url in ("http://evil.test/", f"http://127.0.0.3:{port}/", f"http://[::ffff:127.0.0.3]:{port}/",
                            f"http://[::ffff:7f00:3]:{port}/", f"http://[64:ff9b::7f00:3]:{port}/",
                            f"http://0.0.0.0:{port}/", f"http://[::]:{port}/"):  # fmt: skip
                    assert await _fault_of(get, url) == Fault.ADDRESS_REFUSED
                for url in (f"http://2130706435:{port}/", f"http://127.3:{port}/", f"http://①②⑦.⓪.⓪.③:{port}/"):
                    assert await _fault_of(get, url) in {Fault.URL_REFUSED, Fault.ADDRESS_REFUSED, Fault.DNS_FAILED}
            assert inside.connections == 0

    asyncio.run(story())


def test_the_settings_that_nobody_changed_refuse_loopback() -> None:
    async def story() -> None:
        async with a_web(address="127.0.0.2") as web:
            async with open_transport(
                Fetch(hosts={"boats.test": f"127.0.0.2:{web.port}"}), Resources(), FreeTurns()
            ) as get:
                assert await _fault_of(get, "http://boats.test/") == Fault.ADDRESS_REFUSED
            assert web.connections == 0

    asyncio.run(story())


def _names(*answers_in_turn: tuple[str, ...]) -> Names:
    """A resolver whose name server says something else each time, and whose every answer is stale at once."""
    left, seconds = list(answers_in_turn), itertools.count(step=3600)

    async def ask(_name: str) -> Records:
        return Records(left.pop(0))

    return Names(ask, {}, NameCache(now=lambda: float(next(seconds))))


def test_a_name_that_turns_private_between_two_requests_is_refused_at_the_second() -> None:
    async def story() -> None:
        page = {"/": answers(200, b"boat", "Connection: close", hangs_up=True)}
        async with a_web(page, address="127.0.0.2") as web:
            names = _names(("127.0.0.2",), ("127.0.0.3",))
            async with open_transport(Fetch(allow_networks=("127.0.0.2/32",)), SMALL, FreeTurns(), names) as get:
                assert (await get(f"http://flip.example:{web.port}/")).body == b"boat"
                assert await _fault_of(get, f"http://flip.example:{web.port}/") == Fault.ADDRESS_REFUSED
            assert web.connections == 1

    asyncio.run(story())


def test_of_a_name_with_public_and_private_addresses_only_the_public_ones_are_dialled() -> None:
    async def story() -> None:
        async with a_web({"/": answers(200, b"boat")}, address="127.0.0.2") as web:
            private = ("127.0.0.3", "::1", "::ffff:127.0.0.3")
            names = _names((*private, "127.0.0.2"), private)
            async with open_transport(Fetch(allow_networks=("127.0.0.2/32",)), SMALL, FreeTurns(), names) as get:
                assert (await get(f"http://many.example:{web.port}/")).body == b"boat"
                assert await _fault_of(get, "http://many.example:81/") == Fault.ADDRESS_REFUSED

    asyncio.run(story())


def test_a_closed_port_is_a_failed_connection_and_an_unknown_name_a_failed_look_up() -> None:
    async def story() -> None:
        async with open_transport(Fetch(allow_networks=("127.0.0.1/32",)), SMALL, FreeTurns()) as get:
            assert await _fault_of(get, "http://127.0.0.1:1/") == Fault.CONNECT_FAILED
            assert await _fault_of(get, "http://nowhere.invalid/") == Fault.DNS_FAILED
            assert get.names.counts.asked == 1

    asyncio.run(story())


# ---- who we say we are, and what we do not give away


def test_every_request_says_who_we_are_and_nothing_about_where_we_come_from(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> tuple[Web, Web]:
        cookie = answers(200, b"boat", "Set-Cookie: seen=1; Path=/")
        async with a_web({"/boat.png": cookie}) as web, a_web() as proxy:
            for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy", "ALL_PROXY"):
                monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
            settings = web.settings(user_agent="pairtrawl/9", contact="https://example.org/crawler")
            async with open_transport(settings, SMALL, FreeTurns()) as get:
                await get("http://boats.test/boat.png")
                await get("http://boats.test/boat.png")
            return web, proxy

    web, proxy = asyncio.run(story())
    assert proxy.connections == 0
    for asked in web.asked:
        assert asked.headers == {
            "host": "boats.test",
            "user-agent": "pairtrawl/9 (+https://example.org/crawler)",
            "accept": "image/*,*/*;q=0.1",
            "accept-encoding": "identity",
        }


# ---- TLS


def _tls_server(authority: trustme.CA, *names: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names).configure_cert(context)
    return context


def test_a_certificate_counts_when_its_authority_is_named_and_the_host_is_in_it(tmp_path: Path) -> None:
    authority, stranger = trustme.CA(), trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))

    async def story(server: ssl.SSLContext, ca_file: str) -> Answer | Fault:
        async with (
            a_web({"/": answers(200, b"boat")}, tls=server) as web,
            open_transport(web.settings(ca_file=ca_file), SMALL, FreeTurns()) as get,
        ):
            try:
                return await get("https://boats.test/")
            except TransportError as error:
                return error.fault

    ca_file = str(tmp_path / "ca.pem")
    answer = asyncio.run(story(_tls_server(authority, "boats.test"), ca_file))
    assert isinstance(answer, Answer)
    assert answer.body == b"boat"
    assert asyncio.run(story(_tls_server(authority, "boats.test"), "")) == Fault.TLS_FAILED
    assert asyncio.run(story(_tls_server(authority, "other.test"), ca_file)) == Fault.TLS_FAILED
    assert asyncio.run(story(_tls_server(stranger, "boats.test"), ca_file)) == Fault.TLS_FAILED


def test_a_server_that_speaks_no_tls_on_its_tls_port_is_a_tls_failure() -> None:
    async def story() -> Fault:
        async def plain(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            writer.close()

        server = await asyncio.start_server(plain, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        settings = Fetch(allow_networks=("127.0.0.1/32",), hosts={"boats.test": f"127.0.0.1:{port}"})
        async with server, open_transport(settings, SMALL, FreeTurns()) as get:
            return await _fault_of(get, "https://boats.test/")

    assert asyncio.run(story()) == Fault.TLS_FAILED


@pytest.mark.parametrize("content", [None, "not a certificate"])
def test_a_ca_file_that_is_none_is_a_settings_error(content: str | None, tmp_path: Path) -> None:
    ca_file = tmp_path / "ca.pem"
    if content is not None:
        ca_file.write_text(content)

    async def story() -> None:
        async with open_transport(Fetch(ca_file=str(ca_file)), SMALL, FreeTurns()):
            raise AssertionError

    with pytest.raises(SettingsError, match=r"fetch\.ca_file"):
        asyncio.run(story())


# ---- connections


def test_running_out_of_file_descriptors_is_our_limit_and_no_server_s_fault() -> None:
    async def story() -> None:
        async with (
            a_web({"/": answers(200, b"boat")}) as web,
            open_transport(web.settings(), SMALL, FreeTurns()) as get,
        ):
            soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
            resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))  # stays below whatever others free meanwhile
            try:
                with pytest.raises(SettingsError, match=r"resources\.downloads"):
                    await get("http://boats.test/")
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    asyncio.run(story())


def test_a_connection_is_used_again() -> None:
    async def story() -> None:
        async with (
            a_web({"/": answers(200, b"boat")}) as web,
            open_transport(web.settings(), SMALL, FreeTurns()) as get,
        ):
            for _ in range(5):
                await get("http://boats.test/")
            assert web.connections == 1

    asyncio.run(story())


HANG_UP = sends(b"", then_hangs_up=True)


def test_a_kept_connection_that_the_server_closed_meanwhile_costs_no_image_but_one_request() -> None:
    async def story() -> None:
        for dies in (HANG_UP, resets()):
            pages = {"/": in_turn(answers(200, b"boat"), dies, answers(200, b"boat"))}
            async with a_web(pages) as web, open_transport(web.settings(), SMALL, FreeTurns()) as get:
                await get("http://boats.test/")
                assert (await get("http://boats.test/")).body == b"boat"
                assert [asked.connection for asked in web.asked] == [1, 1, 2]

    asyncio.run(story())


def test_a_server_that_hangs_up_is_not_asked_again_but_where_the_connection_was_old_and_it_said_nothing() -> None:
    async def story() -> None:
        for pages, asked in [
            (in_turn(HANG_UP, answers(200, b"boat")), 1),  # a new connection
            (in_turn(answers(200, b"boat"), sends(OK, then_hangs_up=True), answers(200, b"boat")), 2),  # half an answer
            (in_turn(answers(200, b"boat"), HANG_UP, HANG_UP, answers(200, b"boat")), 3),  # once is enough
        ]:
            async with a_web({"/": pages}) as web, open_transport(web.settings(), SMALL, FreeTurns()) as get:
                if asked > 1:
                    await get("http://boats.test/")
                assert await _fault_of(get, "http://boats.test/") == Fault.CONNECT_FAILED
                assert len(web.asked) == asked

    asyncio.run(story())


def test_an_answer_that_comes_when_nobody_asked_is_nobody_s_answer() -> None:
    async def story() -> None:
        whole, told = OK + b"Content-Length: 4\r\n\r\nboat", asyncio.Event()

        async def talks_on(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
            writer.write(whole)
            await told.wait()
            writer.write(whole.replace(b"boat", b"EVIL"))
            await writer.drain()
            return True

        pages = {"/first": talks_on, "/second": answers(200, b"good")}
        async with a_web(pages) as web, open_transport(web.settings(), SMALL, FreeTurns()) as get:
            assert (await get("http://boats.test/first")).body == b"boat"
            told.set()
            await asyncio.sleep(0.05)  # it may come too late to be seen; it must not come too late to be refused
            assert (await get("http://boats.test/second")).body == b"good"

    asyncio.run(story())


def test_an_answer_that_was_not_read_to_its_end_is_never_continued_by_the_next_request() -> None:
    async def story() -> None:
        half = sends(
            b"HTTP/1.1 404 Not Found\r\nContent-Length: 100000\r\n\r\n" + OK + b"Content-Length: 4\r\n\r\nEVIL"
        )
        pages = {"/first": half, "/second": answers(200, b"boat")}
        async with a_web(pages) as web, open_transport(web.settings(), SMALL, FreeTurns()) as get:
            assert (await get("http://boats.test/first")).status == 404
            assert (await get("http://boats.test/second")).body == b"boat"
            assert web.connections == 2

    asyncio.run(story())


def test_sockets_stay_few_over_many_hosts() -> None:
    async def story() -> None:
        async with a_web({"/": answers(200, b"boat")}) as web:
            async with open_transport(web.settings(), Resources(downloads=5), FreeTurns()) as get:
                for number in range(60):
                    await get(f"http://host-{number}.test/")
                    assert get.open_sockets <= 12  # ten kept, one in use, one being closed
                assert get.open_sockets >= 5
            assert web.connections == 60

    asyncio.run(story())
