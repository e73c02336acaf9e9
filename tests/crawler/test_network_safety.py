"""The adversarial checklist's cases of URLs and network, with real sockets.

127.0.0.2 plays the public web and 127.0.0.3 the house behind it: the settings of these tests allow the one and say
nothing of the other. Whatever a case does, the inner server must not be asked for anything.
"""

from __future__ import annotations

import asyncio
import random
import ssl
import subprocess
import sys
import zlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import brotli  # type: ignore[import-untyped]  # ships no types
import pytest
import trustme

from crawler.courtesy.local_desk import LocalDesk
from crawler.fetch import Terms, Web, fetch
from crawler.job.opening import open_web
from crawler.records import Fault, Fetched, Rejected
from crawler.rights.site_word import NoRules
from crawler.settings import Fetch, Manners, OptOuts, Recipe, Resources
from crawler.wire.addresses import AddressPolicy
from crawler.wire.resolve import NameCache
from crawler.wire.transport import Transport, TransportError, open_transport
from crawler.wire.vigil import Patience
from tests.builders import a_candidate
from tests.fakes.dns import Says, a_name_server
from tests.fakes.web import SMALL, Asked, Behaviour, FreeTurns, a_web, answers, falls_silent, redirects
from tests.fakes.web import Web as Server

PUBLIC, INNER = "127.0.0.2", "127.0.0.3"
GOOD = answers(200, b"a boat")


@dataclass
class House:
    """A public server, an inner one, and a way to download under these tests' settings."""

    public: Server
    inner: Server
    get: Transport
    settings: Fetch

    async def download(self, url: str) -> str:
        """How it ends: "fetched", or the reason why not."""
        web, terms = Web(self.get, NoRules()), Terms(self.settings, OptOuts())
        outcome = await fetch(a_candidate(image_url=url), web, terms)
        assert isinstance(outcome, (Fetched, Rejected))
        return "fetched" if isinstance(outcome, Fetched) else outcome.reason

    async def dialled(self, url: str) -> Fault | None:
        """What the transport alone says, without anybody who looks at the address first."""
        try:
            await self.get(url)
        except TransportError as error:
            return error.fault
        return None


@asynccontextmanager
async def a_house(
    pages: Mapping[str, Behaviour] | None = None, *, name_cache: NameCache | None = None, **changes: Any
) -> AsyncIterator[House]:
    """`pages` are the public server's, as in `a_web`; every name under .test leads there, inner.test does not."""
    async with (
        a_web({"/": GOOD} | dict(pages or {}), address=PUBLIC) as public,
        a_web({"/": GOOD}, address=INNER) as inner,
    ):
        fields: dict[str, Any] = {
            "allow_networks": (f"{PUBLIC}/32",),
            "hosts": {"*.test": f"{PUBLIC}:{public.port}", "inner.test": f"{INNER}:{inner.port}"},
            "ports": (80, 443, public.port, inner.port),
            "total_seconds": 10.0,
        }
        settings = Fetch(**(fields | changes))
        async with open_transport(settings, SMALL, FreeTurns(), name_cache=name_cache) as get:
            yield House(public, inner, get, settings)
        assert inner.connections == 0


# checklist 1
def test_the_address_of_an_inner_server_is_refused() -> None:
    async def story() -> None:
        async with a_house() as house:
            url = f"http://{INNER}:{house.inner.port}/"
            assert await house.download(url) == Fault.ADDRESS_REFUSED
            assert await house.dialled(url) == Fault.ADDRESS_REFUSED
            assert await house.download(f"http://{PUBLIC}:{house.public.port}/") == "fetched"

    asyncio.run(story())


# checklist 2
@pytest.mark.parametrize(
    "host",
    ["[::ffff:127.0.0.3]", "[::ffff:7f00:3]", "[0:0:0:0:0:ffff:127.0.0.3]", "2130706435", "0x7f000003", "0x7f.0.0.3",
     "017700000003", "0177.0.0.03", "127.3", "127.0.3", "①②⑦.⓪.⓪.③", "127。0。0。3", "%31%32%37.0.0.3", "127.0.0.3.",
     "[64:ff9b::7f00:3]", "[64:ff9b::127.0.0.3]", "[2002:7f00:3::]", "[2001:0:7f00:3::]", "[::127.0.0.3]"],
)  # fmt: skip
def test_no_spelling_of_an_inner_address_gets_through(host: str) -> None:
    async def story() -> None:
        async with a_house() as house:
            url = f"http://{host}:{house.inner.port}/"
            assert await house.download(url) == Fault.ADDRESS_REFUSED
            # to the transport, that is made for normalised addresses, some of them are no host
            assert await house.dialled(url) in {Fault.ADDRESS_REFUSED, Fault.URL_REFUSED, Fault.DNS_FAILED}

    asyncio.run(story())


