"""A decoder process that misbehaves on demand: `python bad_child.py HOW CANVAS`. It speaks the wire's first words right."""

from __future__ import annotations

import mmap
import os
import signal
import struct
import sys
import time
from typing import Any

import msgspec


def main(how: str) -> None:
    if how == "does not start":
        sys.stderr.write("Traceback (most recent call last):\nImportError: no library for pictures\n")
        sys.exit(1)
    if how == "is silent from the start":
        sys.exit(0)
    if how == "greets wrongly":
        answer(b"hello")
    take(struct.unpack(">I", take(4))[0])
    say({"type": "ready"})
    if how == "speaks unasked":
        say({"type": "failed", "fault": "image_broken", "detail": "of a picture that never was"})
    while True:
        length, _is_sketch = struct.unpack(">QB", take(9))
        if how == "dies in the middle of a body":
            take(length // 2)
            os.kill(os.getpid(), signal.SIGKILL)
        if how == "does not read":
            time.sleep(3600)
        misbehave(how, take(length))


def misbehave(how: str, body: bytes) -> None:
    if how.startswith("SIG"):
        os.kill(os.getpid(), getattr(signal, how))
    elif how == "hangs":
        time.sleep(3600)
    elif how == "exits":
        sys.exit(3)
    elif how == "closes its output":
        os.close(1)
        time.sleep(3600)
    elif how == "drips":
        for byte in struct.pack(">I", 4_000) + bytes(4_000):
            os.write(1, bytes((byte,)))
            time.sleep(0.05)
    elif how == "dies in the middle of a head":
        os.write(1, framed(bytes(1000))[:500])
        os._exit(0)
    elif how == "shrinks the canvas":
        say({"type": "failed", "fault": "image_broken", "detail": shrinks()})
    elif how == "other pixels than announced":
        paint(b"P6\n40 300\n255\n" + bytes(40 * 300 * 3))
        say(shown(width=40, height=30))
    elif how == "says more than one thing":
        paint(b"P6\n4 3\n255\n" + bytes(4 * 3 * 3))
        os.write(1, framed(msgspec.msgpack.encode(shown())) * 2)
    elif how in RAW:
        os.write(1, RAW[how])
    else:
        say(LIES[how])


def shown(**changes: Any) -> dict[str, Any]:
    width, height = changes.get("width", 4), changes.get("height", 3)
    fields = {
        "type": "shown", "file_width": width, "file_height": height, "format": "PNG", "frames": 1, "orientation": 1,
        "width": width, "height": height,
    }  # fmt: skip
    return fields | changes


#: answers that no child of ours gives
LIES: dict[str, Any] = {
    "a gigapixel": shown(width=100_000, height=10_000),
    "a negative size": shown(width=-4, height=-3),
    "no size": shown(width=0, height=0),
    "a size that is text": shown(width="4"),
    "a size that is huge": shown(width=2**63, height=1),
    "pixels of another size": shown(file_width=40),
    "turned, but not": shown(width=3, height=4, file_width=3, file_height=4, orientation=6),
    "an orientation that is none": shown(orientation=9),
    "twenty thousand frames": shown(frames=20_000),
    "another format": shown(format="JPEG"),
    "a thousand marks": shown(made_by=["png: prompt"] * 1_000),
    "too many marks": shown(made_by=["png: prompt"] * 13),
    "a mark without end": shown(made_by=["png: " + "x" * 60]),
    "a mark that steers a terminal": shown(made_by=["\x1b[2J"]),
    "marks that are a text": shown(made_by="png: prompt"),
    "a format that is none": shown(format="../../etc/passwd"),
    "a field too many": shown(pixels="x"),
    "a field too few": {"type": "shown", "width": 4, "height": 3},
    "no type": {"width": 4},
    "a fault that is none": {"type": "failed", "fault": "kept", "detail": ""},
    "a fault of another stage": {"type": "failed", "fault": "robots_refused", "detail": ""},
    "a detail that is a number": {"type": "failed", "fault": "image_broken", "detail": 7},
    "ready again": {"type": "ready"},
    "a list": [1, 2, 3],
    "nothing": None,
    "too deep": None,
}
for _ in range(500):
    LIES["too deep"] = [LIES["too deep"]]


def sketched(**changes: Any) -> dict[str, Any]:
    return {"type": "sketched", "shown": shown(), "width": 4, "height": 3} | changes


#: sketches that no child of ours draws, of a picture of 4 x 3 pixels
SKETCHES: dict[str, Any] = {
    "a sketch of another size": sketched(width=3),
    "a sketch without end": sketched(width=100_000, height=100_000),
    "a hash of another length": sketched(pdq=bytes(31)),
    "a hash that is negative": sketched(phash=-1),
    "a quality beyond all": sketched(pdq_quality=101),
    "a sketch of nothing": sketched(shown=shown(width=0, height=0)),
    "a sketch of another format": sketched(shown=shown(format="JPEG")),
    "a sketch within a sketch": sketched(shown=sketched()),
}
LIES |= SKETCHES


def paint(content: bytes) -> None:
    with mmap.mmap(int(sys.argv[2]), 0) as canvas:
        canvas[: len(content)] = content


def shrinks() -> str:
    try:
        os.ftruncate(int(sys.argv[2]), 0)
    except OSError as error:
        return type(error).__name__
    return "it did"


def framed(content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + content


#: answers with something wrong about them beyond their head
RAW = {
    "pickles": framed(b"\x80\x04\x95cos\nsystem\n(S'touch pwned'\ntR."),
    "a head of gigabytes": struct.pack(">I", 2**32 - 1) + bytes(1000),
    "an escape": framed(
        msgspec.msgpack.encode({"type": "failed", "fault": "image_broken", "detail": "\x1b[2J\n" * 300})
    ),
}


def say(message: Any) -> None:
    answer(msgspec.msgpack.encode(message))


def answer(content: bytes) -> None:
    os.write(1, framed(content))


def take(length: int) -> bytes:
    content = b""
    while len(content) < length:
        more = os.read(0, length - len(content))
        if not more:
            sys.exit(0)
        content += more
    return content


if __name__ == "__main__":
    main(sys.argv[1])
