"""Trackers that lie, real down to their sockets: every lie is refused, or survived."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path
from typing import Any

import msgspec
import pytest

from crawler.errors import PairtrawlError, RunFolderError, SettingsError
from crawler.settings import Fetch, FilterChoice, Recipe
from tests.fakes.bad_tracker import (
    Behaviour,
    bad_tracker,
    hangs_up,
    never_ends,
    redirects,
    refuses,
    says,
    sends,
    shows_a_page,
)
from tests.workers.home.a_crew import InProcessCrew
from tests.workers.home.at_home import CAMPAIGN
from workers.exit_codes import ExitCode
from workers.home.asked import AskedWork, Limits
from workers.home.client import TrackerClient
from workers.home.errors import AwayError, RefusedError
from workers.home.folder import HomeFolder
from workers.home.rate import Rate
from workers.home.session import work
from workers.home.wire import Asking, HttpWire, open_session, tracker_address
from workers.protocol.campaign import Attachment, Campaign, CampaignError, SignedCampaign, public_key_of, signed
from workers.protocol.messages import (
    AccountOpened,
    HeldLeases,
    JobSpec,
    Leased,
    LeasesTaken,
    Registered,
    SelfTestJudged,
    canonical,
)

KEY, OTHER_KEY = bytes(32), bytes([1]) * 32


def campaign(**changes: Any) -> Campaign:
    made = msgspec.structs.replace(CAMPAIGN, **changes)
    return msgspec.structs.replace(made, recipe_digest=changes.get("recipe_digest", made.recipe.digest))


def a_script(told: SignedCampaign | None = None, **more: list[Behaviour]) -> dict[str, list[Behaviour]]:
    """A tracker that is right in all but what a test changes; its campaign is done."""
    return {
        "/v1/campaign": [says(told or signed(campaign(), KEY))],
        "/v1/accounts": [says(AccountOpened(account=1, token="t" * 43), 201)],
        "/v1/workers": [says(Registered(worker=1, key="k" * 43), 201)],
        "/v1/workers/me/selftest": [says(SelfTestJudged(wrong=[]))],
        "/v1/leases": [says(HeldLeases(leases=[])), refuses(410, "done")],
    } | {path.replace("_", "/"): steps for path, steps in more.items()}


def volunteer(root: str, folder: Path, **changes: Any) -> ExitCode:
    asked = AskedWork(
        tracker=root, folder=folder, allow_private=True, as_root=True, limits=Limits(kinds=("fetch",)), **changes
    )
    return work(asked, InProcessCrew)  # type: ignore[arg-type] # a fake of it


def test_a_tracker_that_is_right_is_worked_for(tmp_path: Path) -> None:
    with bad_tracker(a_script()) as tracker:
        assert volunteer(tracker.root, tmp_path / "home") == ExitCode.DONE
        paths = [path for _, path, _ in tracker.asked]
        assert paths == [
            "/v1/campaign", "/v1/accounts", "/v1/workers", "/v1/workers/me/selftest", "/v1/leases", "/v1/leases"
        ]  # fmt: skip
        assert all(headers.get("Idempotency-Key") for method, _, headers in tracker.asked if method == "POST")


def test_a_second_visit_asks_for_no_second_account(tmp_path: Path) -> None:
    with bad_tracker(a_script()) as tracker:
        for _ in range(2):
            assert volunteer(tracker.root, tmp_path / "home") == ExitCode.DONE
        assert [path for _, path, _ in tracker.asked].count("/v1/accounts") == 1
        assert [path for _, path, _ in tracker.asked].count("/v1/workers/me/selftest") == 1


def test_another_key_than_on_the_first_visit_is_refused(tmp_path: Path) -> None:
    script = a_script(_v1_campaign=[says(signed(campaign(), KEY)), says(signed(campaign(), OTHER_KEY))])
    with bad_tracker(script) as tracker:
        assert volunteer(tracker.root, tmp_path / "home") == ExitCode.DONE
        with pytest.raises(CampaignError, match="another key"):
            volunteer(tracker.root, tmp_path / "home")


def test_a_key_that_was_given_counts_from_the_first_visit_on(tmp_path: Path) -> None:
    with bad_tracker(a_script()) as tracker:
        with pytest.raises(CampaignError, match="another key"):
            volunteer(tracker.root, tmp_path / "one", public_key=public_key_of(OTHER_KEY))
        assert volunteer(tracker.root, tmp_path / "two", public_key=public_key_of(KEY)) == ExitCode.DONE


def test_a_folder_belongs_to_one_tracker(tmp_path: Path) -> None:
    with bad_tracker(a_script()) as one, bad_tracker(a_script()) as other:
        assert volunteer(one.root, tmp_path / "home") == ExitCode.DONE
        with pytest.raises(RunFolderError, match="another --folder"):
            volunteer(other.root, tmp_path / "home")


def changed(told: SignedCampaign) -> SignedCampaign:
    return msgspec.structs.replace(told, document=told.document.replace("archives.test", "evil.test"))


@pytest.mark.parametrize(
    ("told", "why"),
    [
        (changed(signed(campaign(), KEY)), "signature"),
        (msgspec.structs.replace(signed(campaign(), KEY), signature="zz"), "signature"),
        (msgspec.structs.replace(signed(campaign(), KEY), signature="", public_key=""), "signature"),
        (signed(campaign(recipe_digest="0" * 32), KEY), "digest"),
        (signed(campaign(min_version="99.10"), KEY), "needs pairtrawl 99.10"),
        (signed(campaign(archives=("file:///",)), KEY), "archives"),
        (signed(campaign(archives=("https://192.168.1.1/",)), KEY), "archives"),
        (signed(campaign(uploads=("http://evil.test",)), KEY), "uploads"),
        (signed(campaign(name="../../x"), KEY), "name"),
        (signed(campaign(heartbeat_seconds=0), KEY), "heartbeat_seconds"),
        (signed(campaign(recipe=Recipe(folder="/etc")), KEY), "folders"),
        (signed(campaign(recipe=Recipe(fetch=Fetch(allow_networks=("10.0.0.0/8",)))), KEY), "allow_networks"),
        (signed(campaign(recipe=Recipe(fetch=Fetch(hosts={"*": "192.168.0.1"}))), KEY), "hosts"),
        (signed(campaign(recipe=Recipe(filters=(FilterChoice(use="bodies.hash_removal", settings={"path": "/etc/passwd"}),))), KEY), "/etc/passwd"),
        (signed(campaign(attachments=(Attachment(name="a", bytes=1, sha256="0" * 64),), kinds=("mine",)), KEY), "kind"),
    ],
)  # fmt: skip
def test_a_campaign_that_is_not_what_it_should_be_is_refused_before_anything_else(
    tmp_path: Path, told: SignedCampaign, why: str
) -> None:
    with bad_tracker(a_script(told)) as tracker:
        with pytest.raises(PairtrawlError, match=why):
            volunteer(tracker.root, tmp_path / "home")
        assert [path for _, path, _ in tracker.asked] == ["/v1/campaign"]
    assert HomeFolder(tmp_path / "home").pin() is None


def test_an_attachment_with_other_bytes_is_never_used(tmp_path: Path) -> None:
    body = b"d41d8cd98f00b204e9800998ecf8427e\n"
    sha256 = hashlib.sha256(body).hexdigest()
    told = signed(campaign(attachments=(Attachment(name="data/list.txt", bytes=len(body), sha256=sha256),)), KEY)
    path = f"/v1/attachments/{sha256}"
    with bad_tracker(a_script(told) | {path: [sends(b"x" * len(body)), sends(body)]}) as tracker:
        assert volunteer(tracker.root, tmp_path / "home") == ExitCode.DONE
        assert [one for _, one, _ in tracker.asked].count(path) == 2
        assert "Authorization" not in next(headers for _, one, headers in tracker.asked if one == path)
    assert (tmp_path / "home/recipe/data/list.txt").read_bytes() == body


def test_a_tracker_with_other_known_answers_is_not_worked_for(tmp_path: Path) -> None:
    told = signed(campaign(selftest={"size/alpha.png": "1x1"}), KEY)
    with bad_tracker(a_script(told)) as tracker:
        with pytest.raises(SettingsError, match=r"size/alpha\.png"):
            volunteer(tracker.root, tmp_path / "home")
        assert "/v1/workers/me/selftest" not in [path for _, path, _ in tracker.asked]


def test_jobs_that_point_elsewhere_are_refused_and_the_tracker_is_left(tmp_path: Path) -> None:  # checklist 36
    def leases(number: int) -> LeasesTaken:
        spec = JobSpec(job=number, kind="extract", number=number, form="warc", input="http://127.0.0.1/", recipe="x")
        return LeasesTaken(leases=[Leased(lease=f"a{number}", fence=1, spec=spec, expires_in=9, hard_in=9)])

    steps = [says(HeldLeases(leases=[])), *(says(leases(number)) for number in range(3))]
    with bad_tracker(a_script(_v1_leases=steps)) as tracker:
        assert volunteer(tracker.root, tmp_path / "home") == ExitCode.YOURS
    assert HomeFolder(tmp_path / "home").kept() == []


@pytest.mark.parametrize(
    "lie",
    [
        shows_a_page(),
        shows_a_page(403),
        shows_a_page(404),
        shows_a_page(410),
        redirects("http://127.0.0.1:9/"),
        redirects("file:///etc/passwd", 308),
        never_ends(),
        hangs_up(),
        hangs_up(b'{"document'),
        says(b"x" * 10_000_000),
        says(b"[" * 100_000),
        says(b""),
        says(b"{}"),
        says(b'{"document": 1}'),
        says(b"\xff\xfe"),
        refuses(503, "no_room", Retry_After="1"),
        refuses(429, "too_fast"),
        says(b"oops", 500),
    ],
)
def test_what_is_no_answer_of_a_tracker_is_asked_again_later(lie: Behaviour) -> None:
    async def ask(root: str) -> None:
        async with open_session("1.0") as session:
            client = TrackerClient(HttpWire(session, root).ask)
            with pytest.raises(AwayError) as away:
                await client.campaign()
            assert len(str(away.value)) < 1_000

    with bad_tracker({"/v1/campaign": [lie]}) as tracker:
        asyncio.run(ask(tracker.root))


@pytest.mark.parametrize("date", ["Thu, 01 Jan 2036 00:00:00 GMT", "Fri, 01 Jan 2016 00:00:00 GMT"])
def test_a_tracker_whose_clock_is_ten_years_off_is_asked_when_it_wants_to_be(date: str) -> None:
    # invariant 8
    later = date.replace("00:00:00", "00:02:00")

    async def ask(root: str) -> float | None:
        async with open_session("1.0") as session:
            return (await HttpWire(session, root).ask(Asking("GET", "/"))).retry_after

    with bad_tracker({"/": [refuses(503, "no_room", Date=date, Retry_After=later)]}) as tracker:
        assert asyncio.run(ask(tracker.root)) == 120


def test_a_refusal_is_made_fit_for_a_terminal() -> None:
    body = msgspec.json.encode({"code": "x\x1b[2J", "message": "\x1b]0;evil\x07 \u202e" + "y" * 10_000})

    async def ask(root: str) -> RefusedError:
        async with open_session("1.0") as session:
            with pytest.raises(RefusedError) as refused:
                await TrackerClient(HttpWire(session, root).ask).campaign()
            return refused.value

    with bad_tracker({"/v1/campaign": [says(body, 403)]}) as tracker:
        refused = asyncio.run(ask(tracker.root))
    assert len(str(refused)) < 500
    assert not {"\x1b", "\x07", "\u202e"} & set(str(refused) + refused.code)


BODY = bytes(range(256)) * 4_096


def bring(root: str, half: Path, size: int = len(BODY)) -> None:
    async def go() -> None:
        async with open_session("1.0") as session:
            await HttpWire(session, root).bring("/input", "k", half, size, Rate())

    asyncio.run(go())


def test_an_input_goes_on_where_it_stopped(tmp_path: Path) -> None:
    half = tmp_path / "part"
    cut = 500_000
    rest = sends(BODY[cut:], 206, Content_Range=f"bytes {cut}-{len(BODY) - 1}/{len(BODY)}")
    half.write_bytes(BODY[:cut])
    with bad_tracker({"/input": [rest]}) as tracker:
        bring(tracker.root, half)
        assert tracker.asked[0][2]["Range"] == f"bytes={cut}-"
    assert half.read_bytes() == BODY


def test_an_input_of_which_a_part_came_is_kept_for_the_next_try(tmp_path: Path) -> None:
    half = tmp_path / "part"
    with bad_tracker({"/input": [hangs_up(BODY[:1_000]), sends(BODY)]}) as tracker:
        with pytest.raises(AwayError):
            bring(tracker.root, half)
        assert half.read_bytes() == BODY[:1_000]
        bring(tracker.root, half)  # a server that knows no ranges sends all of it
    assert half.read_bytes() == BODY


@pytest.mark.parametrize(
    "lie",
    [sends(BODY + b"x"), sends(BODY[:-1]), never_ends(), redirects("http://127.0.0.1:9/"), shows_a_page(500),
     sends(BODY[9:], 206, Content_Range="bytes 9-1/2")],
)  # fmt: skip
def test_an_input_that_is_not_what_was_promised_fails(tmp_path: Path, lie: Behaviour) -> None:
    half = tmp_path / "part"
    half.write_bytes(BODY[:1_000])
    with bad_tracker({"/input": [lie]}) as tracker, pytest.raises(AwayError):
        bring(tracker.root, half)
    assert half.stat().st_size <= len(BODY)


@pytest.mark.parametrize(
    "address",
    ["", "tracker.test", "ftp://tracker.test", "https://", "https://a@tracker.test", "https://tracker.test/path",
     "https://tracker.test?x", "http://tracker.test", "https://tracker.test:99999", "https://[::1"],
)  # fmt: skip
def test_what_is_no_address_of_a_tracker_is_refused(address: str) -> None:
    with pytest.raises(SettingsError):
        tracker_address(address, allow_private=False)


def test_addresses_of_trackers_are_plain() -> None:
    assert tracker_address("https://tracker.test/", allow_private=False) == "https://tracker.test"
    assert tracker_address("https://tracker.test:8443", allow_private=False) == "https://tracker.test:8443"
    assert tracker_address("http://[::1]:80", allow_private=True) == "http://[::1]:80"


def test_what_is_signed_are_the_bytes_that_were_read() -> None:
    assert canonical(campaign()).decode() == signed(campaign(), KEY).document
