"""Makes `workers/demo/data` from the shared corpus: archives, pictures, planted truth. Same corpus, same bytes.

Usage: python benchmarks/make_demo_data.py CORPUS OUT     (CORPUS holds offline-web.tar.xz and common-crawl-form/)

Only the MIT part is taken: the emoji pages without the country flags. To it come pages of our own (`demo-*.test`) whose
pictures go wrong, each in its own way, and each saying in its caption which.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import io
import json
import struct
import tarfile
import uuid
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import imagehash
from PIL import Image

CRAWL = "CC-MAIN-20261121000000-20261121030000"
WARC_HOSTS = (("emoji-en.test", "mixup-en.test"), ("emoji-fr.test", "emoji-ru.test"))
WAT_HOSTS = ("emoji-de.test", "mixup-de.test")
CDN = "emoji-cdn.test"
MIN_CHARACTERS = 5  # of the recipe's text_length
DATE = "2026-11-21T21:00:00Z"
NAMES = uuid.UUID("2b6bbd3c-9d4c-5a26-8a2f-6f0d7a3d6a11")
REQUEST = (
    "GET {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: CCBot/2.0 (https://commoncrawl.org/faq/)\r\n"
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\nAccept-Language: en-US,en;q=0.5\r\n"
    "Accept-Encoding: br,gzip\r\nConnection: Keep-Alive\r\n\r\n"
)


@dataclass(frozen=True, slots=True)
class Odd:
    """One picture of our own pages: where it is said to be, what its caption says, and how it must end."""

    page: str
    url: str
    text: str
    outcome: str  # "kept", or the reason: a Fault or a filter's file name


ODD = (
    Odd("answers", "http://demo-odd.test/teddy.png", "teddy bear, served as it should be", "kept"),
    Odd("answers", f"http://demo-odd.test/to/{CDN}/1f33b.webp", "sunflower behind a redirect", "kept"),
    Odd("answers", "http://demo-odd.test/status/404/lamp.png", "a lamp that is missing: 404", "http_gone"),
    Odd("answers", "http://demo-odd.test/status/410/chair.png", "a chair that is gone for good: 410", "http_gone"),
    Odd("answers", "http://demo-odd.test/status/403/vault.png", "a vault that is locked: 403", "http_forbidden"),
    Odd("answers", "http://demo-busy.test/status/429/bee.png", "a bee whose server is busy: 429", "http_rate_limited"),
    Odd("answers", "http://demo-broken.test/status/500/mug.png", "a mug its server dropped: 500", "http_server_error"),
    Odd("answers", "http://demo-odd.test/status/418/pot.png", "a teapot, says the server: 418", "http_other"),
    Odd("answers", "http://demo-odd.test/html/book.png", "a book, but the answer is a web page", "not_an_image"),
    Odd("answers", "http://demo-odd.test/empty/box.png", "a box that is empty: no bytes", "body_empty"),
    Odd("network", "http://demo-odd.test/to/192.168.0.1/router.png",
        "a redirect into somebody's home network", "address_refused"),
    Odd("network", "http://169.254.169.254/latest/meta-data/cloud.png",
        "a link to a cloud machine's secrets", "address_refused"),
    Odd("network", "http://demo-odd.test:6379/safe.png", "a safe behind a port that is no web's", "url_refused"),
    Odd("network", "http://demo-rebound.test/door.png",
        "a door whose name leads into a home network", "address_refused"),
    Odd("network", "http://demo-odd.test/loop/snail.png", "a snail that redirects to itself", "too_many_redirects"),
    Odd("network", "http://demo-slow.test/slow/7/teddy.png", "a teddy bear that comes too late", "timeout"),
    Odd("network", "http://demo-odd.test/short/train.jpg", "a train that arrives in part: cut body", "body_truncated"),
    Odd("network", "http://demo-odd.test/garbled/code.png", "a secret code: not the gzip it says", "bad_encoding"),
    Odd("network", "http://demo-odd.test/endless/road.png", "a road without end: over the limit", "body_too_large"),
    Odd("network", "http://demo-odd.test/hangup/phone.png", "a phone: the server hangs up at once", "connect_failed"),
    Odd("network", "http://demo-odd.test/babble/letter.png", "a letter: this is a mail server", "protocol_error"),
    Odd("rights", "http://demo-private.test/robin.png", "a robin behind a robots.txt that says no", "robots_refused"),
    Odd("rights", "http://demo-unknown.test/clock.png", "a clock whose robots.txt is out of order", "robots_unknown"),
    Odd("rights", "http://demo-reserved.test/harp.png", "a harp that tdmrep.json reserves", "site_opted_out"),
    Odd("rights", "http://demo-odd.test/said/noai/teddy.png", "a teddy bear that comes with noai", "image_opted_out"),
    Odd("noai", "http://demo-odd.test/teddy.png", "a teddy bear on a page that says noai", "page_opted_out"),
    Odd("files", "http://demo-odd.test/cmyk.jpg", "wrapped gift, stored as a CMYK JPEG", "kept"),
    Odd("files", "http://demo-odd.test/sixteen.png", "anchor with 16 bits a channel", "kept"),
    Odd("files", "http://demo-odd.test/alpha.png", "cupcake with a transparent background", "kept"),
    Odd("files", "http://demo-odd.test/turned.jpg", "flamingo lying on its side until EXIF turns it upright", "kept"),
    Odd("files", "http://demo-odd.test/palette.gif", "monorail with a palette of 64 colours", "kept"),
    Odd("files", "http://demo-odd.test/cut.jpg", "an apple of which half the file is missing", "image_broken"),
    Odd("files", "http://demo-odd.test/bomb.png", "a bomb: 18 KB unfold to 144 million pixels", "too_many_pixels"),
    Odd("files", "http://demo-odd.test/drawing.svg", "a drawing that is no raster image: SVG", "not_an_image"),
    Odd("files", "http://demo-odd.test/small.png", "a picture too small to show anything", "min_side"),
    Odd("files", "http://demo-odd.test/wide.png", "a banner much wider than high", "aspect"),
    Odd("lists", "http://www.demo-removed.test/fence.png", "a fence on a site that asked to be out", "url_removal"),
    Odd("lists", "http://demo-odd.test/removed.png", "a picture whose owner asked to have it out", "hash_removal"),
    Odd("lists", "http://demo-odd.test/resembling.jpg",
        "a removed picture, made smaller and saved again", "phash_removal"),
    Odd("lists", "http://demo-odd.test/resembling.webp",
        "a removed picture, saved again in another format", "phash_removal"),
    Odd("texts", "http://demo-odd.test/teddy.png", "bear", "text_length"),
    Odd("texts", "http://demo-odd.test/teddy.png", "a traffic light at a crossing in the rain", "clip_similarity"),
)  # fmt: skip
#: linked once more with the same words: the second row of the pair is a duplicate
AGAIN = Odd("texts", "http://demo-odd.test/teddy.png", "teddy bear, served as it should be", "kept")
PAGES = {
    "answers": "What a server may answer",
    "network": "What may happen on the way",
    "rights": "What sites and answers ask for",
    "noai": "A page that keeps its pictures",
    "files": "What may be in a file",
    "lists": "What somebody asked to have out",
    "texts": "What words may say",
}
#: what these pages say of themselves
METAS = {"noai": '<meta name="robots" content="noai, noimageai">'}


# --- pictures ---------------------------------------------------------------------------------------------------------


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    """The image as a file of this kind."""
    out = io.BytesIO()
    image.save(out, format=kind, **options)
    return out.getvalue()


def on_white(image: Image.Image) -> Image.Image:
    """The image without transparency."""
    white = Image.new("RGBA", image.size, "white")
    white.alpha_composite(image.convert("RGBA"))
    return white.convert("RGB")


def quilt(seed: int) -> Image.Image:
    """A picture of our own: soft patches from a fixed sequence; seeds look different to pHash, copies of one alike."""
    image = Image.new("RGB", (6, 6))
    for place in range(36):
        number = hashlib.sha256(f"{seed} {place}".encode()).digest()
        image.putpixel((place % 6, place // 6), (number[0], number[1], number[2]))
    return image.resize((200, 200), Image.Resampling.BICUBIC)


def png(width: int, height: int, depth: int, color: int, rows: Iterator[bytes]) -> bytes:
    """A PNG file written by hand: what Pillow does not write (16 bits a channel) or should not hold in memory."""
    squeeze = zlib.compressobj(9)
    data = b"".join(squeeze.compress(b"\0" + row) for row in rows) + squeeze.flush()
    head = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", data), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(block)) + name + block + struct.pack(">I", zlib.crc32(name + block))
        for name, block in chunks
    )


def odd_files(emoji: dict[str, bytes]) -> dict[str, bytes]:
    """The pictures of demo-odd.test, by path in the zip."""

    def picture(code: str, side: int = 128) -> Image.Image:
        return (
            Image.open(io.BytesIO(emoji[f"{code}.webp"])).convert("RGBA").resize((side, side), Image.Resampling.LANCZOS)
        )

    anchor = on_white(picture("2693", 96))
    flamingo = on_white(picture("1f9a9"))
    exif = Image.Exif()
    exif[0x0112] = 6  # Orientation: turn 90 degrees clockwise to see it upright
    half = saved(quilt(5), "JPEG", quality=90)
    named = {
        "teddy.png": saved(on_white(picture("1f9f8")), "PNG"),
        "cmyk.jpg": saved(on_white(picture("1f381")).convert("CMYK"), "JPEG", quality=92),
        "sixteen.png": png(96, 96, 16, 2, (
            b"".join(bytes((part, 0)) for part in anchor.crop((0, y, 96, y + 1)).tobytes()) for y in range(96))),
        "alpha.png": saved(picture("1f9c1"), "PNG"),
        "turned.jpg": saved(flamingo.transpose(Image.Transpose.ROTATE_90), "JPEG", quality=92, exif=exif),
        "palette.gif": saved(on_white(picture("1f69d")).quantize(64), "GIF"),
        "cut.jpg": half[: len(half) // 2],
        "bomb.png": png(12_000, 12_000, 1, 0, (bytes(1_500) for _ in range(12_000))),
        "drawing.svg": b'<svg xmlns="http://www.w3.org/2000/svg" width="90" height="90"><circle r="40"/></svg>',
        "small.png": saved(on_white(picture("1f9f8", 16)), "PNG"),
        "wide.png": saved(quilt(6).resize((600, 100)), "PNG"),
        "removed.png": saved(quilt(1), "PNG"),
        "resembling.jpg": saved(quilt(2).resize((140, 140), Image.Resampling.LANCZOS), "JPEG", quality=60),
        "resembling.webp": saved(quilt(3), "WEBP", quality=50),
    }  # fmt: skip
    return {f"demo-odd.test/{name}": body for name, body in named.items()}


# --- archives ---------------------------------------------------------------------------------------------------------


def gzip_member(content: bytes) -> bytes:
    """One gzip member without name and time."""
    squeeze = zlib.compressobj(9, zlib.DEFLATED, -15)
    body = squeeze.compress(content) + squeeze.flush()
    return b"\x1f\x8b\x08\0\0\0\0\0\0\0" + body + struct.pack("<II", zlib.crc32(content), len(content))


def gzip_members(data: bytes) -> Iterator[bytes]:
    """The content of each member of a gzip file."""
    while data:
        one = zlib.decompressobj(31)
        yield one.decompress(data)
        data = one.unused_data


def digest(block: bytes) -> str:
    """A WARC digest: sha1 in base 32."""
    return "sha1:" + base64.b32encode(hashlib.sha1(block, usedforsecurity=False).digest()).decode()


def identifier(name: str) -> str:
    """A WARC record id that is the same in every run."""
    return f"<urn:uuid:{uuid.uuid5(NAMES, name)}>"


def record(kind: str, name: str, content_type: str, block: bytes, *further: tuple[str, str]) -> bytes:
    """One WARC record, not yet compressed."""
    lines = [("WARC-Type", kind), ("WARC-Date", DATE), ("WARC-Record-ID", identifier(name)),
             ("Content-Length", str(len(block))), ("Content-Type", content_type), *further]  # fmt: skip
    return (
        "".join(["WARC/1.0\r\n", *(f"{key}: {value}\r\n" for key, value in lines), "\r\n"]).encode()
        + block
        + b"\r\n\r\n"
    )


def warcinfo(name: str) -> bytes:
    """The first record of the WARC file `name`."""
    block = ("isPartOf: CC-MAIN-2026-47\r\npublisher: pairtrawl\r\ndescription: demo, crawled on loopback\r\n"
             "operator: none\r\nhostname: localhost\r\nsoftware: wget; make_demo_data.py\r\nrobots: wget\r\n"
             "format: WARC File Format 1.1\r\n\r\n")  # fmt: skip
    return record("warcinfo", f"{name} warcinfo", "application/warc-fields", block.encode(), ("WARC-Filename", name))


def capture(url: str, html: bytes, info: str) -> list[bytes]:
    """Request, response and metadata of one page of our own, as Common Crawl writes them."""
    parts = urlsplit(url)
    request = REQUEST.format(path=parts.path, host=parts.hostname).encode()
    response = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n" % len(html) + html
    metadata = b"fetchTimeMs: 1\r\ncharset-detected: UTF-8\r\nlanguages-cld2: {}\r\n\r\n"
    request_id, response_id = identifier(f"request {url}"), identifier(f"response {url}")
    base = ("WARC-Warcinfo-ID", info), ("WARC-Target-URI", url)
    return [
        record("request", f"request {url}", "application/http; msgtype=request", request, *base,
               ("WARC-IP-Address", "127.0.0.1"), ("WARC-Block-Digest", digest(request))),
        record("response", f"response {url}", "application/http; msgtype=response", response, *base,
               ("WARC-Concurrent-To", request_id), ("WARC-IP-Address", "127.0.0.1"),
               ("WARC-Payload-Digest", digest(html)), ("WARC-Block-Digest", digest(response)),
               ("WARC-Identified-Payload-Type", "text/html")),
        record("metadata", f"metadata {url}", "application/warc-fields", metadata, *base,
               ("WARC-Concurrent-To", response_id), ("WARC-Block-Digest", digest(metadata))),
    ]  # fmt: skip


def odd_pages() -> dict[str, bytes]:
    """Our own pages by address."""
    pages = {}
    for page, title in PAGES.items():
        pictures = "".join(
            f'<figure><img src="{escape(odd.url)}" alt="{escape(odd.text)}"></figure>\n'
            for odd in (*ODD, AGAIN)
            if odd.page == page
        )
        html = f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">{METAS.get(page, "")}'
        html += f"<title>{title}</title></head><body>\n"
        pages[f"http://demo-odd.test/{page}.html"] = (f"{html}<h1>{title}</h1>\n{pictures}</body></html>\n").encode()
    return pages


def header(content: bytes, name: bytes) -> str:
    """A WARC header of a record, or ""."""
    for line in content.partition(b"\r\n\r\n")[0].split(b"\r\n"):
        if line.lower().startswith(name.lower() + b":"):
            return line.partition(b":")[2].strip().decode()
    return ""


def wanted(url: str, hosts: tuple[str, ...]) -> bool:
    """Pages of these hosts, without the country flags, whose pictures have another source and licence."""
    parts = urlsplit(url)
    return parts.hostname in hosts and not parts.path.startswith("/group-9")


def taken(crawl: Path, hosts: tuple[str, ...], info: str) -> list[tuple[str, bytes]]:
    """(record id, record) of the corpus crawl's captures of these hosts, now belonging to the warcinfo `info`."""
    captures: dict[str, list[bytes]] = {}
    for path in sorted(crawl.glob("segments/*/warc/*.warc.gz")):
        for content in gzip_members(path.read_bytes()):
            url = header(content, b"WARC-Target-URI")
            if wanted(url, hosts):
                old = header(content, b"WARC-Warcinfo-ID").encode()
                captures.setdefault(url, []).append(content.replace(old, info.encode(), 1))
    order = sorted(captures, key=lambda url: (urlsplit(url).hostname, urlsplit(url).path))
    return [(header(content, b"WARC-Record-ID"), content) for url in order for content in captures[url]]


