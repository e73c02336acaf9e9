"""Our reading of robots.txt beside others', on a folder of real files.

    python benchmarks/robots_cases.py FOLDER [--warc ARCHIVE ...] [--peers FOLDER] [--show 3]

FOLDER holds one robots.txt a file, under any name: the source distribution of protego has 4,231 of them in
tests/test_data. Each file is asked, as several crawlers, about fixed addresses and about such as its own rules name.
Peers are taken where they are installed, in the environment or under --peers: jwm.robotstxt (Google's own parser),
protego, robotspy. Nothing is fetched.

A difference is put down to the first kind that explains it: the file or the address is changed so that this kind cannot
matter, and both are asked again. What stays is printed whole.
"""

from __future__ import annotations

import argparse
import importlib
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from crawler.rights.path_patterns import path_of
from crawler.rights.robots import FILE_BYTES, Robots, our_part
from crawler.urls import normalise

TOKENS = ("pairtrawl", "googlebot-image", "ccbot")
FIXED = ("/", "/images/boat.jpg", "/robots.txt", "/search?q=a", "/uploads/2020/01/a%20b.png", "/a/b/c.gif?x=1")
_RULE = re.compile(rb"(?im)^([ \t]*(?:dis)?allow[ \t]*:)[ \t]*([^#\r\n]*)")

#: body, token, address -> allowed
Reader = Callable[[bytes, str, str], bool]


def ours() -> Reader:
    """Our own reading; the last file is kept parsed, as in a crawl."""
    known: dict[tuple[bytes, str], Robots] = {}

    def read(body: bytes, token: str, url: str) -> bool:
        if (body, token) not in known:
            known.clear()
            known[body, token] = Robots(our_part(body, token))
        return known[body, token].allows(url)

    return read


def google() -> Reader:
    """Google's parser, in a binding."""
    bound = importlib.import_module("jwm.robotstxt.googlebot")

    def read(body: bytes, token: str, url: str) -> bool:
        return bool(bound.RobotsMatcher().OneAgentAllowedByRobots(body.decode("utf-8", "replace"), token, url))

    return read


def protego() -> Reader:
    """Protego as it comes."""
    return _parsed_once(
        importlib.import_module("protego").Protego.parse, lambda rules, token, url: rules.can_fetch(url, token)
    )


def robotspy() -> Reader:
    """Robotspy as it comes."""
    return _parsed_once(
        importlib.import_module("robots").RobotsParser.from_string,
        lambda rules, token, url: rules.can_fetch(token, url),
    )


def _parsed_once(parse: Callable[[str], Any], ask: Callable[[Any, str, str], object]) -> Reader:
    known: dict[bytes, Any] = {}

    def read(body: bytes, token: str, url: str) -> bool:
        if body not in known:
            known.clear()
            known[body] = parse(body.decode("utf-8", "replace"))
        return bool(ask(known[body], token, url))

    return read


PEERS: dict[str, Callable[[], Reader]] = {"Google": google, "protego": protego, "robotspy": robotspy}


