from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.rights.robots import FILE_BYTES, Robots, our_part
from crawler.urls import normalise

US = "pairtrawl"


def allows(body: bytes | str, path: str, token: str = US) -> bool:
    written = body.encode() if isinstance(body, str) else body
    url = normalise(f"http://boats.test{path}")
    assert url
    return Robots(our_part(written, token)).allows(url)


#: what a robots.txt says, a path, and whether we may have it. The facts are those of RFC 9309, section by section, and
#: of the public tests of Google's parser (github.com/google/robotstxt, robots_test.cc) where the RFC leaves it open.
CASES: list[tuple[str, bytes, str, bool]] = [
    # 2.1, 2.2: lines and groups
    ("no file has no rules", b"", "/a", True),
    ("everything is refused", b"User-agent: *\nDisallow: /", "/a", False),
    ("a group without rules allows", b"User-agent: *\nDisallow:", "/a", True),
    ("rules before any group do not count", b"Disallow: /\nUser-agent: *\nDisallow: /b", "/a", True),
    ("names of fields are not case sensitive", b"uSeR-aGeNt: *\ndIsAlLoW: /", "/a", False),
    ("spaces around a colon", b"User-agent : *\nDisallow\t:\t/", "/a", False),
    ("spaces before a line", b"   User-agent: *\n\t Disallow: /", "/a", False),
    ("a forgotten colon", b"user-agent *\ndisallow /", "/a", False),
    ("a forgotten colon, and one in the path", b"User-agent *\nDisallow /a:b", "/a:b", False),
    ("unknown fields are passed over", b"User-agent: *\nfoo: /\nNoindex: /a", "/a", True),
    ("slips of the pen", b"User agent: *\nDissallow: /a\nDisalow: /b", "/b", False),
    ("an empty line does not end a group", b"User-agent: *\n\n\nDisallow: /", "/a", False),
    ("a comment does not end a group", b"User-agent: *\n# hello\nDisallow: / # all", "/a", False),
    ("a Sitemap does not end a group", b"User-agent: *\nSitemap: http://x.test/s\nDisallow: /", "/a", False),
    ("a Sitemap between names does not part them", b"User-agent: *\nSitemap: x\nUser-agent: b\nDisallow: /", "/a", False),
    ("a line nobody knows does not part names", b"User-agent: *\nFoo: x\nUser-agent: b\nDisallow: /", "/a", False),
    ("names on top of each other share rules", b"User-agent: a\nUser-agent: pairtrawl\nUser-agent: b\nDisallow: /", "/a", False),
    ("the list of names ends with a rule", b"User-agent: *\nDisallow: /a\nUser-agent: b\nDisallow: /", "/c", True),
    # its writers mean two groups, and Crawl-delay is a rule to them
    ("the list of names ends with a Crawl-delay", b"User-agent: *\nCrawl-delay: 9\nUser-agent: b\nDisallow: /", "/c", True),
    ("line ends of Unix", b"User-agent: *\nDisallow: /a\nDisallow: /b\n", "/b", False),
    ("line ends of Windows", b"User-agent: *\r\nDisallow: /a\r\nDisallow: /b\r\n", "/b", False),
    ("line ends of old Macs", b"User-agent: *\rDisallow: /a\rDisallow: /b\r", "/b", False),
    ("other line ends are none", b"User-agent: *\nDisallow: /a\x0bDisallow: /b\xc2\x85Disallow: /c", "/b", True),
    # 2.2.1: who is meant
    ("the group with our name", b"User-agent: *\nDisallow: /\nUser-agent: pairtrawl\nDisallow: /b", "/a", True),
    ("and only that group", b"User-agent: *\nDisallow: /a\nUser-agent: pairtrawl\nDisallow: /b", "/a", True),
    ("an empty group with our name allows", b"User-agent: *\nDisallow: /\nUser-agent: pairtrawl\nDisallow:", "/a", True),
    ("wherever it stands", b"User-agent: pairtrawl\nDisallow: /b\nUser-agent: *\nDisallow: /", "/a", True),
    ("our name is not case sensitive", b"User-agent: *\nDisallow:\nUser-agent: PairTrawl\nDisallow: /", "/a", False),
    ("our name with a version", b"User-agent: PairTrawl/9.9\nDisallow: /", "/a", False),
    ("our name with a version and more", b"User-agent: pairtrawl/1 (+http://x)\nDisallow: /", "/a", False),
    ("our name and another word", b"User-agent: pairtrawl images\nDisallow: /", "/a", False),
    ("our name with a star", b"User-agent: pairtrawl*\nDisallow: /", "/a", False),
    ("a beginning of our name is somebody else", b"User-agent: pair\nDisallow: /", "/a", True),
    ("an end of our name is somebody else", b"User-agent: trawl\nDisallow: /", "/a", True),
    ("a longer name is somebody else", b"User-agent: pairtrawl-image\nDisallow: /", "/a", True),
    ("a name with a number is somebody else", b"User-agent: pairtrawl2\nDisallow: /", "/a", True),
    ("our name within a long one", b"User-agent: Mozilla/5.0 (compatible; pairtrawl/1)\nDisallow: /", "/a", True),
    ("groups with our name are merged", b"User-agent: pairtrawl\nDisallow: /a\nUser-agent: *\nAllow: /\nUser-agent: pairtrawl\nDisallow: /b", "/a", False),
    ("groups with our name are merged, the second", b"User-agent: pairtrawl\nDisallow: /a\nUser-agent: *\nAllow: /\nUser-agent: pairtrawl\nDisallow: /b", "/b", False),
    ("groups for everybody are merged", b"User-agent: *\nDisallow: /a\nUser-agent: x\nAllow: /\nUser-agent: *\nDisallow: /b", "/a", False),
    ("others' groups are not ours", b"User-agent: CCBot\nDisallow: /", "/a", True),
    ("a star and a word is everybody", b"User-agent: * # all\nDisallow: /", "/a", False),
    ("a name that is missing names nobody", b"User-agent: *\nDisallow: /a\nUser-agent:\nDisallow: /", "/b", True),
    # 2.2.2: which rule counts
    ("paths are case sensitive", b"User-agent: *\nDisallow: /A", "/a", True),
    ("a path is a beginning", b"User-agent: *\nDisallow: /fish", "/fishheads/yummy.png", False),
    ("a folder is not its name", b"User-agent: *\nDisallow: /fish/", "/fish", True),
    ("a path matches from its start", b"User-agent: *\nDisallow: /fish", "/cat/fish", True),
    ("the longest counts: allow", b"User-agent: *\nDisallow: /x/\nAllow: /x/page.png", "/x/page.png", True),
    ("the longest counts: disallow", b"User-agent: *\nAllow: /x/\nDisallow: /x/page.png", "/x/page.png", False),
    ("order means nothing", b"User-agent: *\nAllow: /p\nDisallow: /", "/page", True),
    ("in a tie allow counts", b"User-agent: *\nDisallow: /folder\nAllow: /folder", "/folder/a", True),
    ("in a tie allow counts, the other way round", b"User-agent: *\nAllow: /folder\nDisallow: /folder", "/folder/a", True),
    ("in a tie allow counts, with a wildcard", b"User-agent: *\nDisallow: /ab\nAllow: /*b", "/ab", True),
    ("in a tie allow counts, with a dollar", b"User-agent: *\nAllow: /a$\nDisallow: /*a", "/a", True),
    ("a dollar counts as length", b"User-agent: *\nAllow: /a\nDisallow: /a$", "/a", False),
    ("wildcards count as length", b"User-agent: *\nAllow: /page\nDisallow: /*.htm", "/page.htm", False),
    ("the query is part of the path", b"User-agent: *\nDisallow: /*?size=", "/a.png?size=9", False),
    ("a path without a slash matches nothing", b"User-agent: *\nDisallow: private", "/private", True),
    ("a path with a space", b"User-agent: *\nDisallow: /a b", "/a%20b", False),
    ("the host is not compared", b"User-agent: *\nDisallow: /boats.test", "/a", True),
    ("two slashes are a path", b"User-agent: *\nDisallow: //a", "//a/b", False),
    # 2.2.2: percent-encoding
    ("letters beyond ASCII, in UTF-8", "User-agent: *\nDisallow: /foo/ツ".encode(), "/foo/%E3%83%84", False),
    ("the same, encoded in the file", b"User-agent: *\nDisallow: /foo/%E3%83%84", "/foo/%e3%83%84", False),
    ("the same, in neither", "User-agent: *\nDisallow: /foo/ツ".encode(), "/foo/ツ", False),
    ("letters beyond ASCII, in Latin-1", b"User-agent: *\nDisallow: /caf\xe9", "/caf%E9", False),
    ("plain letters may be encoded in the file", b"User-agent: *\nDisallow: /%62%61%7A", "/baz", False),
    ("plain letters may be encoded in the address", b"User-agent: *\nDisallow: /baz", "/%62%61%7a", False),
    ("an encoded slash is no slash", b"User-agent: *\nDisallow: /a%2Fb", "/a/b", True),
    ("a path with an encoded slash", b"User-agent: *\nDisallow: /a%2fb", "/a%2Fb", False),
    # 2.2.3: special characters
    ("the hash begins a comment", b"User-agent: *\nDisallow: /foo#bar", "/foo/quz", False),
    ("a star is anything", b"User-agent: *\nDisallow: /foo/*/qux", "/foo/a/b/qux/c", False),
    ("a star is nothing too", b"User-agent: *\nDisallow: /foo*bar", "/foobar", False),
    ("a star at the end changes nothing", b"User-agent: *\nDisallow: /fish*", "/fish", False),
    ("a star in front", b"User-agent: *\nDisallow: *.gif", "/a/b.gif", False),
    ("many stars are one", b"User-agent: *\nDisallow: /***.gif", "/a.gif", False),
    ("a dollar is the end", b"User-agent: *\nDisallow: /*.gif$", "/a.gif", False),
    ("a dollar is the end and nothing beyond", b"User-agent: *\nDisallow: /*.gif$", "/a.gif?b", True),
    ("a dollar for the top alone", b"User-agent: *\nAllow: /$\nDisallow: /", "/a", False),
    ("a star and a dollar take the last place that fits", b"User-agent: *\nDisallow: /*a$", "/banana", False),
    ("an encoded dollar is a dollar", b"User-agent: *\nDisallow: /foo-%24", "/foo-$", False),
    ("a dollar in the middle is a dollar", b"User-agent: *\nDisallow: /a$b", "/a$b/c", False),
    # 2.3: the file itself
    ("robots.txt may always be had", b"User-agent: *\nDisallow: /", "/robots.txt", True),
    ("a page in its place has no rules", b"<!DOCTYPE html><html><head><title>Not found</title></head><body>User-agent: * is<br>\nDisallow: nothing</body></html>", "/a", True),
    ("a byte order mark", b"\xef\xbb\xbfUser-agent: *\nDisallow: /", "/a", False),
    ("half a byte order mark", b"\xef\xbbUser-agent: *\nDisallow: /", "/a", False),
    ("a broken byte order mark costs its line", b"\xef\x11\xbfUser-agent: *\nDisallow: /", "/a", True),
    ("UTF-16 of Windows", "\ufeffUser-agent: *\r\nDisallow: /".encode("utf-16-le"), "/a", False),
    ("UTF-16 the other way round", "\ufeffUser-agent: *\r\nDisallow: /".encode("utf-16-be"), "/a", False),
    ("UTF-16 without its mark", "User-agent: *\r\nDisallow: /".encode("utf-16-le"), "/a", False),
    ("NUL bytes", b"User-\0agent: *\nDisallow: /\0a", "/a", False),
]  # fmt: skip