def envelopes(crawl: Path) -> dict[str, dict[str, Any]]:
    """The corpus's WAT records (Common Crawl's own extractor made them) by the id of the record they describe."""
    found = {}
    for path in sorted(crawl.glob("segments/*/wat/*.warc.wat.gz")):
        for content in gzip_members(path.read_bytes()):
            refers = header(content, b"WARC-Refers-To")
            if refers and wanted(header(content, b"WARC-Target-URI"), WAT_HOSTS):
                found[refers] = json.loads(content.partition(b"\r\n\r\n")[2])
    return found


def wat_file(name: str, records: list[tuple[str, bytes]], known: dict[str, dict[str, Any]]) -> bytes:
    """The WAT file of a WARC file `name` made of these records: the same envelopes, at their places in that file."""
    wat_name = name.replace(".warc.gz", ".warc.wat.gz")
    info = b"Software-Info: ia-web-commons\r\nExtracted-Date: Sun, 22 Nov 2026 00:00:00 GMT\r\nip: 127.0.0.1\r\n\r\n"
    out = [gzip_member(record("warcinfo", wat_name, "application/warc-fields", info, ("WARC-Filename", wat_name)))]
    offset = len(gzip_member(warcinfo(name)))
    for record_id, content in records:
        member, tree = gzip_member(content), known[record_id]
        crc = zlib.crc32(content)
        tree["Container"] |= {"Filename": name, "Offset": str(offset)}
        tree["Container"]["Gzip-Metadata"] |= {
            "Deflate-Length": str(len(member)), "Inflated-Length": str(len(content)),
            "Inflated-CRC": str(crc - (1 << 32) if crc >= 1 << 31 else crc),  # a signed integer, as Java prints it
        }  # fmt: skip
        tree["Envelope"]["WARC-Header-Metadata"]["WARC-Warcinfo-ID"] = header(content, b"WARC-Warcinfo-ID")
        block = json.dumps(tree, ensure_ascii=False, separators=(",", ":")).encode()
        uri = header(content, b"WARC-Target-URI")
        out.append(gzip_member(record("metadata", f"wat {record_id}", "application/json", block,
                                      ("WARC-Target-URI", uri), ("WARC-Refers-To", record_id))))  # fmt: skip
        offset += len(member)
    return b"".join(out)