# checklist 3
def test_a_name_with_an_inner_address_is_refused_and_of_two_addresses_the_public_one_is_dialled() -> None:
    async def story() -> None:
        names = {"inner.example": [Says((INNER,))], "both.example": [Says((PUBLIC, INNER, "::1"))]}
        async with a_name_server(names) as server, a_house(name_servers=(server.where,)) as house:
            for port in (house.public.port, house.inner.port):
                assert await house.download(f"http://inner.example:{port}/") == Fault.ADDRESS_REFUSED
            assert await house.download(f"http://both.example:{house.public.port}/") == "fetched"
            # at the inner server's port nobody answers on the public address, and the inner one is not tried instead
            assert await house.download(f"http://both.example:{house.inner.port}/") != "fetched"
            assert await house.download("http://inner.test/") == Fault.ADDRESS_REFUSED

    asyncio.run(story())


# checklist 4
def test_a_name_that_turns_inner_between_two_dials_is_refused_at_the_second() -> None:
    async def story() -> None:
        seconds = iter(range(0, 10_000, 10))  # the shortest memory of a name is a second
        cache = NameCache(now=lambda: float(next(seconds)))
        names = {"flip.example": [Says((PUBLIC,), ttl_seconds=0), Says((INNER,), ttl_seconds=0)]}
        pages = {"/": answers(200, b"a boat", "Connection: close", hangs_up=True)}
        async with (
            a_name_server(names) as server,
            a_house(pages, name_servers=(server.where,), name_cache=cache) as house,
        ):
            url = f"http://flip.example:{house.public.port}/"
            assert await house.download(url) == "fetched"
            assert await house.download(url) == Fault.ADDRESS_REFUSED
            assert (
                await house.download(url.replace(str(house.public.port), str(house.inner.port)))
                == Fault.ADDRESS_REFUSED
            )
            assert server.questions == ["flip.example"] * 3
            assert house.public.connections == 1

    asyncio.run(story())


# checklist 5
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    ("to", "reason"),
    [
        ("http://{inner}/", Fault.ADDRESS_REFUSED),
        ("//{inner}/", Fault.ADDRESS_REFUSED),
        ("\\\\{inner}\\", Fault.ADDRESS_REFUSED),
        ("http://[::ffff:127.0.0.3]/", Fault.ADDRESS_REFUSED),
        ("http://inner.test/", Fault.ADDRESS_REFUSED),
        ("/two", Fault.ADDRESS_REFUSED),  # and from there inside
        ("file:///etc/passwd", Fault.URL_REFUSED),
        ("gopher://{inner}/", Fault.URL_REFUSED),
        ("http://user@{inner}/", Fault.URL_REFUSED),
        ("http://169.254.169.254/latest/meta-data/", Fault.ADDRESS_REFUSED),
    ],
)
def test_a_redirect_to_the_inside_is_not_followed(to: str, reason: Fault, status: int) -> None:
    async def story() -> None:
        pages: dict[str, Behaviour] = {}
        async with a_house(pages) as house:
            inner = f"{INNER}:{house.inner.port}"
            house.public.pages = {
                "/one": redirects(to.format(inner=inner), status),
                "/two": redirects("http://b.test/three", status),
                "/three": redirects(f"http://{inner}/", status),
            }
            assert await house.download("http://a.test/one") == reason
            assert len(house.public.asked) == (3 if to == "/two" else 1)

    asyncio.run(story())


# checklist 6
def test_redirects_end_at_the_limit_and_in_a_loop() -> None:
    async def story() -> None:
        hops = {f"/{number}": redirects(f"/{number + 1}") for number in range(11)} | {"/11": GOOD}
        loop = {"/a": redirects("/b"), "/b": redirects("/a"), "/self": redirects("/self")}
        async with a_house(hops | loop) as house:
            for url, asked in [("/0", 6), ("/a", 2), ("/self", 1)]:
                assert await house.download(f"http://boats.test{url}") == Fault.TOO_MANY_REDIRECTS
                assert len(house.public.asked) == asked
                house.public.asked.clear()

    asyncio.run(story())


