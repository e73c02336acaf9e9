"""robots.txt by RFC 9309, for the one crawler that is ours. Pure.

A file is read in two steps. `our_part` takes from its bytes, once, the lines that are about us, in one plain spelling:
that is what a run keeps of a site, whose file may name a hundred other crawlers. `Robots` answers questions about
addresses from those lines.

No library reads the lines for us. protego (0.7) comes close: it takes `User-agent: pair` to mean "pairtrawl", trips
over a byte order mark, counts "?" as three octets where the longest rule wins, and lets a `$` be a dollar. All of that
had to be written around it, and the patterns once more for Content-Usage and tdmrep.json. benchmarks/robots_cases.py
compares us with Google's parser and others on thousands of real files, and says where and why we differ.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator

from crawler.rights.content_usage import most_restrictive, usage_of
from crawler.rights.path_patterns import WILDCARD_CHARACTERS, LongestMatch, path_of

#: what is read of a file; RFC 9309 section 2.5 wants 500 KiB at least
FILE_BYTES = 512 * 1024
_NOTHING_ALLOWED = "Disallow: /\n"

_AGENT, _ALLOW, _DISALLOW, _DELAY, _RATE, _USAGE = "agent", "Allow", "Disallow", "Crawl-delay", "rate", "Content-Usage"
_SIGNAL = "signal"
#: names of fields, with the slips that Google's parser forgives too
_FIELDS = {
    b"user-agent": _AGENT, b"useragent": _AGENT, b"user agent": _AGENT,
    b"allow": _ALLOW,
    b"disallow": _DISALLOW, b"dissallow": _DISALLOW, b"dissalow": _DISALLOW, b"disalow": _DISALLOW,
    b"diasllow": _DISALLOW, b"disallaw": _DISALLOW,
    b"crawl-delay": _DELAY, b"crawldelay": _DELAY, b"crawl delay": _DELAY,
    b"request-rate": _RATE, b"request rate": _RATE,
    b"content-usage": _USAGE,
    b"content-signal": _SIGNAL,
}  # fmt: skip
_LINE_ENDS = re.compile(rb"[\r\n]+")
#: the product that a User-agent line names: a token of RFC 9110, so that "bot" is not "bot2"; then a version, or noise
_PRODUCT = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]*")
_NOT_PLAIN = re.compile(rb"[^\x21-\x7e]+")
_NUMBER = re.compile(rb"\d{0,9}(?:[.,]\d{1,6})?")
_SIGNAL_WORDS = {b"ai-train": b"train-ai", b"=yes": b"=y", b"=no": b"=n"}
_SIGNAL_WORD = re.compile(rb"(?<![\w-])ai-train(?=\s*=)|=(?:yes|no)\b", re.IGNORECASE)
_REQUEST_RATE = re.compile(rb"(\d{1,9})\s*/\s*(\d{1,9})\s*([smhd]?)", re.IGNORECASE)
_UNIT_SECONDS = {b"": 1, b"s": 1, b"m": 60, b"h": 3600, b"d": 86_400}
_LONGEST_DELAY_SECONDS = 86_400.0

_Record = tuple[str, bytes]


def our_part(body: bytes, token: str) -> str:
    """The lines of a robots.txt that are about the crawler with this product token (lower case), in plain spelling.

    Those of all groups that name the token, else of all that name `*`, else none ("" allows everything). One line each,
    `Field: value`, values in ASCII; the slowest of Crawl-delay and Request-rate comes first, as `Crawl-delay`. Reading
    the result again as a group of ours gives the result.

    What is no line of robots.txt is passed over (RFC 9309 section 2.2.4), so an HTML page in its place has no rules. A
    file is UTF-8, or UTF-16 where it begins with that byte order mark; NUL bytes are dropped. Beyond `FILE_BYTES` it is
    cut at the last whole line. Wildcards beyond all measure (`WILDCARD_CHARACTERS`) are taken for "Disallow: /": they
    cannot be looked through for every image, and whoever writes so many wants few visitors. Never raises.
    """
    lines: dict[str, None] = {}  # in order, each once
    slowest = 0.0
    for field, value in _about(token, _records(_readable(body))):
        if field in (_DELAY, _RATE):
            slowest = max(slowest, _crawl_delay(value) if field == _DELAY else _rate_delay(value))
        elif field == _SIGNAL:
            if line := _usage_line(_as_usage(value)):
                lines[f"{_USAGE}: {line}\n"] = None
        elif line := _usage_line(value) if field == _USAGE else _plain(value):
            lines[f"{field}: {line}\n"] = None
    pace = f"{_DELAY}: {min(slowest, _LONGEST_DELAY_SECONDS):.6g}\n" if slowest else ""
    if sum(len(line) for line in lines if "*" in line) > WILDCARD_CHARACTERS:
        return pace + _NOTHING_ALLOWED
    return pace + "".join(lines)


def _readable(body: bytes) -> bytes:
    """The octets to read: no byte order mark, not too many, nothing else changed but NULs."""
    if len(body) > FILE_BYTES:
        end = max(body.rfind(b"\n", 0, FILE_BYTES), body.rfind(b"\r", 0, FILE_BYTES))
        body = body[: end + 1]
    if body.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        body = body.decode("utf-16", "replace").encode("utf-8", "replace")
    for mark in (b"\xef\xbb\xbf", b"\xef\xbb", b"\xef"):  # Google forgives half a mark too
        if body.startswith(mark):
            body = body[len(mark) :]
            break
    return body.replace(b"\0", b"")


def _records(text: bytes) -> Iterator[_Record]:
    """The known fields with their values, in order."""
    for line in _LINE_ENDS.split(text):
        written = line.partition(b"#")[0].strip()
        if written and (record := _record(written)):
            yield record


def _record(written: bytes) -> _Record | None:
    """The field and value of one line without comment; None where it has no field that we know."""
    name, colon, value = written.partition(b":")
    if colon:
        field = _FIELDS.get(name.lower()) or _FIELDS.get(b" ".join(name.lower().split()))
        if field is not None:
            return field, value.strip()
    for count in (1, 2):  # "Disallow /cats:and:dogs": the colon was forgotten
        words = written.split(None, count)
        field = _FIELDS.get(b" ".join(words[:count]).lower())
        if field is not None:
            return field, words[count] if len(words) > count else b""
    return None


def _about(token: str, records: Iterator[_Record]) -> list[_Record]:
    """The records of the groups for this token, else of those for everybody (RFC 9309 section 2.2.1).

    A group is opened by User-agent lines, and its list of names ends with the first rule. Lines that are no rules, such
    as Sitemap, do not end it; Crawl-delay does: it is a rule to those who write it and to us.
    """
    groups: dict[bytes, list[_Record]] = {}
    ours = token.encode("utf-8", "replace")
    open_groups: list[list[_Record]] = []
    names_ended = False
    for field, value in records:
        if field != _AGENT:
            names_ended = True
            for group in open_groups:
                group.append((field, value))
            continue
        if names_ended:
            open_groups, names_ended = [], False
        name = _name(value)
        if name and name in (ours, b"*"):
            group = groups.setdefault(name, [])
            if not any(group is one for one in open_groups):
                open_groups.append(group)
    return groups.get(ours, groups.get(b"*", []))


def _name(value: bytes) -> bytes:
    """The product token that a User-agent line names, in lower case; `*` is everybody."""
    found = _PRODUCT.match(value)
    product = found[0].lower() if found else b""
    return product.strip(b"*") or product[:1]  # "pairtrawl*" means us, and only the RFC minds


def _plain(value: bytes) -> str:
    """A value in ASCII: all else percent-encoded, octet by octet (RFC 9309 section 2.2.2). "" is no rule."""
    return _NOT_PLAIN.sub(_escaped, value).decode("ascii")


def _escaped(octets: re.Match[bytes]) -> bytes:
    return b"".join(b"%%%02X" % octet for octet in octets[0])


def _usage_line(value: bytes) -> str:
    """A Content-Usage value with its path, "/" where it has none; "" where it cannot be read."""
    spaced = value.replace(b"\t", b" ")
    path, _, usage = spaced.partition(b" ") if spaced.startswith(b"/") else (b"/", b"", spaced)
    text = usage.decode("ascii", "replace").strip()
    return f"{_plain(path)} {text}" if text.isascii() and text.isprintable() and text else ""


def _as_usage(value: bytes) -> bytes:
    """A Content-Signal value as a Content-Usage one: `search=yes, ai-train=no` says `search=y, train-ai=n`.

    The form that Cloudflare writes into the robots.txt of its customers (contentsignals.org): a path may stand first,
    then names and "yes" or "no", in any case. `ai-input` is about answers, not training, and is passed on as it is.
    """
    end = len(value.split(maxsplit=1)[0]) if value.startswith(b"/") else 0  # of the path
    return value[:end] + _SIGNAL_WORD.sub(lambda found: _SIGNAL_WORDS[found[0].lower()], value[end:])


def _crawl_delay(value: bytes) -> float:
    found = _NUMBER.match(value)
    number = found[0].replace(b",", b".") if found else b""
    return float(number) if number else 0.0


def _rate_delay(value: bytes) -> float:
    """Seconds between two requests, of "requests/seconds" with an optional unit; the time of day is not looked at."""
    found = _REQUEST_RATE.match(value)
    if not found or not int(found[1]):
        return 0.0
    return int(found[2]) * _UNIT_SECONDS[found[3].lower()] / int(found[1])


class Robots:
    """What a site asks of us. `text` is `our_part` of its robots.txt; "" asks nothing."""

    __slots__ = ("_rules", "_usages", "crawl_delay_seconds")

    def __init__(self, text: str) -> None:
        #: between the starts of two requests; None where it does not say
        self.crawl_delay_seconds: float | None = None
        rules: list[tuple[str, bool]] = []
        usages: list[tuple[str, dict[str, bool]]] = []
        for line in text.splitlines():
            field, _, value = line.partition(": ")
            if field == _DELAY:
                self.crawl_delay_seconds = float(value)
            elif field == _USAGE:
                path, _, usage = value.partition(" ")
                usages.append((path, usage_of([usage])))
            else:
                rules.append((value, field == _ALLOW))
        self._rules = LongestMatch(rules)
        self._usages = LongestMatch(usages)

    def allows(self, url: str) -> bool:
        """Whether this absolute http or https address, normalised, may be asked for. /robots.txt always may."""
        if not self._rules:
            return True
        path = path_of(url)
        matching = self._rules.of(path)
        return any(matching) or not matching or path.partition("?")[0] == "/robots.txt"

    def usage(self, url: str) -> dict[str, bool]:
        """The preferences for this address by Content-Usage lines, as `usage_of` has them.

        Those of the longest path count; where several are as long, each speaks for itself and a no counts.
        """
        return most_restrictive(*self._usages.of(path_of(url))) if self._usages else {}
