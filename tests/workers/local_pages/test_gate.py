"""Who is let in to a local page."""

from __future__ import annotations

import pytest

from workers.local_pages.gate import Gate

GATE = Gate.new()
COOKIES = {GATE.cookie: GATE.token}
HERE = "127.0.0.1:8123"
OURS = f"http://{HERE}"


def status(method: str = "GET", headers: dict[str, str] | None = None, cookies: dict[str, str] | None = None) -> int:
    """What a request is refused with; 0 for one that is let in."""
    refusal = GATE.refusal(method, {"Host": HERE} | (headers or {}), COOKIES if cookies is None else cookies)
    return refusal.status if refusal else 0


def test_a_token_has_256_bits_and_no_two_are_the_same() -> None:
    assert len(GATE.token) >= 43
    assert GATE.token != Gate.new().token
    assert GATE.token not in repr(GATE)


@pytest.mark.parametrize("host", ["127.0.0.1:8123", "localhost:9999", "127.0.0.1", "LOCALHOST:1"])
def test_the_own_names_of_the_machine_are_let_in_at_any_port(host: str) -> None:
    assert status(headers={"Host": host}) == 0


@pytest.mark.parametrize(
    "host",
    ["", "evil.example", "evil.example:8123", "127.0.0.1.evil.example", "localhost.evil.example:80", "127.0.0.2:8123",
     "127.0.0.1@evil.example", "evil.example#127.0.0.1", "127.0.0.1:8123 ", "127.0.0.1:8123\n", "0.0.0.0:8123", "[::1]:8123"],
)  # fmt: skip
def test_a_name_that_was_bound_to_this_machine_is_refused_even_with_the_cookie(host: str) -> None:
    assert status(headers={"Host": host}) == 421


@pytest.mark.parametrize(
    "cookies",
    [{}, {GATE.cookie: ""}, {GATE.cookie: GATE.token[:-1]}, {"pairtrawl": GATE.token}, {GATE.cookie: "é\udce9"}],
)
def test_without_the_token_nothing_is_answered(cookies: dict[str, str]) -> None:
    assert status(cookies=cookies) == 401


def test_a_program_may_say_the_token_in_a_header() -> None:
    assert status(cookies={}, headers={"Authorization": f"Bearer {GATE.token}"}) == 0
    assert status(cookies={}, headers={"Authorization": "Bearer x"}) == 401
    assert status(cookies={}, headers={"Authorization": GATE.token}) == 401


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"Origin": OURS}, 0),
        ({"Origin": OURS, "Sec-Fetch-Site": "same-origin"}, 0),
        ({}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "http://127.0.0.1:9999"}, 403),
        ({"Origin": f"https://{HERE}"}, 403),
        ({"Origin": f"{OURS}.evil.example"}, 403),
        ({"Origin": OURS, "Sec-Fetch-Site": "same-site"}, 403),
        ({"Origin": OURS, "Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-origin"}, 403),
        ({"Origin": "http://evil.example", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}, 403),
    ],
)
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "post"])
def test_what_changes_something_must_come_from_our_own_page(
    method: str, headers: dict[str, str], expected: int
) -> None:
    assert status(method, headers) == expected


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"Sec-Fetch-Site": "same-origin"}, 0),
        ({"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}, 0),
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}, 0),
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}, 403),
        ({"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors", "Origin": "http://evil.example"}, 403),
        ({"Origin": "http://evil.example"}, 403),
    ],
)
def test_another_page_cannot_read_through_the_browser(headers: dict[str, str], expected: int) -> None:
    assert status(headers=headers) == expected