# checklist 46: wildcards, merged groups, ties, byte order marks, CR alone, an HTML body
@pytest.mark.parametrize(("body", "path", "allowed"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_robots_txt_is_read_as_rfc_9309_says(body: bytes, path: str, allowed: bool) -> None:
    assert allows(body, path) is allowed


def test_a_file_is_read_up_to_512_kib() -> None:  # checklist 46: 600 KiB
    early, late = b"User-agent: *\nDisallow: /early\n", b"Disallow: /late\n"
    filling = b"# a boat\n" * (600 * 1024 // 9)
    assert not allows(early + filling + late, "/early")
    assert allows(early + filling + late, "/late")
    assert not allows(early + filling[: 400 * 1024 // 9 * 9] + late, "/late")


def test_a_file_is_cut_at_a_whole_line() -> None:
    head = b"User-agent: *\nDisallow: /a\n"
    cut_rule = b"Disallow: /boats-only\n"
    filling = b"#" * (FILE_BYTES - len(head) - 1 - len(b"Disallow: /")) + b"\n"
    body = head + filling + cut_rule
    assert body[:FILE_BYTES].endswith(b"Disallow: /")  # which half a line would say
    assert allows(body, "/b")
    assert not allows(body, "/a")


@pytest.mark.parametrize(
    ("lines", "seconds"),
    [
        ("", None),
        ("Crawl-delay: 2", 2.0),
        ("crawl-delay:2.5", 2.5),
        ("Crawl-delay: 1,5", 1.5),
        ("Crawl-delay: 10 # seconds", 10.0),
        ("Crawl-delay: 0", None),
        ("Crawl-delay: -3", None),
        ("Crawl-delay: soon", None),
        ("Crawl-delay: nan", None),
        ("Crawl-delay: 999999999999999999999", 86_400.0),
        ("Crawl-delay: 2\nCrawl-delay: 7\nCrawl-delay: 3", 7.0),
        ("Request-rate: 1/5", 5.0),
        ("Request-rate: 2/1m 0900-1700", 30.0),
        ("Request-rate: 30/1h", 120.0),
        ("Request-rate: 0/5", None),
        ("Request-rate: often", None),
        ("Request-rate: 1/5\nCrawl-delay: 2", 5.0),
        ("Request-rate: 1/5\nCrawl-delay: 20", 20.0),
    ],
)
def test_the_slowest_wish_for_pace_counts(lines: str, seconds: float | None) -> None:
    assert Robots(our_part(f"User-agent: *\n{lines}\n".encode(), US)).crawl_delay_seconds == seconds


def test_pace_is_of_the_group_that_is_ours() -> None:
    body = b"User-agent: *\nCrawl-delay: 9\n\nUser-agent: pairtrawl\nCrawl-delay: 2\n"
    assert Robots(our_part(body, US)).crawl_delay_seconds == 2
    assert Robots(our_part(body, "other")).crawl_delay_seconds == 9


def usage(lines: str, path: str) -> dict[str, bool]:
    return Robots(our_part(f"User-agent: *\n{lines}\n".encode(), US)).usage(f"http://boats.test{path}")


# checklist 49
@pytest.mark.parametrize(
    ("lines", "path", "said"),
    [
        ("Content-Usage: / train-ai=n", "/a", {"train-ai": False}),
        ("Content-Usage: train-ai=n", "/a", {"train-ai": False}),  # the first drafts had no path
        ("content-usage:/ train-ai=n, search=y", "/a", {"train-ai": False, "search": True}),
        ("Content-Usage: / train-ai=n\nContent-Usage: /ai-ok/ train-ai=y", "/a", {"train-ai": False}),
        ("Content-Usage: / train-ai=n\nContent-Usage: /ai-ok/ train-ai=y", "/ai-ok/a", {"train-ai": True}),
        ("Content-Usage: /ai-ok/ train-ai=y\nContent-Usage: / train-ai=n", "/ai-ok/a", {"train-ai": True}),
        ("Content-Usage: /a train-ai=y\nContent-Usage: /a train-ai=n, search=y", "/a", {"train-ai": False, "search": True}),
        ("Content-Usage: /a train-ai=y\nContent-Usage: /%61 train-ai=n", "/a", {"train-ai": False}),
        ("Content-Usage: /ab search=y\nContent-Usage: /a train-ai=n", "/ab", {"search": True}),  # the longest, alone
        ("Content-Usage: /*.png$ train-ai=n", "/a.png", {"train-ai": False}),
        ("Content-Signal: search=yes,ai-train=no", "/a", {"search": True, "train-ai": False}),  # as Cloudflare writes it
        ("Content-signal: /photos/ AI-Train=No", "/photos/a", {"train-ai": False}),
        ("Content-Signal: ai-train=yes, ai-input=no", "/a", {"train-ai": True, "ai-input": False}),
        ("Content-Signal: /a/ai-train=no/ search=no", "/a/ai-train=no/b", {"search": False}),
        ("Content-Usage: /*.png$ train-ai=n", "/a.png?b", {}),
        ("Content-Usage:\t/a\ttrain-ai=n", "/a", {"train-ai": False}),
        ("Content-Usage: /b train-ai=n", "/a", {}),
        ("Content-Usage: / Train-AI=n", "/a", {}),  # no label is written so
        ("Content-Usage: / train-ai=\u00f1", "/a", {}),
        ("Content-Usage: / ===", "/a", {}),
        ("Content-Usage: /", "/a", {}),
        ("Content-Usage:", "/a", {}),
        ("Disallow: /x\nContent-Usage: / train-ai=n\nAllow: /y", "/a", {"train-ai": False}),
    ],
)  # fmt: skip
def test_content_usage_lines_speak_for_the_longest_path(lines: str, path: str, said: dict[str, bool]) -> None:
    answer = usage(lines, path)
    assert {label: allowed for label, allowed in answer.items() if label != "Train-AI"} == said


def test_content_usage_is_no_rule_about_crawling() -> None:
    assert allows("User-agent: *\nContent-Usage: / train-ai=n", "/a")


def test_what_is_kept_of_a_file_is_what_is_about_us() -> None:
    body = b"User-agent: a\nDisallow: /a\n\nUser-agent: *\nCrawl-delay: 2\nDisallow: /b c # d\nContent-Usage: train-ai=n\nSitemap: x\n"
    assert our_part(body, US) == "Crawl-delay: 2\nDisallow: /b%20c\nContent-Usage: / train-ai=n\n"


def test_a_token_that_is_no_name_is_everybody() -> None:
    assert our_part(b"User-agent:\nDisallow: /a\nUser-agent: *\nDisallow: /b", "") == "Disallow: /b\n"


#: each is the worst of its kind that fits into a file; a guard against hanging, not a measurement
HEAVY = {
    "3,000 rules of 40 wildcards": "\n".join(f"Disallow: /{'*a' * 40}{number}" for number in range(3_000)),
    "a file of wildcards": "\n".join(f"Disallow: *{number}" for number in range(60_000)),
    "a file of paths": "\n".join(f"Disallow: /{number}" for number in range(60_000)),
    "patterns that almost match": f"Disallow: *{'a' * 50}b{'a' * 50}\n" * 6_000,
    "patterns that differ": "\n".join(f"Disallow: *{'a' * 50}b{'a' * 50}{number}" for number in range(6_000)),
    "one pattern of wildcards": "Disallow: /" + "*a" * 250_000,
    "usages with wildcards": "\n".join(f"Content-Usage: /{'*a' * 40}{number} train-ai=n" for number in range(3_000)),
    "one line": "Disallow: /" + "a" * 500_000,
    "names": "User-agent: *\n" * 40_000 + "Disallow: /",
    "spaces": "Disallow" + " " * 500_000 + ":/",
    "half a number": "Crawl-delay: " + "1" * 500_000,
}  # fmt: skip


@pytest.mark.parametrize("lines", HEAVY.values(), ids=HEAVY.keys())
def test_no_file_holds_us_up(lines: str) -> None:
    began = time.process_time()
    robots = Robots(our_part(f"User-agent: *\n{lines}\n".encode(), US))
    for _ in range(10):
        robots.allows("http://boats.test/" + "a" * 4_000)
        robots.usage("http://boats.test/" + "a" * 4_000)
    assert time.process_time() - began < 30  # a second at the worst; a pattern gone wild would take minutes


def test_thirty_thousand_paths_are_all_obeyed() -> None:  # there is such a file: docs.oracle.com
    body = b"User-agent: *\n" + b"".join(b"Disallow: /%d/\n" % number for number in range(25_000))
    robots = Robots(our_part(body, US))
    assert [robots.allows(f"http://boats.test/{number}/a") for number in (0, 24_999, 25_000)] == [False, False, True]


@pytest.mark.parametrize("heavy", ["a file of wildcards", "patterns that differ", "usages with wildcards"])
def test_wildcards_beyond_all_measure_refuse_everything(heavy: str) -> None:
    kept = our_part(f"User-agent: *\nCrawl-delay: 3\n{HEAVY[heavy]}".encode(), US)
    assert kept == "Crawl-delay: 3\nDisallow: /\n"


@given(st.binary(max_size=300))
def test_any_bytes_are_a_file(body: bytes) -> None:
    Robots(our_part(body, US)).allows("http://boats.test/a")


_FIELDS = ["User-agent", "Disallow", "Allow", "Crawl-delay", "Request-rate", "Content-Usage", "Sitemap"]
_VALUES = ["pairtrawl", "*", "/", "/a", "$", "%", "%2f", "%41", "ö", "1", "1/5m", "train-ai=n", ","]
_BETWEEN = [":", ": ", " ", "\t", "#", "\n", "\r", "\r\n", "\0", "\ufeff"]
_WORDS = st.sampled_from([*_FIELDS, *_VALUES, *_BETWEEN])
_FILES = st.lists(_WORDS, max_size=40).map("".join)


@given(_FILES)
def test_reading_what_was_kept_again_changes_nothing(written: str) -> None:
    kept = our_part(written.encode(), US)
    assert our_part(f"User-agent: *\n{kept}".encode(), US) == kept
    assert kept.isascii()


@given(_FILES, st.sampled_from(["/", "/a", "/a%2Fb", "/A/", "/?a", "/%41", "/*", "/$", "//a"]))
def test_an_answer_is_the_same_however_lines_end(written: str, path: str) -> None:
    url = f"http://boats.test{path}"
    unix = written.replace("\r\n", "\n").replace("\r", "\n")
    ways = {Robots(our_part(unix.replace("\n", end).encode(), US)).allows(url) for end in ("\n", "\r", "\r\n", "\n\n")}
    assert len(ways) == 1
