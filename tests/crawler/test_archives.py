"""Downloads of archives from a real server on loopback that misbehaves. Waits are recorded, not waited for."""

from __future__ import annotations

import errno
import gzip
import ssl
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from email.utils import formatdate
from pathlib import Path

import fsspec
import pytest
import trustme
from fsspec.implementations.memory import MemoryFileSystem
from fsspec.registry import _registry
from hypothesis import example, given
from hypothesis import strategies as st

from crawler.archives import _file_name, nearby, read_listing
from crawler.courtesy.etiquette import Clock, Etiquette, Pace
from crawler.errors import ArchiveUnavailableError, InputError, MissingPackageError, SettingsError
from crawler.stores import find_files
from tests.fakes.archive_server import (
    ArchiveServer,
    Behaviour,
    archive_server,
    chunked,
    chunks_cut_after,
    closes_at_the_end,
    cut_after,
    hangs_up,
    never_answers,
    resets_after,
    slow_down,
    stalls_after,
    status,
    talks_nonsense,
    whole,
)

BODY = gzip.compress(b"WARC/1.0\r\n" + bytes(range(256)) * 500, mtime=0) * 9
NAME = "/crawl-data/a.warc.gz"
NOON = 1_795_262_400.0  # a moment in November 2026


@dataclass
class FakeTime:
    """A clock that only sleeping moves, and that remembers how long it slept. Chance draws the shortest wait."""

    now: float = NOON
    slept: list[float] = field(default_factory=list)
    draw: Callable[[float, float], float] = min

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    @property
    def clock(self) -> Clock:
        return Clock(lambda: self.now, lambda: self.now, self.sleep, self.draw)


@dataclass
class Download:
    """What came of one download."""

    body: bytes
    path: Path
    time: FakeTime
    server: ArchiveServer

    @property
    def tries(self) -> int:
        return len(self.server.asked)


@contextmanager
def serving(*steps: Behaviour) -> Iterator[ArchiveServer]:
    with archive_server({NAME: steps}) as server:
        yield server


def download(
    folder: Path, *steps: Behaviour, etiquette: Etiquette | None = None, time: FakeTime | None = None
) -> Download:
    time = time or FakeTime()
    with (
        serving(*steps) as server,
        nearby(server.url(NAME), etiquette or Etiquette(), folder, clock=time.clock, pace=Pace()) as path,
    ):
        found = Download(path.read_bytes(), path, time, server)
    assert list(folder.iterdir()) == [], "the temporary file is gone afterwards"
    return found


def failing(folder: Path, *steps: Behaviour, etiquette: Etiquette | None = None) -> tuple[str, FakeTime, ArchiveServer]:
    """The message of the ArchiveUnavailableError that a download ends with."""
    time = FakeTime()
    with (
        serving(*steps) as server,
        pytest.raises(ArchiveUnavailableError) as caught,
        nearby(server.url(NAME), etiquette or Etiquette(), folder, clock=time.clock, pace=Pace()),
    ):
        pass
    assert list(folder.iterdir()) == [], "nothing is left behind"
    return str(caught.value), time, server


# what arrives


def test_a_file_arrives_whole_under_its_own_name_and_is_gone_afterwards(tmp_path: Path) -> None:
    found = download(tmp_path, whole(BODY))
    assert found.body == BODY
    assert found.path.name == "a.warc.gz"
    assert found.time.slept == []


def test_the_folder_for_downloads_is_made_if_missing(tmp_path: Path) -> None:
    assert download(tmp_path / "not" / "yet", whole(BODY)).body == BODY


def test_a_local_file_is_itself_and_stays(tmp_path: Path) -> None:
    file = tmp_path / "a b.warc"
    file.write_bytes(BODY)
    for address in (str(file), file.as_uri()):
        with nearby(address, Etiquette(), tmp_path / "unused") as path:
            assert path == file
    assert file.exists()
    assert not (tmp_path / "unused").exists()


def test_a_missing_local_file_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"gone\.warc"), nearby(str(tmp_path / "gone.warc"), Etiquette(), tmp_path):
        pass


