"""The golden web: odd pictures and odd answers that decide whether two downloaders do the same; a process of its own.

    python -m tests.fakes.golden_web LOG        # prints its ports as JSON, serves until it is ended

What is served was measured against img2dataset 1.47.0 before (the golden set): every picture is made here, from one
pattern that looks different in each corner and each orientation, so that what it should look like is known. Every request
is written to LOG, a line of JSON each. `POST /forget` makes the server forget whom it has answered before.
"""

from __future__ import annotations

import io
import json
import socket
import struct
import subprocess
import sys
import threading
import time
import urllib.request
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np
from PIL import Image, ImageDraw

ROOT = Path(__file__).resolve().parents[2]
SIZE = (400, 300)
#: how long the drip takes, and in how many pieces
DRIP_SECONDS, DRIPS = 25.0, 50
#: side of the picture that is 438 KB on its way and 400 MB in memory
BOMB_SIDE = 20_000
_EXIF_ORIENTATION = 0x0112


@dataclass(frozen=True, slots=True)
class Picture:
    """A file, and what it looks like."""

    body: bytes
    mime: str
    looks: Image.Image  # RGB, upright, on white


def pattern(size: tuple[int, int] = SIZE) -> Image.Image:
    """Smooth colours, a disc, a bar and some grain: no two corners, rows or mirror images are alike."""
    width, height = size
    across = np.linspace(0, 255, width)[None, :].repeat(height, 0)
    down = np.linspace(0, 255, height)[:, None].repeat(width, 1)
    pixels = np.stack([across, down, (across + 255 - down) / 2], axis=-1)
    image = Image.fromarray(pixels.astype(np.uint8))
    draw = ImageDraw.Draw(image)
    radius = min(size) // 5
    draw.ellipse((width // 8, height // 8, width // 8 + 2 * radius, height // 8 + 2 * radius), fill=(240, 220, 30))
    draw.rectangle((width * 3 // 4, height // 2, width * 7 // 8, height - 1), fill=(20, 40, 160))
    return image


def saved(image: Image.Image, kind: str, **how: Any) -> bytes:
    """The picture as a file of this kind."""
    out = io.BytesIO()
    image.save(out, kind, **how)
    return out.getvalue()


@cache
def pictures() -> dict[str, Picture]:
    """Every picture by its path."""
    plain = pattern()
    grey = plain.convert("L")
    upright = pattern((200, 400))
    clear = plain.convert("RGBA")
    clear.putalpha(Image.linear_gradient("L").resize(SIZE))
    on_white = Image.new("RGBA", SIZE, "white")
    on_white.alpha_composite(clear)
    tagged = Image.Exif()
    tagged[_EXIF_ORIENTATION] = 6
    sideways = saved(upright.transpose(Image.Transpose.ROTATE_90), "JPEG", quality=95, exif=tagged)
    deep = Image.fromarray(np.asarray(grey).astype(np.uint16) * 257)
    paletted, palette_looks = _palette(plain)
    frames = [plain, *(Image.new("RGB", SIZE, colour) for colour in ("red", "blue"))]
    first_gif = frames[0].quantize(128)
    tiny, wide = pattern((40, 40)), pattern((1200, 100))
    return {
        "/jpg.jpg": Picture(saved(plain, "JPEG", quality=92), "image/jpeg", plain),
        "/gray.jpg": Picture(saved(grey, "JPEG", quality=92), "image/jpeg", grey.convert("RGB")),
        "/cmyk.jpg": Picture(saved(plain.convert("CMYK"), "JPEG", quality=95), "image/jpeg", plain),
        "/exif6.jpg": Picture(sideways, "image/jpeg", upright),
        "/rgba.png": Picture(saved(clear, "PNG"), "image/png", on_white.convert("RGB")),
        "/la.png": Picture(saved(_grey_clear(clear), "PNG"), "image/png", _on_white(_grey_clear(clear))),
        "/deep16.png": Picture(saved(deep, "PNG"), "image/png", grey.convert("RGB")),
        "/palette.png": Picture(paletted, "image/png", palette_looks),
        "/anim.gif": Picture(
            saved(first_gif, "GIF", save_all=True, append_images=frames[1:], duration=100),
            "image/gif", first_gif.convert("RGB"),
        ),
        "/anim.webp": Picture(
            saved(plain, "WEBP", save_all=True, append_images=frames[1:], duration=100, quality=95), "image/webp", plain
        ),
        "/plain.avif": Picture(saved(plain, "AVIF", quality=90), "image/avif", plain),
        "/tiny.jpg": Picture(saved(tiny, "JPEG", quality=95), "image/jpeg", tiny),
        "/wide.jpg": Picture(saved(wide, "JPEG", quality=95), "image/jpeg", wide),
        "/plain.bmp": Picture(saved(plain, "BMP"), "image/bmp", plain),
    }  # fmt: skip


def _palette(plain: Image.Image) -> tuple[bytes, Image.Image]:
    """A PNG of 64 colours, one of which is transparent, and what it looks like."""
    few = plain.quantize(64)
    clear = few.getpixel((SIZE[0] // 8 + 30, SIZE[1] // 8 + 30))
    body = saved(few, "PNG", transparency=clear)
    with Image.open(io.BytesIO(body)) as opened:
        return body, _on_white(opened)


def _grey_clear(clear: Image.Image) -> Image.Image:
    return Image.merge("LA", (clear.convert("RGB").convert("L"), clear.getchannel("A")))


def _on_white(image: Image.Image) -> Image.Image:
    page = Image.new("RGBA", image.size, "white")
    page.alpha_composite(image.convert("RGBA"))
    return page.convert("RGB")


@cache
def bomb() -> bytes:
    """A grey PNG of 20,000 by 20,000 pixels, all black: under half a megabyte."""
    squeeze = zlib.compressobj(9)
    row = bytes(1 + BOMB_SIDE)
    data = b"".join(squeeze.compress(row * 100) for _ in range(BOMB_SIDE // 100)) + squeeze.flush()

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", BOMB_SIDE, BOMB_SIDE, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


@dataclass(frozen=True, slots=True)
class Said:
    """One answer."""

    status: int = 200
    body: bytes = b""
    mime: str = "image/jpeg"
    headers: tuple[tuple[str, str], ...] = ()


#: what an owner may say in an X-Robots-Tag, by the path that says so
ROBOTS_TAGS = {
    "/robots-noai.jpg": "noai",
    "/robots-loud.jpg": "NOAI, noindex",
    "/robots-noimageai.jpg": "noimageai",
    "/robots-none.jpg": "none",
    "/robots-noml.jpg": "noml",
    "/robots-other.jpg": "googlebot: noai",
    "/robots-max.jpg": "max-image-preview: large",
}


@cache
def answers() -> dict[str, Said]:
    """What each path says; what is not here is a 404."""
    plain = pictures()["/jpg.jpg"].body
    html = b"<!doctype html><title>image not available</title><p>Sorry."
    svg = b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><circle r="4" cx="4" cy="4"/></svg>'
    said = {path: Said(body=one.body, mime=one.mime) for path, one in pictures().items()}
    said |= {path: Said(body=plain, headers=(("X-Robots-Tag", tag),)) for path, tag in ROBOTS_TAGS.items()}
    return said | {
        "/truncated.jpg": Said(body=plain[: len(plain) // 2]),
        "/html.jpg": Said(body=html, mime="text/html"),
        "/empty.jpg": Said(),
        "/drawing.svg": Said(body=svg, mime="image/svg+xml"),
        "/moved.jpg": Said(302, headers=(("Location", "/jpg.jpg"),)),
        "/forbidden.jpg": Said(403, b"no", "text/plain"),
        "/broken.jpg": Said(500, b"oh", "text/plain"),
        "/ua.jpg": Said(body=plain),
        "/tdm.jpg": Said(body=plain, headers=(("tdm-reservation", "1"),)),
        "/peñoles.jpg": Said(body=saved(pattern((320, 240)), "JPEG")),
        "/two words.jpg": Said(body=saved(pattern((240, 320)), "JPEG")),
        "/a,comma.jpg": Said(body=saved(pattern((300, 200)), "JPEG")),
        "/other-bytes.jpg": Said(body=saved(pattern(), "JPEG", quality=60)),
        "/other-picture.jpg": Said(body=saved(pattern().transpose(Image.Transpose.FLIP_LEFT_RIGHT), "JPEG")),
        "/bomb.png": Said(body=bomb(), mime="image/png"),
    }


@dataclass(slots=True)
class _State:
    """What the server remembers."""

    log: Path
    asked: Counter[str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, line: dict[str, Any]) -> int:
        """Write a request down; how often this path was asked for before."""
        with self.lock:
            with self.log.open("a", encoding="utf-8") as out:
                out.write(json.dumps(line) + "\n")
            self.asked[line["path"]] += 1
            return self.asked[line["path"]] - 1


def _handler(state: _State, special: Callable[[str, int], Said | None]) -> type[BaseHTTPRequestHandler]:
    class Answering(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            state.asked.clear()
            self._say(Said(body=b"forgotten", mime="text/plain"))

        def do_GET(self) -> None:
            path = unquote(self.path)
            line = {"time": time.time(), "port": self.connection.getsockname()[1], "path": path}
            before = state.note(line | {"user_agent": self.headers.get("User-Agent", "")})
            if path == "/drip.jpg":
                self._drip()
            else:
                self._say(special(path, before) or answers().get(path, Said(404, b"nothing here", "text/plain")))

        def _say(self, said: Said) -> None:
            self.send_response(said.status)
            self.send_header("Content-Type", said.mime)
            self.send_header("Content-Length", str(len(said.body)))
            for name, value in said.headers:
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(said.body)

        def _drip(self) -> None:
            """A whole picture, a piece every half second: each read comes in time, and the end after 25 seconds."""
            body = answers()["/jpg.jpg"].body
            self.send_response(200)
            self.send_header("Content-Type", "image/jpeg")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            step = -(-len(body) // DRIPS)
            try:
                for start in range(0, len(body), step):
                    time.sleep(DRIP_SECONDS / DRIPS)
                    self.wfile.write(body[start : start + step])
            except OSError:
                self.close_connection = True  # the other side has had enough

        def log_message(self, *_words: object) -> None:
            pass

    return Answering


def _flaky(path: str, before: int) -> Said | None:
    """503 for who asks first, the picture for who asks again; no robots.txt."""
    if path != "/flaky.jpg":
        return None
    return Said(503, b"later", "text/plain") if not before else answers()["/jpg.jpg"]


def _keeps_out(path: str, _before: int) -> Said | None:
    """A site whose robots.txt refuses everybody."""
    return Said(body=b"User-agent: *\nDisallow: /\n", mime="text/plain") if path == "/robots.txt" else None


def _reserves(path: str, _before: int) -> Said | None:
    """A site that reserves text and data mining for all that it has."""
    if path != "/.well-known/tdmrep.json":
        return None
    return Said(body=b'[{"location": "/*", "tdm-reservation": 1}]', mime="application/json")


SITES = {"plain": _flaky, "robots": _keeps_out, "reserved": _reserves}


@dataclass(frozen=True, slots=True)
class GoldenWeb:
    """The running web: a port for each site, one that refuses, and the file of requests."""

    ports: dict[str, int]
    log: Path

    def address(self, path: str, site: str = "plain") -> str:
        """The address of a path, as a list would have it: not escaped."""
        return f"http://127.0.0.1:{self.ports[site]}{path}"

    def asked(self) -> list[dict[str, Any]]:
        """All requests so far."""
        return [json.loads(line) for line in self.log.read_text(encoding="utf-8").splitlines()]

    def forget(self) -> None:
        """Let the next run meet the web as the first one did; the log begins anew."""
        with urllib.request.urlopen(self.address("/forget"), data=b"") as answer:
            answer.read()
        self.log.write_text("")


@contextmanager
def golden_web(log: Path) -> Iterator[GoldenWeb]:
    """The web in a process of its own, as long as the block lasts; its requests go to `log`."""
    log.touch()
    words = [sys.executable, "-m", "tests.fakes.golden_web", str(log)]
    with subprocess.Popen(words, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            yield GoldenWeb(json.loads(process.stdout.readline()), log)
        finally:
            process.terminate()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Silence: clients hang up in the middle of answers, which is what some answers are for."""


def serve(log: Path) -> None:
    """Serve until standard input ends, which it does with whoever started us."""
    state = _State(log)
    answers()  # before anybody waits
    held = socket.socket()  # bound and not listening: whoever connects is refused, and nobody else gets the port
    held.bind(("127.0.0.1", 0))
    ports = {"refusing": held.getsockname()[1]}
    for name, special in SITES.items():
        server = _Server(("127.0.0.1", 0), _handler(state, special))
        ports[name] = server.server_address[1]
        threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdout.write(json.dumps(ports) + "\n")
    sys.stdout.flush()
    sys.stdin.read()
    held.close()


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
