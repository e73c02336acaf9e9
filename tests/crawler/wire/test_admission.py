"""Which image addresses are asked for at all."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.errors import SettingsError
from crawler.settings import Fetch
from crawler.wire.admission import Admitted, Refused, admit, joined

ADMITTED = [
    ("http://boats.example/a.jpg", "http://boats.example/a.jpg", "boats.example:80"),
    ("HTTPS://Boats.Example:443/a b.jpg#x", "https://boats.example/a%20b.jpg", "boats.example:443"),
    ("http://boats.example.:80", "http://boats.example./", "boats.example:80"),
    ("https://boats.example:80/", "https://boats.example:80/", "boats.example:80"),
    ("http://bücher.example/é", "http://xn--bcher-kva.example/%C3%A9", "xn--bcher-kva.example:80"),
    ("http://a_b-.c.example/", "http://a_b-.c.example/", "a_b-.c.example:80"),
    # reads like good.example to one parser and evil.example to another: what is judged is what is dialled
    ("http:\\\\evil.example\\@good.example/", "http://evil.example/@good.example/", "evil.example:80"),
    ("http://boats.test/a.jpg", "http://boats.test/a.jpg", "boats.test:80"),
]
REFUSED = [
    ("", "http or https"),
    ("boat.jpg", "http or https"),
    ("//boats.example/a.jpg", "http or https"),
    ("http://", "http or https"),
    ("http://[::1", "http or https"),
    ("http://\ud800.example/", "http or https"),
    ("http://boats.example:99999/", "http or https"),
    ("ftp://boats.example/a.jpg", "http or https"),
    ("file:///etc/passwd", "http or https"),
    ("data:image/png;base64,AAAA", "http or https"),
    ("javascript:alert(1)", "http or https"),
    ("blob:http://boats.example/1", "http or https"),
    ("gopher://boats.example/", "http or https"),
    ("http://user@boats.example/", "user name"),
    ("http://:secret@boats.example/", "user name"),
    ("http://boats.example:22/", "port 22"),
    ("http://boats.example:6379/", "port 6379"),
    ("http://boats.example:0/", "port 0"),
    ("http://127.0.0.1/", "not public"),
    ("http://8.8.8.8/", "an IP address"),
    ("http://2130706433/", "not public"),
    ("http://0x7f000003/", "not public"),
    ("http://127.3/", "not public"),
    ("http://0177.0.0.1/", "not public"),
    ("http://127.0.0.3./", "not public"),
    ("http://①②⑦.⓪.⓪.③/", "not public"),
    ("http://%31%32%37.0.0.1/", "not public"),
    ("http://[::1]/", "not public"),
    ("http://[::ffff:127.0.0.3]/", "not public"),
    ("http://[2606:4700:4700::1111]/", "IP address"),
    ("http://localhost/", "no domain"),
    ("http://LOCALHOST./", "no domain"),
    ("http://intranet/", "no domain"),
    ("http://com/", "no domain"),
    ("http://a.localhost/", "private"),
    ("http://router.local/", "private"),
    ("http://metadata.google.internal/", "private"),
    ("http://abc.onion/", "private"),
    ("http://nas.home.arpa/", "private"),
    ("http://a..example/", "DNS name"),
    ("http://" + "a" * 64 + ".example/", "DNS name"),
    ("http://" + "a" * 300 + ".example/", "DNS name"),
    ("http://" + "a." * 130 + "example/", "DNS name"),
    ("http://a!b.example/", "DNS name"),
    ("http://boats.example/" + "a" * 5000, "longer"),
    ("http://boats.example/" + "é" * 1000, "longer"),
    ("http://boats.example/" + "a" * 100_000, "longer"),
]


@pytest.mark.parametrize(("url", "normal", "authority"), ADMITTED)
def test_a_public_address_is_admitted_in_its_normal_form(url: str, normal: str, authority: str) -> None:
    assert admit(url, Fetch()) == Admitted(normal, authority)


@pytest.mark.parametrize(("url", "rule"), REFUSED)
def test_an_address_that_breaks_a_rule_is_refused_by_that_rule(url: str, rule: str) -> None:
    refused = admit(url, Fetch())
    assert isinstance(refused, Refused)
    assert rule in refused.why


def test_an_allowed_network_admits_its_addresses_and_no_others() -> None:
    settings = Fetch(allow_networks=("127.0.0.2/32", "::1/128"))
    assert isinstance(admit("http://127.0.0.2/", settings), Admitted)
    assert admit("http://[::1]/", settings) == Admitted("http://[::1]/", "[::1]:80")
    assert isinstance(admit("http://127.0.0.3/", settings), Refused)
    assert isinstance(admit("http://8.8.8.8/", settings), Refused)


def test_an_address_of_a_refused_network_is_refused_although_it_is_allowed() -> None:
    settings = Fetch(allow_networks=("127.0.0.0/8",), refuse_networks=("127.0.0.3/32",))
    assert isinstance(admit("http://127.0.0.2/", settings), Admitted)
    assert isinstance(admit("http://127.0.0.3/", settings), Refused)


@pytest.mark.parametrize(
    ("url", "host"),
    [("http://Boats.Example.:80/", "boats.example"), ("http://[::1]/", "::1"), ("http://127.1/", "127.0.0.1")],
)
def test_the_host_is_the_name_or_address_alone(url: str, host: str) -> None:
    admitted = admit(url, Fetch(allow_networks=("127.0.0.1/32", "::1/128")))
    assert isinstance(admitted, Admitted)
    assert admitted.host == host


def test_a_private_name_is_admitted_where_the_recipe_names_it() -> None:
    settings = Fetch(hosts={"printer": "127.0.0.1", "*.local": "127.0.0.1"})
    assert isinstance(admit("http://printer/", settings), Admitted)
    assert isinstance(admit("http://nas.local/", settings), Admitted)
    assert isinstance(admit("http://local/", settings), Refused)
    assert isinstance(admit("http://127.0.0.1/", settings), Refused)


def test_wrong_settings_are_the_user_s_error_and_no_refusal() -> None:
    with pytest.raises(SettingsError):
        admit("http://127.0.0.1/", Fetch(allow_networks=("everything",)))


@given(
    st.text() | st.text(max_size=30).map("http://{}".format) | st.text(max_size=30).map("http://a.example/{}".format)
)
def test_judging_any_text_never_raises_and_what_is_admitted_is_admitted_again_unchanged(url: str) -> None:
    first = admit(url, Fetch())
    if isinstance(first, Admitted):
        assert admit(first.url, Fetch()) == first
        assert first.url.isascii()


@pytest.mark.parametrize(
    ("location", "target"),
    [
        ("b.jpg", "http://boats.example/a/b.jpg"),
        ("/b c.jpg", "http://boats.example/b%20c.jpg"),
        ("//other.example/b", "http://other.example/b"),
        ("\\\\other.example\\b", "http://other.example/b"),
        ("https:/b", "https://b/"),
        ("?b", "http://boats.example/a/a.jpg?b"),
        ("file:///etc/passwd", ""),
        ("javascript:alert(1)", ""),
        ("http://[", ""),
        ("/" + "a" * 10_000, ""),
    ],
)
def test_a_redirect_is_read_as_a_browser_reads_it(location: str, target: str) -> None:
    assert joined("http://boats.example/a/a.jpg", location) == target


@given(st.text(), st.text())
def test_joining_any_texts_never_raises(base: str, location: str) -> None:
    joined(base, location)
    joined("http://boats.example/", location)
