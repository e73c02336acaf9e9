"""Takes out of captions what reaches a person or opens an account: addresses and numbers, each by its kind's name.

"write to jo@example.org" becomes "write to [email]". Square brackets, for they are plain text in HTML, in CSV and to
every tokeniser. What is masked is decided by form and check digit alone, the same for every language, and rather too
little than too much: names of people, postal addresses and national telephone numbers that nothing announces stay.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Collection, Iterator

#: a text without any of these holds nothing to mask: most captions
_PERHAPS = re.compile(r"[\d@＠]|[(\[]\s?(?:at|ät)\s?[)\]]", re.IGNORECASE)

# "@", or one of the ways in which people hide it from harvesters
_AT = r"(?:[@＠]|\s?[(\[]\s?(?:at|ät|@)\s?[)\]]\s?)"
_DOT = r"(?:[.．]|\s?[(\[]\s?(?:dot|punkt)\s?[)\]]\s?)"
# Letters up to U+1FFF: scripts that write with spaces, so that of a Chinese sentence only the address is taken. A run
# of letters is looked at from its start alone, and never again: else a long one would cost the square of its length.
_LOCAL = r"[A-Za-z0-9_.+%\u00c0-\u1fff-]"
_EMAIL = re.compile(
    rf"(?<!{_LOCAL}){_LOCAL}++{_AT}"
    # "logo@2x.png" is a picture for fine screens
    r"(?![\w.-]*\.(?:png|jpe?g|gif|webp|avif|svg|bmp|tiff?|ico)(?!\w))"
    rf"(?:[\w-]{{1,63}}{_DOT}){{1,8}}(?:xn--[A-Za-z0-9-]{{2,59}}|[A-Za-z]{{2,24}}|(?![A-Za-z])[^\W\d_]{{2,24}})",
    re.IGNORECASE,
)

#: the length of an IBAN is fixed by its country (ISO 13616 registry, release 99)
_COUNTRIES_BY_IBAN_LENGTH = {
    15: "NO",
    16: "BE",
    18: "DK FI FK FO GL NL SD",
    19: "MK SI",
    20: "AT BA EE KZ LT LU MN XK",
    21: "CH HR LI LV",
    22: "BG BH CR DE GB GE IE ME RS VA",
    23: "AE GI IL IQ OM SO TL",
    24: "AD CZ ES MD PK RO SA SE SK TN VG",
    25: "LY PT ST",
    26: "IS TR",
    27: "BI DJ FR GR IT MC MR SM",
    28: "AL AZ BY CY DO GT HN HU LB NI PL SV",
    29: "BR EG PS QA UA",
    30: "JO KW MU YE",
    31: "MT SC",
    32: "LC",
    33: "RU",
}
_IBAN_LENGTHS = {
    country: length for length, countries in _COUNTRIES_BY_IBAN_LENGTH.items() for country in countries.split()
}
_SEPARATOR = r"[ \u00a0\u2009\u202f-]"
_IBAN_START = re.compile(r"(?<![A-Za-z0-9])[A-Za-z]{2}[0-9]{2}")
_IBAN_REST = {
    length: re.compile(rf"(?:{_SEPARATOR}?[A-Za-z0-9]){{{length - 4}}}(?![A-Za-z0-9])")
    for length in _COUNTRIES_BY_IBAN_LENGTH
}

_CARD_GROUPS = re.compile(rf"(?<![A-Za-z0-9_])(?=\d(?:{_SEPARATOR}?\d){{12}})\d+(?:{_SEPARATOR}\d+)*+(?![A-Za-z0-9])")
_GROUP = re.compile(r"\d+")
#: the numbers that the networks of payment cards give out, by their first digits: a time stamp begins with 20, an ISBN
#: with 97. In order: Visa, Mastercard, American Express, Diners, JCB, Maestro and all others that begin with 6
_CARD = re.compile(
    "4[0-9]{12}(?:[0-9]{3}){0,2}|(?:5[1-5]|2[2-7])[0-9]{14}|3[47][0-9]{13}|3(?:0[0-5]|[689][0-9])[0-9]{11}|35[0-9]{14,17}"
    "|(?:5[06-8]|6[0-9])[0-9]{11,17}"
)

_IPV4 = re.compile(r"(?<![\w.+-])(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?![\w-]|\.[0-9])")
#: all addresses given out so far lie in 2000::/3
_IPV6 = re.compile(r"(?<![\w:.])[23][0-9A-Fa-f]{3}:[0-9A-Fa-f:]{1,34}+(?:(?<=:)(?:[0-9]{1,3}\.){3}[0-9]{1,3})?(?!\w)")

#: no telephone number is shorter, with its country code
_SIX_DIGITS = re.compile(r"\d(?:\D{0,4}\d){5}")
#: "+" or "00" and the code of a country: phonenumbers is asked about texts that have one
_INTERNATIONAL = re.compile(r"[+＋]\s?[(（]?\s?\d")
#: 00 is taken for + where the code of a country stands by itself, as in "0049 30 ..."
_DOUBLE_ZERO = re.compile(r"(?<![\w.+-])00(?=[1-9][0-9]{0,2}[ \u00a0(/-])")
_NUMBER = r"[+＋(（]?\d(?:[ \u00a0()（）/.–-]{0,2}\d){5,14}(?!\w)"
#: what announces a number in the countries' own form: the word with "." or ":", or before a leading 0, "(" or "+"
_ANNOUNCED = re.compile(
    r"((?:(?<!\w)(?:tel|telef[oó]no?|telefone|t[eé]l[eé]phone|phone|fon|fax|whatsapp|hotline|тел|телефон)"
    r"|电话|電話|전화|[☎☏✆📞📱])\ufe0f?"
    rf"(?:\s?[.:：]{{1,2}}\s?|\s?(?=[+＋(（0]|\d(?<=０))))({_NUMBER})",
    re.IGNORECASE,
)

Spans = Iterator[tuple[int, int]]


def mask(text: str, kinds: Collection[str]) -> str:
    """The text with everything of the given kinds replaced by "[email]", "[iban]", "[card]", "[ip]" or "[phone]".

    Idempotent, never raises. What is what:

    - email: anything at a domain, "@" also as "(at)"; not "logo@2x.png".
    - iban: of the length of its country and with a valid check number (ISO 7064, mod 97-10), in groups or not.
    - card: 13 to 19 digits, as many and with such a beginning as a card has, valid by Luhn (ISO/IEC 7812), in groups
      or not.
    - ip: public IPv4 and IPv6 addresses. Private ones lead to nobody; four single digits are a chapter or a version, or
      a public resolver such as 8.8.8.8. "v14.2.30.4" stays too; without its letter it cannot be told from an address.
    - phone: with "+" or "00" and a country code, where phonenumbers calls the number valid; in national form where a
      word such as "Tel." announces it. The language of a page does not tell its country: nothing is guessed from it.
    """
    if not _PERHAPS.search(text):
        return text
    finders = [find for kind, find in _FINDERS if kind in kinds]
    while True:
        # what is taken out may have stood in the way of something beside it; each round leaves fewer digits and "@"
        masked = text
        for find in finders:
            masked = find(masked)
        if masked == text:
            return text
        text = masked


def _email(text: str) -> str:
    return _EMAIL.sub("[email]", text)


def _iban(text: str) -> str:
    return _replaced(text, _ibans(text), "[iban]")


def _ibans(text: str) -> Spans:
    position = 0
    while start := _IBAN_START.search(text, position):
        position = start.end()
        length = _IBAN_LENGTHS.get(start.group()[:2].upper())
        rest = _IBAN_REST[length].match(text, position) if length else None
        if rest is not None and _has_check_number(f"{start.group()}{rest.group()}"):
            position = rest.end()
            yield start.start(), position


def _has_check_number(written: str) -> bool:
    letters = [letter for letter in written.upper() if letter.isalnum()]
    digits = "".join(str(int(letter, 36)) for letter in letters[4:] + letters[:4])
    return int(digits) % 97 == 1


def _card(text: str) -> str:
    return _replaced(text, _cards(text), "[card]")


def _cards(text: str) -> Spans:
    for run in _CARD_GROUPS.finditer(text):
        groups = [group.span() for group in _GROUP.finditer(text, run.start(), run.end())]
        first = 0
        while first < len(groups):
            last = _last_group_of_card(text, groups, first)
            if last is not None:
                yield groups[first][0], groups[last][1]
                first = last
            first += 1


def _last_group_of_card(text: str, groups: list[tuple[int, int]], first: int) -> int | None:
    """Which group ends the card that begins with group `first`, or None: a year may follow it."""
    digits = ""
    for last in range(first, len(groups)):
        start, end = groups[last]
        if len(digits) + end - start > 19:
            return None
        digits += "".join(str(int(digit)) for digit in text[start:end])  # digits of any script
        if _CARD.fullmatch(digits) and _passes_luhn(digits):
            return last
    return None


def _passes_luhn(digits: str) -> bool:
    doubled = [int(digit) * 2 for digit in digits[-2::-2]]
    return (sum(map(int, digits[-1::-2])) + sum(value - 9 if value > 9 else value for value in doubled)) % 10 == 0


def _ip(text: str) -> str:
    if "." in text:
        text = _IPV4.sub(_masked_ipv4, text)
    return _IPV6.sub(_masked_ipv6, text) if ":" in text else text


def _masked_ipv4(found: re.Match[str]) -> str:
    written = found.group()
    return "[ip]" if len(written) > len("8.8.8.8") and _is_public(written) else written


def _masked_ipv6(found: re.Match[str]) -> str:
    written = found.group()
    # "2001:db8::7: a router" ends in a colon of the sentence
    address = written[:-1] if written.endswith(":") and not written.endswith("::") else written
    return f"[ip]{written[len(address) :]}" if _is_public(address) else written


def _is_public(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_global
    except ValueError:
        return False


def _phone(text: str) -> str:
    if not _SIX_DIGITS.search(text):
        return text
    text = _ANNOUNCED.sub(r"\1[phone]", text)
    # one character for one, so that places in it are places in the text
    with_plus = _DOUBLE_ZERO.sub(" +", text)
    if not _INTERNATIONAL.search(with_plus):
        return text
    return _replaced(text, _phones(text, with_plus), "[phone]")


def _phones(text: str, with_plus: str) -> Spans:
    from phonenumbers import Leniency, PhoneNumberMatcher  # noqa: PLC0415 -- 170 ms that few captions need

    for found in PhoneNumberMatcher(with_plus, None, Leniency.VALID):
        start: int = found.start
        yield start - (text[start : start + 1] == "0"), found.end


def _replaced(text: str, spans: Spans, token: str) -> str:
    parts: list[str] = []
    position = 0
    for start, end in spans:
        parts += (text[position:start], token)
        position = end
    return "".join(parts) + text[position:] if parts else text


#: in this order: an IBAN or a card is all digits, and would be a telephone number if that came first
_FINDERS: tuple[tuple[str, Callable[[str], str]], ...] = (
    ("email", _email), ("iban", _iban), ("card", _card), ("ip", _ip), ("phone", _phone),
)  # fmt: skip