# --- truth ------------------------------------------------------------------------------------------------------------


def truth(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A line per distinct pair: how it must end, by a perfect model where `match` says what was planted."""
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    hosts = (*WARC_HOSTS[0], *WARC_HOSTS[1], *WAT_HOSTS)
    for line in lines:
        if wanted(line["page"], hosts):
            text = " ".join(line["alt"].split())  # as the extractor writes it: French names have narrow spaces
            judged = "kept" if line["match"] else "clip_similarity"
            outcome = "text_length" if len(text) < MIN_CHARACTERS else judged
            key = (line["url"], text)
            if key in rows and rows[key]["match"] != line["match"]:
                raise AssertionError(f"{key} is planted both as a match and as none")
            rows[key] = {"url": key[0], "text": text, "outcome": outcome, "match": line["match"]}
    for odd in ODD:
        rows[odd.url, odd.text] = {"url": odd.url, "text": odd.text, "outcome": odd.outcome}
    return list(rows.values())


# --- all of it --------------------------------------------------------------------------------------------------------


def read_corpus(path: Path) -> tuple[dict[str, bytes], list[dict[str, Any]]]:
    """The emoji pictures by file name, and the corpus's truth."""
    emoji, lines = {}, []
    with tarfile.open(path, "r:xz") as tar:
        for member in tar:
            name = member.name.removeprefix("./")
            if not (name.startswith(f"{CDN}/") or name == "_meta/truth.jsonl") or not member.isfile():
                continue
            file = tar.extractfile(member)
            if file is None:
                continue
            if name.startswith(CDN):
                emoji[name.partition("/")[2]] = file.read()
            else:
                lines = [json.loads(line) for line in file.read().decode().splitlines()]
    return emoji, lines


def write_lists(out: Path, files: dict[str, bytes]) -> None:
    """The removal lists of the recipe: a site, a file, two looks (of pictures that are themselves not served)."""
    (out / "removed_addresses.txt").write_text("# sites and pictures that must not be asked for\ndemo-removed.test\n")
    exact = hashlib.sha256(files["demo-odd.test/removed.png"]).hexdigest()
    looks = [str(imagehash.phash(quilt(seed))) for seed in (2, 3)]
    (out / "removed_files.txt").write_text(f"# sha256 of files that must not be kept\n{exact}\n")
    (out / "removed_looks.txt").write_text(
        "# 64-bit pHash of pictures that must not be kept\n" + "\n".join(looks) + "\n"
    )


def write_archives(out: Path, crawl: Path) -> None:
    """Two WARC files, and the WAT file of a third that is not shipped."""
    out.mkdir(parents=True, exist_ok=True)
    for number, hosts in enumerate(WARC_HOSTS):
        name = f"{CRAWL}-{number:05d}.warc.gz"
        info = identifier(f"{name} warcinfo")
        records = [content for _, content in taken(crawl, hosts, info)]
        if number == 1:
            own = (capture(url, html, info) for url, html in odd_pages().items())
            records = [content for contents in own for content in contents] + records
        (out / name).write_bytes(b"".join(map(gzip_member, [warcinfo(name), *records])))
    name = f"{CRAWL}-00002.warc.gz"
    records_with_ids = taken(crawl, WAT_HOSTS, identifier(f"{name} warcinfo"))
    wat = wat_file(name, records_with_ids, envelopes(crawl))
    (out / name.replace(".warc.gz", ".warc.wat.gz")).write_bytes(wat)


def main() -> None:
    """Write all of the data and say how large each file is."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("corpus", type=Path)
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    emoji, lines = read_corpus(arguments.corpus / "offline-web.tar.xz")
    rows = truth(lines)
    named = {urlsplit(row["url"]).path[1:] for row in rows if urlsplit(row["url"]).hostname == CDN}
    files = odd_files(emoji) | {f"{CDN}/{name}": emoji[name] for name in named}
    arguments.out.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(arguments.out / "web.zip", "w") as archive:
        for name in sorted(files):
            archive.writestr(zipfile.ZipInfo(name, (2026, 11, 21, 0, 0, 0)), files[name])  # stored: they do not shrink
    text = "".join(json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n" for row in rows)
    (arguments.out / "truth.jsonl").write_text(text, encoding="utf-8")
    write_lists(arguments.out, files)
    write_archives(arguments.out / "archives", next((arguments.corpus / "common-crawl-form/crawl-data").iterdir()))
    for path in sorted(arguments.out.rglob("*")):
        if path.is_file():
            print(f"{path.stat().st_size:>9,} {path.relative_to(arguments.out)}")


if __name__ == "__main__":
    main()