@pytest.mark.parametrize("behaviour", [chunked(BODY), closes_at_the_end(BODY)])
def test_a_file_whose_length_is_not_told_arrives_whole(tmp_path: Path, behaviour: Behaviour) -> None:
    assert download(tmp_path, behaviour).body == BODY


def test_a_gz_file_labelled_as_gzip_coding_arrives_as_stored(tmp_path: Path) -> None:
    assert download(tmp_path, whole(BODY, Content_Encoding="gzip")).body == BODY


def test_an_empty_file_is_a_file(tmp_path: Path) -> None:
    assert download(tmp_path, whole(b"")).body == b""


def test_the_server_sees_who_we_are_and_a_plain_request_for_the_whole_file(tmp_path: Path) -> None:
    etiquette = Etiquette(user_agent="pairtrawl/9.9", contact="https://lab.test/crawler")
    asked = download(tmp_path, whole(BODY), etiquette=etiquette).server.asked[0].headers
    assert asked["user-agent"] == "pairtrawl/9.9 (+https://lab.test/crawler)"
    assert asked["accept-encoding"] == "identity"
    assert not {"range", "cookie", "referer", "authorization"} & set(asked)


def test_the_temporary_file_is_gone_when_the_reader_fails(tmp_path: Path) -> None:
    with serving(whole(BODY)) as server, pytest.raises(KeyError), nearby(server.url(NAME), Etiquette(), tmp_path):
        raise KeyError
    assert list(tmp_path.iterdir()) == []


def test_a_name_made_to_escape_the_folder_stays_inside(tmp_path: Path) -> None:
    for name in ("..%2f..%2fevil.warc.gz", "%2e%2e", "x" * 3000 + ".warc.gz", ".hidden.warc.gz", "ü:*.warc.gz"):
        with (
            archive_server({}) as server,
            pytest.raises(InputError, match="404"),
            nearby(server.url("/" + name), Etiquette(), tmp_path, pace=Pace()),
        ):
            pass
    assert list(tmp_path.iterdir()) == []


@given(st.text())
@example("memory://pool/..")
@example("memory://pool/.warc.gz")
@example("https://h.test/" + "ü" * 300 + ".warc.gz")
def test_any_address_gives_a_plain_file_name(address: str) -> None:
    name = _file_name(address)
    assert name == Path(name).name
    assert name.isascii()
    assert 0 < len(name) <= 200
    assert not name.startswith(".")


# what is tried again