#: one or more of every network that the checklist's source names, and of those that Python alone would let pass
NEVER_DIALLED = [
    "0.0.0.0", "10.0.0.1", "10.255.255.254", "100.64.0.1", "100.100.100.200", "127.0.0.1", "127.0.0.2", "127.8.8.8",
    "168.63.129.16", "169.254.169.254", "169.254.170.2", "172.16.0.1", "172.31.255.254", "192.0.0.1", "192.0.0.192",
    "192.31.196.1", "192.52.193.1", "192.88.99.1", "192.168.1.1", "192.175.48.1", "198.18.0.1", "203.0.113.7",
    "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255",
    "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:169.254.169.254", "64:ff9b::7f00:1", "64:ff9b:1::7f00:1",
    "100::1", "2001::1", "2001:db8::1", "2002:7f00:1::", "3fff::1", "5f00::1", "fc00::1", "fd00:ec2::254", "fe80::1",
    "fec0::1", "ff02::1",
]  # fmt: skip
DIALLED = ["1.1.1.1", "93.184.216.34", "2606:4700:4700::1111", "2a00:1450:4001:80e::200e", "::ffff:8.8.8.8"]


# checklist 7
def test_the_tables_of_addresses_hold_on_every_python() -> None:
    assert (len(NEVER_DIALLED), len(DIALLED)) == (44, 5)
    assert [address for address in NEVER_DIALLED if AddressPolicy().permits(address)] == []
    assert [address for address in DIALLED if not AddressPolicy().permits(address)] == []


# checklist 8
def test_proxies_and_passwords_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    netrc, ca_file, authority = tmp_path / "netrc", tmp_path / "ca.pem", trustme.CA()
    netrc.write_text("default login boat password secret\n")
    netrc.chmod(0o600)
    authority.cert_pem.write_to_path(str(ca_file))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("boats.test").configure_cert(tls)

    async def story() -> None:
        async with a_web(address=PUBLIC) as proxy, a_web({"/": GOOD}, address=PUBLIC, tls=tls) as secure:
            for name in ("http_proxy", "https_proxy", "all_proxy", "ftp_proxy"):
                monkeypatch.setenv(name, f"http://{PUBLIC}:{proxy.port}")
                monkeypatch.setenv(name.upper(), f"http://{PUBLIC}:{proxy.port}")
            monkeypatch.setenv("NETRC", str(netrc))
            async with a_house(ca_file=str(ca_file)) as house:
                assert await house.download("http://boats.test/") == "fetched"
            hosts = {"*.test": f"{PUBLIC}:{secure.port}"}
            async with a_house(ca_file=str(ca_file), hosts=hosts) as safe:
                assert await safe.download("https://boats.test/") == "fetched"
            assert proxy.connections == 0
            for asked in (*house.public.asked, *secure.asked):
                assert "authorization" not in asked.headers
                assert "proxy-authorization" not in asked.headers

    asyncio.run(story())


# checklist 9
def test_addresses_that_are_no_public_web_are_refused_before_anybody_is_asked() -> None:
    async def story() -> None:
        async with a_house() as house:
            for url in (
                "http://user:password@boats.test/", "http://boats.test:22/", "http://boats.test:25/",
                "http://boats.test:6379/", "http://boats.test:8265/", "ftp://boats.test/boat.png",
                "data:image/png;base64,AAAA", "javascript:alert(1)", "blob:http://boats.test/1", "file:///etc/passwd",
                "gopher://boats.test/", "http://localhost/", "http://localhost./", "http://router.local/",
                "http://router/", "http://slurm.internal/", f"http://{'a' * 300}.test/", "http://\ud800.test/",
                "http://boats.test\ud800/", "", " ", "http://", "//boats.test/", "http://boats.test:99999/",
            ):  # fmt: skip
                assert await house.download(url) == Fault.URL_REFUSED, url
            assert house.public.connections == 0
            assert await house.download("http://boats.test/") == "fetched"  # and life goes on

    asyncio.run(story())


# checklist 10
def test_the_settings_that_nobody_changed_refuse_these_tests_own_public_web() -> None:
    async def story() -> None:
        async with a_house(allow_networks=()) as house:
            assert await house.download("http://boats.test/") == Fault.ADDRESS_REFUSED
            assert await house.download(f"http://{PUBLIC}:{house.public.port}/") == Fault.ADDRESS_REFUSED
            assert house.public.connections == 0

    asyncio.run(story())


# checklist 11
def test_bombs_end_at_the_cap_and_take_no_memory() -> None:
    """In a process of its own, whose highest memory no other test has raised."""
    words = [sys.executable, "-c", "from tests.crawler.test_network_safety import drop_bombs; drop_bombs()"]
    root = Path(__file__).parent.parent.parent
    done = subprocess.run(words, cwd=root, check=True, stdout=subprocess.PIPE, text=True, timeout=120)
    *lines, rise = done.stdout.splitlines()
    assert lines == ["gzip body_too_large", "br body_too_large", "zstd body_too_large"]
    assert int(rise) < 64 * 1024, "kB"