def addresses(body: bytes) -> list[str]:
    """What the file is asked about: fixed addresses, and some that its rules name."""
    written = [match[2].strip().decode("utf-8", "replace") for match in _RULE.finditer(body.replace(b"\r", b"\n"))]
    patterns = [one for one in written if one.startswith(("/", "*"))]
    paths = list(FIXED)
    for pattern in patterns[:: max(1, len(patterns) // 15)][:20]:
        for fill in ("", "x"):
            path = "/" * (not pattern.startswith("/")) + pattern.replace("*", fill).removesuffix("$")
            paths += [path, path + "x.jpg"]
    return [url for path in dict.fromkeys(paths) if (url := normalise(f"http://boats.test{path}"))]


# --- kinds of differences: how to change a file and an address so that the kind cannot matter

Changed = tuple[bytes, str]


def _without(pattern: bytes) -> Callable[[bytes, str], Changed]:
    return lambda body, url: (re.sub(pattern, b"", body), url)


def _spelled(body: bytes, url: str) -> Changed:
    """Paths of rules and address in one spelling: escapes made where RFC 3986 wants them, undone where it does not."""

    def rule(match: re.Match[bytes]) -> bytes:
        pattern = match[2].strip()
        parts = [
            path_of(f"http://x/{part.decode('utf-8', 'replace')}")[1:]
            for part in pattern.removesuffix(b"$").split(b"*")
        ]
        return match[1] + b" " + "*".join(parts).encode() + b"$" * pattern.endswith(b"$")

    return _RULE.sub(rule, body), f"http://boats.test{path_of(url)}"


def _plain_question(body: bytes, url: str) -> Changed:
    """No reserved characters that a reader may count as three octets."""
    reserved = re.compile(rb"[?&=;,+!'()@:%\[\]]")
    return _RULE.sub(
        lambda rule: rule[1] + b" " + reserved.sub(b"q", rule[2]), body
    ), "http://boats.test" + reserved.sub(b"q", url.removeprefix("http://boats.test").encode()).decode()


KINDS: dict[str, Callable[[bytes, str], Changed]] = {
    "robots.txt itself (always allowed to us)": lambda body, url: (body, url.replace("/robots.txt", "/other.txt")),
    "rules behind 512 KiB (not read by us)": lambda body, url: (body[:FILE_BYTES].rpartition(b"\n")[0], url),
    "byte order mark": lambda body, url: (body.removeprefix(b"\xef\xbb\xbf"), url),
    "spelling of escapes": _spelled,
    "Crawl-delay ends a list of names (to us)": _without(rb"(?im)^[ \t]*(crawl-?[ ]?delay|request-rate|visit-time)\b[^\r\n]*"),
    "unknown lines end a list of names (to them)": _without(rb"(?im)^(?![ \t]*(user-?[ ]?agent|allow|disallow)\b)[^\r\n]+"),
    "'?' and its like counted as three octets (by them)": _plain_question,
    "index.html stands for its folder (to them)": _without(rb"index\.html?"),
    "'$' may be a dollar (to them)": _without(rb"\$"),
    "two slashes are one (to them)": lambda body, url: (
        _RULE.sub(lambda rule: rule[1] + b" " + re.sub(rb"//+", b"/", rule[2]), body), re.sub(r"(?<!:)//+", "/", url)),
    "a beginning of a name is the name (to them)": _without(rb"(?im)^[ \t]*user-?[ ]?agent[ \t]*:[ \t]*(google(bot)?|ccbo|cc)[ \t]*(#[^\r\n]*)?[\r\n]+"),
    "names: a version, a star, noise": lambda body, url: (
        re.sub(rb"(?im)^([ \t]*user-?[ ]?agent[ \t]*:[ \t]*)(\*|[a-z_-]*)[^\r\n]*", rb"\1\2", body), url),
}  # fmt: skip


def explained(body: bytes, token: str, url: str, us: Reader, peer: Reader) -> str:
    """The first kind without which there is no difference; else, if all of them together are one; or ""."""
    without_all = body, url
    for kind, change in KINDS.items():
        changed, address = change(body, url)
        if (changed, address) != (body, url) and us(changed, token, address) == peer(changed, token, address):
            return kind
        without_all = change(*without_all)
    changed, address = without_all
    return "several of these at once" if us(changed, token, address) == peer(changed, token, address) else ""


def compare(bodies: list[tuple[str, bytes]], name: str, peer: Reader, show: int) -> None:
    """Print how often we and the peer differ, by kind; what nothing explains with its file and address."""
    us = ours()
    kinds: Counter[str] = Counter()
    files: dict[str, set[str]] = {}
    asked = 0
    for file, body in bodies:
        for token in TOKENS:
            for url in addresses(body):
                asked += 1
                our_word, their_word = us(body, token, url), peer(body, token, url)
                if our_word == their_word:
                    continue
                way = "we allow" if our_word else "we refuse"
                kind = explained(body, token, url, ours(), peer) or "NOT EXPLAINED"
                kinds[f"{kind}; {way}"] += 1
                files.setdefault(f"{kind}; {way}", set()).add(file)
                if kind == "NOT EXPLAINED" and kinds[f"{kind}; {way}"] <= show:
                    print(f"    {file} as {token}: {url} {way}")
    print(
        f"\n{name}: {asked:,} questions, {sum(kinds.values()):,} differences in {len(set().union(*files.values())):,} files"
    )
    for kind, number in kinds.most_common():
        print(f"  {number:7,} in {len(files[kind]):4,} files  {kind}")


def speed(bodies: list[tuple[str, bytes]]) -> None:
    """Print what reading costs us."""
    began = time.perf_counter()
    parts = [our_part(body, "pairtrawl") for _, body in bodies]
    reduced = time.perf_counter()
    rules = [Robots(part) for part in parts]
    parsed = time.perf_counter()
    for one in rules:
        one.allows("http://boats.test/images/2026/boat.jpg")
    allowed = time.perf_counter()
    steps = {"our part": reduced - began, "parse": parsed - reduced, "allows": allowed - parsed}
    print(f"{len(bodies):,} files, {sum(len(body) for _, body in bodies):,} bytes, {sum(map(len, parts)):,} kept")
    print(
        "a file on average: " + ", ".join(f"{step} {1e6 * took / len(bodies):.0f} us" for step, took in steps.items())
    )


def from_warc(path: Path) -> Iterator[tuple[str, bytes]]:
    """The robots.txt in an archive of Common Crawl's robotstxt kind."""
    from warcio.archiveiterator import ArchiveIterator

    with path.open("rb") as file:
        for record in ArchiveIterator(file):
            if record.rec_type == "response" and record.http_headers.get_statuscode() == "200":
                yield record.rec_headers.get_header("WARC-Target-URI"), record.content_stream().read()


def main() -> None:
    """Compare with every peer that is there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--warc", type=Path, nargs="*", default=[])
    parser.add_argument("--peers", type=Path, help="a folder made by pip install --target")
    parser.add_argument("--show", type=int, default=3, help="differences that nothing explains, printed a peer and way")
    args = parser.parse_args()
    bodies = [(path.name, path.read_bytes()) for path in sorted(args.folder.iterdir())] if args.folder else []
    bodies += [case for archive in args.warc for case in from_warc(archive)]
    if not bodies:
        parser.error("no robots.txt: name a folder or an archive")
    speed(bodies)
    if args.peers:
        sys.path.append(str(args.peers))
    for name, make in PEERS.items():
        try:
            peer = make()
        except ImportError as error:
            print(f"\n{name}: SKIPPED, not installed ({error})")
            continue
        compare(bodies, name, peer, args.show)


if __name__ == "__main__":
    main()