# checklist 51
@pytest.mark.parametrize(
    "trouble",
    [
        status(403),
        status(429),
        slow_down(),
        status(500),
        status(502),
        status(504),
        status(408),
        status(202),
        status(206),
        resets_after(0, BODY),
        resets_after(len(BODY) // 2, BODY),
        cut_after(0, BODY),
        cut_after(len(BODY) - 1, BODY),
        chunks_cut_after(1000, BODY),
        hangs_up(),
        talks_nonsense(),
    ],
)
def test_trouble_is_waited_out_and_the_whole_file_asked_for_again(tmp_path: Path, trouble: Behaviour) -> None:
    found = download(tmp_path, trouble, whole(BODY))
    assert found.body == BODY
    assert found.tries == 2
    assert found.time.slept == [1.0]
    assert "range" not in found.server.asked[1].headers


@pytest.mark.parametrize("trouble", [stalls_after(1000, BODY), stalls_after(0, BODY), never_answers()])
def test_a_server_that_falls_silent_has_failed_this_try(tmp_path: Path, trouble: Behaviour) -> None:
    etiquette = Etiquette(stall_seconds=0.05, total_seconds=3)
    found = download(tmp_path, trouble, whole(BODY), etiquette=etiquette)
    assert found.body == BODY
    assert found.tries == 2
    message, _time, _server = failing(tmp_path, trouble, etiquette=replace(etiquette, tries=1))
    assert "not complete after" not in message, "silence is noticed, not only slowness"


def test_a_try_that_takes_too_long_altogether_has_failed(tmp_path: Path) -> None:
    message, _time, _server = failing(tmp_path, stalls_after(9, BODY), etiquette=Etiquette(total_seconds=0.05, tries=1))
    assert "1 try" in message
    assert "not complete after" in message


# checklist 51
def test_waits_double_up_to_the_longest_and_are_drawn_between_it_and_one_second(tmp_path: Path) -> None:
    drawn: list[tuple[float, float]] = []

    def record(low: float, high: float) -> float:
        drawn.append((low, high))
        return low

    time = FakeTime(draw=record)
    found = download(tmp_path, *[status(500)] * 9, whole(BODY), time=time)
    assert found.body == BODY
    assert drawn == [(1.0, high) for high in (2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 300.0)]


# checklist 51
def test_endless_trouble_ends_after_the_tries_and_the_message_says_what_to_do(tmp_path: Path) -> None:
    message, time, server = failing(tmp_path, status(500, "boom"), etiquette=Etiquette(tries=4))
    assert len(server.asked) == 4
    assert len(time.slept) == 3
    assert all(part in message for part in (server.url(NAME), "4 tries", "500 Internal Server Error", "again later"))


def test_endless_403_says_that_it_may_be_a_limit_or_a_missing_file(tmp_path: Path) -> None:
    message, _time, _server = failing(tmp_path, status(403), etiquette=Etiquette(tries=2))
    assert "rate limit" in message
    assert "does not exist" in message


def test_nobody_listening_is_tried_again_and_then_unavailable(tmp_path: Path) -> None:
    with archive_server({}) as server:
        address = server.url(NAME)
    time = FakeTime()
    with (
        pytest.raises(ArchiveUnavailableError, match="2 tries"),
        nearby(address, Etiquette(tries=2), tmp_path, clock=time.clock, pace=Pace()),
    ):
        pass
    assert len(time.slept) == 1


# Retry-After


# checklist 51
@pytest.mark.parametrize("code", [429, 503, 403])
def test_retry_after_in_seconds_is_waited_at_least(tmp_path: Path, code: int) -> None:
    found = download(tmp_path, status(code, Retry_After="120"), whole(BODY))
    assert found.body == BODY
    assert found.time.slept == [121.0]  # what it asked for, and our own wait, that not all come back at once


# checklist 51
def test_retry_after_as_a_date_is_waited_at_least(tmp_path: Path) -> None:
    until = formatdate(NOON + 90, usegmt=True)
    found = download(tmp_path, status(429, Retry_After=until, Date=formatdate(NOON, usegmt=True)), whole(BODY))
    assert found.time.slept == [91.0]


def test_retry_after_as_a_date_counts_from_the_servers_clock_not_from_ours(tmp_path: Path) -> None:
    their_noon = NOON - 86_400
    behaviour = status(
        429, Retry_After=formatdate(their_noon + 90, usegmt=True), Date=formatdate(their_noon, usegmt=True)
    )
    assert download(tmp_path, behaviour, whole(BODY)).time.slept == [91.0]


@pytest.mark.parametrize("nonsense", ["soon", "-5", "1e9", "", "١٢", "Thu, 99 Foo 2026 99:99:99 GMT"])
def test_a_retry_after_that_says_nothing_leaves_our_own_wait(tmp_path: Path, nonsense: str) -> None:
    assert download(tmp_path, status(503, Retry_After=nonsense), whole(BODY)).time.slept == [1.0]


# checklist 51
def test_a_server_that_asks_for_a_day_is_left_alone(tmp_path: Path) -> None:
    message, time, server = failing(tmp_path, status(503, Retry_After="86400"), whole(BODY))
    assert len(server.asked) == 1
    assert time.slept == []
    assert "86400 seconds" in message


# what is not tried again


@pytest.mark.parametrize("code", [400, 401, 404, 405, 410, 451])
def test_a_refusal_for_good_is_an_input_error_at_once(tmp_path: Path, code: int) -> None:
    time = FakeTime()
    with (
        serving(status(code)) as server,
        pytest.raises(InputError, match=f"a.warc.gz: the server says {code}"),
        nearby(server.url(NAME), Etiquette(), tmp_path, clock=time.clock, pace=Pace()),
    ):
        pass
    assert len(server.asked) == 1
    assert time.slept == []


@pytest.mark.parametrize(
    "address",
    ["http://", "http:///x.warc.gz", "http://[/x.warc.gz", "http://a:b/x.warc.gz", "http://" + "a" * 70 + "/x"],
)
def test_an_address_that_is_none_is_an_input_error(tmp_path: Path, address: str) -> None:
    with pytest.raises(InputError), nearby(address, Etiquette(), tmp_path, pace=Pace()):
        pass


def test_messages_show_no_password_and_no_signature(tmp_path: Path) -> None:
    with archive_server({}) as server:
        secret = server.url(NAME).replace("://", "://user:hunter2@") + "?X-Amz-Signature=hunter3#hunter4"
        with pytest.raises(InputError) as caught, nearby(secret, Etiquette(), tmp_path, pace=Pace()):
            pass
    assert "hunter" not in str(caught.value)
    assert server.asked[0].headers["authorization"].startswith("Basic ")


def test_no_room_for_the_file_is_said_at_once_and_not_blamed_on_the_server(tmp_path: Path) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.write_text("not a folder")
    with (
        serving(whole(BODY)) as server,
        pytest.raises(ArchiveUnavailableError, match="cannot be stored in"),
        nearby(server.url(NAME), Etiquette(), in_the_way, pace=Pace()),
    ):
        pass
    assert server.asked == []


# redirects


def test_a_redirect_is_followed_and_every_hop_keeps_its_distance(tmp_path: Path) -> None:
    time = FakeTime()
    steps = {NAME: [status(302, Location="/elsewhere")], "/elsewhere": [whole(BODY)]}
    with (
        archive_server(steps) as server,
        nearby(server.url(NAME), Etiquette(), tmp_path, clock=time.clock, pace=Pace()) as path,
    ):
        assert path.read_bytes() == BODY
        assert path.name == "a.warc.gz"
    assert time.slept == [1.0]


def test_after_trouble_a_redirect_is_asked_for_afresh(tmp_path: Path) -> None:
    steps = {NAME: [status(307, Location="/elsewhere")], "/elsewhere": [status(503), whole(BODY)]}
    time = FakeTime()
    with (
        archive_server(steps) as server,
        nearby(server.url(NAME), Etiquette(), tmp_path, clock=time.clock, pace=Pace()) as path,
    ):
        assert path.read_bytes() == BODY
    assert [asked.path for asked in server.asked] == [NAME, "/elsewhere"] * 2


def test_redirects_in_a_circle_come_to_an_end(tmp_path: Path) -> None:
    message, _time, server = failing(tmp_path, status(302, Location=NAME), etiquette=Etiquette(tries=2, redirects=3))
    assert "more than 3 redirects" in message
    assert len(server.asked) == 8


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://a.test/x.warc.gz", "s3://a/x.warc.gz", "http://[bad"])
def test_a_redirect_to_anything_but_http_is_refused(tmp_path: Path, target: str) -> None:
    with (
        serving(status(302, Location=target)) as server,
        pytest.raises(InputError, match="redirects to"),
        nearby(server.url(NAME), Etiquette(), tmp_path, pace=Pace()),
    ):
        pass


# TLS


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@contextmanager
def serving_tls(authority: trustme.CA, *steps: Behaviour) -> Iterator[ArchiveServer]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with archive_server({NAME: steps}, tls=context) as server:
        yield server


def test_a_certificate_nobody_vouches_for_is_refused_at_once(tmp_path: Path, authority: trustme.CA) -> None:
    with (
        serving_tls(authority, whole(BODY)) as server,
        pytest.raises(ArchiveUnavailableError, match=r"not trusted.*ca_file"),
        nearby(server.url(NAME), Etiquette(), tmp_path, pace=Pace()),
    ):
        pass
    assert server.asked == []


def test_an_authority_of_ones_own_is_trusted(tmp_path: Path, authority: trustme.CA) -> None:
    pem = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(pem))
    with (
        serving_tls(authority, whole(BODY)) as server,
        nearby(server.url(NAME), Etiquette(ca_file=str(pem)), tmp_path, pace=Pace()) as path,
    ):
        assert path.read_bytes() == BODY