def drop_bombs() -> None:
    """Prints how each bomb ended, and by how many kB the highest memory of this process rose."""
    bombs = _bombs()

    async def story() -> None:
        pages = {f"/{coding}": answers(200, bomb, f"Content-Encoding: {coding}") for coding, bomb in bombs.items()}
        async with a_house(pages) as house:
            await house.download("http://boats.test/")
            before = _highest_memory_kb()
            for coding in bombs:
                print(coding, await house.download(f"http://boats.test/{coding}"))  # noqa: T201 - read by the test
            print(_highest_memory_kb() - before)  # noqa: T201 - as above

    asyncio.run(story())


def _bombs() -> dict[str, bytes]:
    """A GiB of zeros in a MB of gzip and in 200 kB of brotli (a better coder needs seconds), half a GiB in 16 kB of zstd."""
    mib = bytes(1 << 20)
    gzip_coder = zlib.compressobj(9, zlib.DEFLATED, 31)
    start = gzip_coder.compress(mib) + gzip_coder.flush(zlib.Z_FULL_FLUSH)
    each = gzip_coder.compress(mib) + gzip_coder.flush(zlib.Z_FULL_FLUSH)
    brotli_coder = brotli.Compressor(quality=1, lgwin=24)
    brotlied = b"".join(brotli_coder.process(mib) for _ in range(1024)) + brotli_coder.finish()
    # a frame (RFC 8878) with a window of 128 KiB and 4,096 blocks that each repeat one byte 128 Ki times
    block = (1 << 17) << 3 | 1 << 1
    zstd = b"\x28\xb5\x2f\xfd\x00\x38" + (block.to_bytes(3, "little") + b"\0") * 4096
    return {"gzip": start + each * 1023, "br": brotlied, "zstd": zstd}


def _highest_memory_kb() -> int:
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")))


# checklist 13
def test_a_thousand_silent_hosts_do_not_keep_a_hundred_good_ones_from_being_fetched() -> None:
    async def story() -> None:
        silent = {f"silent-{number}.test/": falls_silent() for number in range(1000)}
        async with a_web(silent | {"/": GOOD}, address=PUBLIC) as public:
            forever = {"total_seconds": 600.0, "first_byte_seconds": 600.0, "read_seconds": 600.0}
            settings = public.settings(**forever)
            desk = LocalDesk(Manners(seconds_between_requests=0))
            async with (
                desk.open() as opened,
                open_transport(
                    settings, Resources(downloads=64), opened.turns, patience=Patience(silent_seconds=0.1)
                ) as get,
            ):
                web, terms = Web(get, NoRules()), Terms(settings, OptOuts())
                hosts = [host.removesuffix("/") for host in silent] + [f"good-{number}.test" for number in range(100)]
                random.Random(4).shuffle(hosts)
                rows = {
                    host: asyncio.create_task(fetch(a_candidate(image_url=f"http://{host}/"), web, terms))
                    for host in hosts
                }
                good = await asyncio.gather(*(task for host, task in rows.items() if host.startswith("good")))
                assert all(isinstance(outcome, Fetched) for outcome in good)
                waiting = [task for task in rows.values() if not task.done()]
                assert len(waiting) == 1000
                for task in waiting:
                    task.cancel()
                await asyncio.wait(waiting)
                while get.open_sockets > 2 * 64:  # noqa: ASYNC110 - sockets close without an event of ours
                    await asyncio.sleep(0.01)

    asyncio.run(asyncio.wait_for(story(), 120))


# checklist 52
def test_every_request_says_who_we_are_and_no_request_says_where_we_come_from() -> None:
    async def story() -> list[Asked]:
        cookie = "Set-Cookie: seen=1; Path=/; Domain=.boats.test"
        pages = {
            "/robots.txt": answers(200, b"User-agent: *\nAllow: /", cookie),
            "/.well-known/tdmrep.json": answers(200, b"[]", cookie),
            "/moved.png": redirects("http://b.boats.test/boat.png", 302, cookie),
            "/boat.png": answers(200, b"a boat", cookie),
        }
        async with a_web(pages, address=PUBLIC) as web:
            settings = web.settings(user_agent="pairtrawl/9", contact="https://example.org/crawler")
            recipe = Recipe(fetch=settings, manners=Manners(seconds_between_requests=0))
            async with open_web(recipe, LocalDesk(recipe.manners), NameCache()) as opened:
                for _ in range(2):
                    candidate = a_candidate(image_url="http://a.boats.test/moved.png")
                    assert isinstance(await fetch(candidate, opened, Terms(settings, recipe.opt_outs)), Fetched)
            return web.asked

    asked = asyncio.run(story())
    assert {one.path for one in asked} == {"/robots.txt", "/.well-known/tdmrep.json", "/moved.png", "/boat.png"}
    for one in asked:
        assert one.headers["user-agent"] == "pairtrawl/9 (+https://example.org/crawler)"
        assert set(one.headers) == {"host", "user-agent", "accept", "accept-encoding"}
