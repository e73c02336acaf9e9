from __future__ import annotations

import subprocess
import sys
import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from crawler.masking import mask

ALL = ("email", "phone", "iban", "card", "ip")

MASKED: list[tuple[str, str]] = [
    ("write to jo.doe+x@mail.example.co.uk, now", "write to [email], now"),
    ("mailto:jo@example.org?subject=x", "mailto:[email]?subject=x"),
    ("<jo@example.org>; 'amy@example.org'", "<[email]>; '[email]'"),
    ("jörg@bücher.example and почта@пример.рф", "[email] and [email]"),
    ("jo@example.xn--p1ai", "[email]"),
    ("请联系jo@example.com谢谢", "请联系[email]谢谢"),
    ("info＠example.co.jp", "[email]"),
    ("jo (at) example.org, amy[at]example(dot)org", "[email], [email]"),
    ("http://user:secret@host.example/a.jpg", "http://user:[email]/a.jpg"),
    ("Call +49 30 901820 today", "Call [phone] today"),
    ("(+49) 30 901820 / +1 (650) 253-0000", "[phone] / [phone]"),
    ("+44 (0)20 7946 0958", "[phone]"),
    ("＋４９ ３０ ９０１８２０", "[phone]"),
    ("ring 0049 30 901820", "ring [phone]"),
    ("Tel. 030 901820", "Tel. [phone]"),
    ("Telefon: 4711 471", "Telefon: [phone]"),
    ("phone (555) 010-9999", "phone [phone]"),
    ("联系电话：010-62345678", "联系电话：[phone]"),
    ("☎ 089/1234567", "☎ [phone]"),
    ("tel:+493012345678901", "tel:[phone]"),
    ("DE89370400440532013000", "[iban]"),
    ("IBAN DE89 3704 0044 0532 0130 00 of the club", "IBAN [iban] of the club"),
    ("gb82 west 1234 5698 7654 32.", "[iban]."),
    ("NO93-8601-1117-947", "[iban]"),
    ("card 4111 1111 1111 1111 12/27", "card [card] 12/27"),
    ("4111111111111111", "[card]"),
    ("5555-5555-5555-4444 2027", "[card] 2027"),
    ("3782 822463 10005", "[card]"),
    ("2223 0031 2200 3222", "[card]"),
    ("卡号4222222222222", "卡号[card]"),
    ("seen from 93.184.216.34.", "seen from [ip]."),
    ("http://93.184.216.34:8080/x", "http://[ip]:8080/x"),
    ("at 2606:2800:220:1:248:1893:25c8:1946: a router", "at [ip]: a router"),
    ("http://[2a00:1450:4001::8]/", "http://[[ip]]/"),
    ("jo@example.org, +49 30 901820, 93.184.216.34", "[email], [phone], [ip]"),
]

LEFT: list[str] = [
    "", "a red boat", "4711 4711", "4711-4711", "Model 0815-4711", "50,000 + 20,000 people", "1 + 1 = 2", "18+ 2023",
    "photo by @jo.doe", "jo @ the beach", "logo@2x.png", "images/logo@2x.min.png", "me@home", "a (at) b", "look [at] me",
    "DE89 3704 0044 0532 0130 01",  # wrong check number
    "DE89 3704 0044 0532 0130 000", "XX89 3704 0044 0532 0130 00", "AB12 CDEF",
    "4111 1111 1111 1112",  # Luhn not ok
    "20230415123000", "ISBN 978-3-16-148410-0", "411111111111", "41111111111111111111", "IMG_20230415_4111111111111111",
    "1.2.3.4", "8.8.8.8", "Version v10.2.30.44", "1.2.3.4.5", "256.1.1.1", "192.168.0.17", "127.0.0.1", "10.20.30.40",
    "12:30:45", "fe80::1234:5678", "::1", "2001:db8::1", "std::vector", "2024:", "2020:2021",
    "phone 2019 2020", "Telefon 7", "telephone boxes 1234567", "Tel. 12345678901234567",
]  # fmt: skip


# checklist 55
@pytest.mark.parametrize(("text", "masked"), MASKED)
def test_what_reaches_a_person_is_masked(text: str, masked: str) -> None:
    assert mask(text, ALL) == masked


# checklist 55
@pytest.mark.parametrize("text", LEFT)
def test_what_only_looks_like_it_stays(text: str) -> None:
    assert mask(text, ALL) == text


def test_only_the_kinds_that_are_asked_for_are_masked() -> None:
    text = "jo@example.org +49 30 901820 DE89370400440532013000 4111111111111111 93.184.216.34"
    words = text.replace("+49 30 901820", "+49_30_901820").split(" ")
    for place, kind in enumerate(("email", "phone", "iban", "card", "ip")):
        expected = [f"[{kind}]" if number == place else word for number, word in enumerate(words)]
        assert mask(text, (kind,)) == " ".join(expected).replace("+49_30_901820", "+49 30 901820")
    assert mask(text, ()) == text


_PARTS = st.sampled_from([
    "jo@example.org", "@", ".", "+49 30 901820", "+", "00", "49", " ", "-", "4111 1111 1111 1111", "4111", "DE89 3704 0044",
    "0532 0130 00", "93.184.216.34", "1.2.3.4", "2a00:1450::8", ":", "Tel", "Tel. 030", "(at)", "[email]", "[phone]", "a",
    "1", "901820", "５", "电话", "４１１１", "[", "]", "example.com", "xn--", "png", "/", "\u00a0",
])  # fmt: skip


@settings(deadline=None)  # the first number of a country loads its numbering plan
@given(st.lists(st.one_of(_PARTS, st.text(max_size=3)), max_size=12).map("".join))
@example("+1 650 253 0000+1 650 253 0000@a.de")
def test_masking_is_idempotent_and_never_raises(text: str) -> None:
    masked = mask(text, ALL)
    assert mask(masked, ALL) == masked


@pytest.mark.parametrize(
    "piece",
    ["1", "@", ".", "a", "1.", "1@", "a@", "a@b.", "@a.", "+1", "+49 ", "1 ", "4111 ", "1-", "DE89", "DE89 ", "2a00:", ":",
     "2::", "(at)", "a(at)", "Tel: 1", "Tel", "00", "0049 ", "(1", "/1", "1.2.3.4 ", "٣", "a.", "-", "1.1.1.1@", "[at]b(dot)",
     "4111 1111 1111 1111 ", "+49 30 901820 ", "a@b.cc ", "2001:", "５ "],
)  # fmt: skip
def test_a_text_made_to_cost_time_costs_little(piece: str) -> None:
    begin = time.process_time()
    for text in (piece * (2_000 // len(piece)), "x" + piece * (2_000 // len(piece)) + "!"):
        mask(text, ALL)
    assert time.process_time() - begin < 20  # no measurement: milliseconds, where a bad pattern would take hours


def test_telephone_numbers_of_the_world_are_not_loaded_before_one_is_asked_for() -> None:
    script = (
        "import sys; from crawler.masking import mask; mask('jo@a.de 4711 4711', ('email', 'phone', 'iban', 'card', 'ip'));"
        "sys.exit('phonenumbers' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