def test_a_redirect_from_https_to_http_is_refused(tmp_path: Path, authority: trustme.CA) -> None:
    pem = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(pem))
    with (
        serving_tls(authority, status(301, Location="http://127.0.0.1/a.warc.gz")) as server,
        pytest.raises(InputError, match="refused"),
        nearby(server.url(NAME), Etiquette(ca_file=str(pem)), tmp_path, pace=Pace()),
    ):
        pass


@pytest.mark.parametrize("content", [None, "not PEM"])
def test_a_ca_file_that_is_none_is_a_settings_error(tmp_path: Path, content: str | None) -> None:
    pem = tmp_path / "ca.pem"
    if content is not None:
        pem.write_text(content)
    etiquette = Etiquette(ca_file=str(pem))
    with pytest.raises(SettingsError, match=r"ca\.pem"), nearby("https://127.0.0.1:9/x", etiquette, tmp_path):
        pass


# pace


# checklist 51
def test_threads_that_share_a_pace_are_sent_off_one_spacing_apart(tmp_path: Path) -> None:
    slept, pace = list[float](), Pace()
    standing = Clock(lambda: NOON, lambda: NOON, slept.append, min)
    with serving(whole(BODY)) as server:

        def get(number: int) -> None:
            with nearby(server.url(NAME), Etiquette(), tmp_path / str(number), clock=standing, pace=pace) as path:
                assert path.read_bytes() == BODY

        threads = [threading.Thread(target=get, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(server.asked) == 4
    assert sorted(slept) == [1.0, 2.0, 3.0]


# fsspec


@pytest.fixture
def memory() -> Iterator[MemoryFileSystem]:
    store = fsspec.filesystem("memory")
    store.pipe({"/pool/a.warc.gz": BODY, "/pool/b.warc.wat.gz": BODY, "/pool/notes.txt": b"no archive"})
    yield store
    store.rm("/pool", recursive=True)


def test_a_file_in_a_store_arrives_whole(tmp_path: Path, memory: MemoryFileSystem) -> None:
    with nearby("memory://pool/a.warc.gz", Etiquette(), tmp_path, pace=Pace()) as path:
        assert path.read_bytes() == memory.cat("/pool/a.warc.gz") == BODY
        assert path.name == "a.warc.gz"
    assert list(tmp_path.iterdir()) == []


def test_stores_are_asked_at_the_same_pace(tmp_path: Path, memory: MemoryFileSystem) -> None:
    assert memory.exists("/pool")
    time, pace = FakeTime(), Pace()
    for name in ("a.warc.gz", "b.warc.wat.gz"):
        with nearby(f"memory://pool/{name}", Etiquette(), tmp_path, clock=time.clock, pace=pace):
            pass
    assert time.slept == [1.0]


def test_a_pattern_finds_the_files_of_a_store(memory: MemoryFileSystem) -> None:
    assert memory.exists("/pool")
    assert find_files("memory://pool/*.gz") == ["memory:///pool/a.warc.gz", "memory:///pool/b.warc.wat.gz"]
    assert find_files("memory://nothing/*.gz") == []


def test_a_file_missing_from_its_store_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"), nearby("memory://no/a.warc.gz", Etiquette(), tmp_path):
        pass


def test_a_kind_of_address_nobody_knows_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="odd://"), nearby("odd://a/a.warc.gz", Etiquette(), tmp_path, pace=Pace()):
        pass


def test_a_kind_of_address_whose_package_is_missing_says_so(tmp_path: Path) -> None:
    fsspec.register_implementation("lacking", "no_such_package.Store", clobber=True, errtxt="Install no_such_package")
    with (
        pytest.raises(MissingPackageError, match="Install no_such_package"),
        nearby("lacking://a/a.warc.gz", Etiquette(), tmp_path, pace=Pace()),
    ):
        pass


class RainyStore(MemoryFileSystem):  # type: ignore[misc]  # fsspec ships no types
    """A store that fails in a new way at every copy, and then works."""

    protocol = "rainy"
    cachable = False
    weather: list[OSError | int | None] = []  # noqa: RUF012 -- each test fills it

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return "/" + path.removeprefix("rainy://").lstrip("/")

    def info(self, path: str, **_ignored: object) -> dict[str, object]:
        return {"name": path, "size": len(BODY), "type": "file"}

    def get_file(self, _rpath: str, lpath: str, **_ignored: object) -> None:
        today = self.weather.pop(0) if self.weather else None
        if isinstance(today, OSError):
            raise today
        Path(lpath).write_bytes(BODY[:today])


def test_a_store_that_fails_or_sends_less_is_asked_again(tmp_path: Path) -> None:
    fsspec.register_implementation("rainy", RainyStore, clobber=True)
    RainyStore.weather = [OSError(errno.EBUSY, "SlowDown"), PermissionError("403"), TimeoutError(), 10]
    time = FakeTime()
    with nearby("rainy://a/a.warc.gz", Etiquette(), tmp_path, clock=time.clock, pace=Pace()) as path:
        assert path.read_bytes() == BODY
    assert len(time.slept) == 4


def test_a_full_disk_is_not_the_stores_fault(tmp_path: Path) -> None:
    fsspec.register_implementation("rainy", RainyStore, clobber=True)
    RainyStore.weather = [OSError(errno.ENOSPC, "No space left on device")]
    with (
        pytest.raises(ArchiveUnavailableError, match=r"No space left.*make room"),
        nearby("rainy://a/a.warc.gz", Etiquette(), tmp_path, pace=Pace()),
    ):
        pass


def test_a_missing_s3fs_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "s3fs", None)  # what Python itself remembers of a package that is not there
    monkeypatch.delitem(_registry, "s3", raising=False)
    with (
        pytest.raises(MissingPackageError, match=r"pip install 'pairtrawl\[s3\]'"),
        nearby("s3://commoncrawl/a.warc.gz", Etiquette(), tmp_path, pace=Pace()),
    ):
        pass


S3_BODY = bytes(51 << 20)  # s3fs asks for files over 50 MiB in ranges, ten at a time, if it is not told otherwise


@pytest.mark.parametrize("trouble", [slow_down(), status(403), cut_after(1000, S3_BODY), resets_after(1000, S3_BODY)])
def test_s3_is_asked_politely(tmp_path: Path, trouble: Behaviour, monkeypatch: pytest.MonkeyPatch) -> None:
    s3fs = pytest.importorskip("s3fs", reason="s3fs is not installed: pip install 'pairtrawl[s3]'")
    s3fs.S3FileSystem.clear_instance_cache()
    time = FakeTime()
    # HEAD and GET of the first try, the second of which fails, then HEAD and GET again
    with archive_server({"/commoncrawl" + NAME: [whole(S3_BODY), trouble, whole(S3_BODY)]}) as server:
        monkeypatch.setitem(
            fsspec.config.conf, "s3", {"endpoint_url": server.root, "client_kwargs": {"region_name": "us-east-1"}}
        )
        etiquette = Etiquette(contact="mailto:crawl@lab.test")
        with nearby("s3://commoncrawl" + NAME, etiquette, tmp_path, clock=time.clock, pace=Pace()) as path:
            assert path.stat().st_size == len(S3_BODY)
    assert len(server.asked) == 4
    assert len(time.slept) == 1
    for asked in server.asked:
        assert not {"range", "authorization"} & set(asked.headers)
        assert etiquette.identity in asked.headers["user-agent"]


# listings and settings


def test_a_listing_is_read_as_stored(tmp_path: Path) -> None:
    with serving(status(503), whole(BODY)) as server:
        assert read_listing(server.url(NAME), Etiquette(), tmp_path, clock=FakeTime().clock, pace=Pace()) == BODY


def test_a_listing_of_absurd_size_is_an_input_error(tmp_path: Path) -> None:
    file = tmp_path / "wat.paths"
    with file.open("wb") as out:
        out.truncate((64 << 20) + 1)
    with pytest.raises(InputError, match="too large"):
        read_listing(str(file), Etiquette(), tmp_path)


def test_a_contact_that_would_add_a_header_is_a_settings_error() -> None:
    with pytest.raises(SettingsError):
        Etiquette(contact="me@lab.test)\r\nX-Evil: 1")


def test_no_tries_at_all_is_a_settings_error() -> None:
    with pytest.raises(SettingsError):
        replace(Etiquette(), tries=0)
