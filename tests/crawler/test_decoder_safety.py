"""The adversarial checklist of decoders, 15 to 24: what strangers send, through the process that a crawl decodes with."""

from __future__ import annotations

import base64
import hashlib
import io
import os
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from PIL import Image

from crawler.picture.encode import encode
from crawler.picture.sandbox import Sandbox, open_sandboxes
from crawler.records import Fault, Picture, Rejected
from crawler.settings import Decode, Output
from tests.builders import a_fetched, image_bytes

#: caps far beyond the recipe's, so that bombs go off
NO_CAPS = Decode(pixels=2_000_000_000, side_pixels=2_000_000_000, memory_bytes=160 * 1024 * 1024)
MIB = 1024 * 1024


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with open_sandboxes(Decode(), 1) as (one,):
        picture_of(one, image_bytes())  # what it imports is there, and no part of what a body costs
        yield one


@pytest.fixture(scope="module")
def small_sandbox() -> Iterator[Sandbox]:
    with open_sandboxes(NO_CAPS, 1) as (one,):
        yield one


def outcome_of(sandbox: Sandbox, body: bytes) -> tuple[str, str]:
    """The reason, and the memory that neither this process nor the child may have taken is checked on the way."""
    ours = psutil.Process()
    before = ours.memory_info().rss
    outcome = sandbox.decode(a_fetched(body))
    assert ours.memory_info().rss - before < 70 * MIB
    assert isinstance(outcome, Rejected), outcome
    return outcome.reason, outcome.detail


def picture_of(sandbox: Sandbox, body: bytes) -> Picture:
    outcome = sandbox.decode(a_fetched(body))
    assert isinstance(outcome, Picture), outcome
    assert (outcome.pixels.mode, outcome.pixels.info) == ("RGB", {})
    return outcome


def peak_bytes(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise AssertionError


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def a_png(width: int, height: int, *extra: bytes, rows: int = 0) -> bytes:
    """A black PNG that says its size and holds so many of its rows."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    packer = zlib.compressobj(9)
    data = b"".join(packer.compress(bytes(1 + 3 * width)) for _ in range(rows)) + packer.flush()
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(extra) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def flat(size: tuple[int, int], kind: str, **options: Any) -> bytes:
    return image_bytes(size, (9, 9, 9), kind, **options)


# checklist 15


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html><body>image not found</body></html>",
        b'{"error": 404}',
        b"\n\n  <!DOCTYPE html>",
        b"GIF89",
        b"\0" * 100,
    ],
)
def test_what_servers_send_instead_of_an_image_is_none(sandbox: Sandbox, body: bytes) -> None:
    assert outcome_of(sandbox, body)[0] == Fault.NOT_AN_IMAGE


def test_a_gif_of_one_pixel_is_a_picture_of_one_pixel(sandbox: Sandbox) -> None:
    assert picture_of(sandbox, flat((1, 1), "GIF")).pixels.size == (1, 1)  # `pictures.min_side` is what refuses it


# checklist 16


#: 8,000 by 8,000 pixels of one colour as PIL saves them, which takes it ten seconds: 1,586 bytes and 1,023 bytes
JPEG2000_BOMB = zlib.decompress(base64.b85decode(
    b"c-muNVBpCLP*C9IYUg5LU=T?wsVvAUFj4@r8KAT-kj?<oVwo8!MGOq`4q(j8&JI$;z@MC-Q^W{n3NSFRJ_RaH{_p=kkU<|L1XT<NXnba"
    b"NMn(wwAH=`|6kudvWnp1p_#eZd>{PB$_5lbF<TK<m<UL3a0K$v_Rv>f_zYK&)|5F%L85o_5QWHy3QxuXa75ocQ^SlCF-4)7Gi;6Sz^Aw"
    b"EqO!Z9uPhbG~jDgjUf${(3kN;fupO_9LW`uuI1+zbM{r8yuQ|Nz+_s`b4#P}KE&qRN=G6)8Qtp8uXueqT-1?E;x&iX%&XCNFlA)){ET+"
    b"~*yv28`dNVWKXnN9$1*1X!2lA}>K8g-*lNAIX>Kn4GA0swlR^KA"
))  # fmt: skip
AVIF_BOMB = zlib.decompress(base64.b85decode(
    b"c-muNU{FXasVqn=%S>Yc0uY^>nP!-qnV9D5Xy^nKdYzkElE?r7iWw<6MNl?FL1uCZ0~+8f$SlbPvlxL`E;A=T8N_h`@fjhajKT~IOmBc"
    b"}jm*rvG`LzRASaax%1bOWFm%q($p_n&m03_!0HnP$3zGAJv`A)gK`O*Lc?Sq)5Gcs3$OMTnb8v6~DW1eKL+3_$9*~f5a(+%xUUE(a&}3"
    b"c)wg#Y(cxFK^%uhgvu`n_<vjAQ7B{wCpM2LZlTmG|M{pW8T92q7GMz>fc_>Q-?M&AGb|Izsa3=EOyPiY>X64>&5-K*z20zbE{c)Vfrv`"
    b"H+Y-<Dadf3iQ|#?Rt6<tDepo&*X+)f8{l*S?kT{lHp=6Su0j`<^Q>v_0`?b8+jBWAU7m*9CT1daap%wEU33jd%;Gtu+Bd)96sbM%PbxQ"
    b"hcxM;S-g`y}A?TzhZhKH(|z3#od<CO$FZyekmSzdmeG7U|HoU*;Us{rS&}2U$WVIM9|8`RYTEaT7<D(0|03R$wU"
))  # fmt: skip


@pytest.fixture(scope="module")
def bombs() -> dict[str, bytes]:
    """Small files of 8,000 by 8,000 pixels."""
    size = (8_000, 8_000)
    return {
        "JPEG2000": JPEG2000_BOMB,
        "AVIF": AVIF_BOMB,
        "WEBP": flat(size, "WEBP", quality=10, method=0),
        "PNG": a_png(*size, rows=8_000),
        "TIFF": flat(size, "TIFF", compression="tiff_deflate"),
    }


def test_a_small_file_of_64_megapixels_is_refused_unseen(sandbox: Sandbox, bombs: dict[str, bytes]) -> None:
    assert max(map(len, bombs.values())) < 400_000
    pid, before = sandbox.pid, peak_bytes(sandbox.pid)
    assert outcome_of(sandbox, bombs["JPEG2000"]) == (Fault.FORMAT_REFUSED, "JPEG2000")
    for kind in ("AVIF", "WEBP", "PNG", "TIFF"):
        assert outcome_of(sandbox, bombs[kind]) == (Fault.TOO_MANY_PIXELS, "8000 x 8000")
    assert sandbox.pid == pid
    assert peak_bytes(pid) - before < 40 * MIB


@pytest.mark.parametrize("kind", ["AVIF", "WEBP", "PNG", "TIFF"])
def test_without_caps_the_limit_of_memory_holds(small_sandbox: Sandbox, bombs: dict[str, bytes], kind: str) -> None:
    reason, detail = outcome_of(small_sandbox, bombs[kind])
    # WebP's library says only that it could not be made; all others say that it was memory
    assert reason in ((Fault.IMAGE_BROKEN,) if kind == "WEBP" else (Fault.DECODER_KILLED,)), detail
    assert peak_bytes(small_sandbox.pid) < 64 * MIB + NO_CAPS.memory_bytes
    assert picture_of(small_sandbox, image_bytes()).pixels.size == (80, 60)


# checklist 17


@pytest.mark.parametrize(
    "body",
    [
        a_png(12_000, 12_000, rows=12_000), a_png(50_000, 50_000), a_png(1, 2**31 - 1), a_png(2**31 - 1, 1),
        a_png(2**31 - 1, 2**31 - 1), b"GIF89a\xff\xff\xff\xff\0\0\0" + flat((1, 1), "GIF")[13:],
    ],
    ids=["12000^2", "50000^2", "1x2^31", "2^31x1", "2^62", "GIF 65535^2"],
)  # fmt: skip
def test_a_header_that_says_too_much_is_refused(sandbox: Sandbox, body: bytes) -> None:
    pid, before = sandbox.pid, peak_bytes(sandbox.pid)
    assert outcome_of(sandbox, body)[0] == Fault.TOO_MANY_PIXELS
    assert sandbox.pid == pid
    assert peak_bytes(pid) - before < 40 * MIB


# checklist 18


@pytest.mark.parametrize("where", ["zTXt", "iCCP", "many zTXt"])
def test_metadata_that_inflate_without_end_are_refused(sandbox: Sandbox, where: str) -> None:
    packer = zlib.compressobj(9)
    bomb = b"".join(packer.compress(bytes(MIB)) for _ in range(200)) + packer.flush()
    one = zlib.compress(bytes(MIB - 10), 9)
    extra = {
        "zTXt": [chunk(b"zTXt", b"k\0\0" + bomb)],
        "iCCP": [chunk(b"iCCP", b"k\0\0" + bomb)],
        "many zTXt": [chunk(b"zTXt", b"k%d\0\0" % number + one) for number in range(70)],
    }
    pid, before = sandbox.pid, peak_bytes(sandbox.pid)
    assert outcome_of(sandbox, a_png(4, 4, *extra[where], rows=4))[0] == Fault.IMAGE_BROKEN
    assert sandbox.pid == pid
    assert peak_bytes(pid) - before < 70 * MIB  # PIL holds up to 64 MiB of text


# checklist 19


def test_twenty_thousand_frames_are_one_picture(sandbox: Sandbox) -> None:
    gif = flat((2, 2), "GIF")
    frame = gif[gif.index(b"\x2c") : -1]
    webp = flat((2, 2), "WEBP", lossless=True)[12:]
    part = b"ANMF" + struct.pack("<I", 16 + len(webp)) + bytes(6) + b"\1\0\0\1\0\0\1\0\0\0" + webp
    chunks = b"VP8X" + struct.pack("<I", 10) + b"\2\0\0\0\1\0\0\1\0\0" + b"ANIM\6\0\0\0" + bytes(6) + part * 20_000
    bodies = {
        "GIF": gif[:-1] + frame * 20_000 + b";",
        "WEBP": b"RIFF" + struct.pack("<I", len(chunks) + 4) + b"WEBP" + chunks,
    }
    for kind, body in bodies.items():
        header = picture_of(sandbox, body).header
        assert (header.format, header.frames, header.width) == (kind, 2, 2)


def test_an_avif_of_many_frames_is_its_first(sandbox: Sandbox) -> None:
    frames = [Image.new("RGB", (16, 16), (n, 0, 0)) for n in range(100)]
    body = flat((16, 16), "AVIF", save_all=True, append_images=frames, speed=10)
    picture = picture_of(sandbox, body)
    assert picture.header.frames == 2
    assert np.abs(np.asarray(picture.pixels, dtype=int) - 9).max() < 8


# checklist 20

XXE = b'<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]><svg>&x;</svg>'
LAUGHS = b'<!DOCTYPE svg [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]><svg xmlns="http://www.w3.org/2000/svg">&b;</svg>'
ELSEWHERE = b'<svg xmlns="http://www.w3.org/2000/svg"><image href="http://127.0.0.3/"/></svg>'
NEVER_DECODED = {
    "EPS": flat((8, 8), "EPS"), "PS": b"%!PS-Adobe-3.0\n(touch pwned) system\n", "PDF": flat((8, 8), "PDF"), "SVG, XXE": XXE,
    "SVG, laughs": LAUGHS, "SVG, elsewhere": ELSEWHERE, "HTML": b"<html><script>alert(1)</script></html>",
    "MP4": b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + bytes(100), "ICNS": flat((16, 16), "ICNS"),
    "ICO": flat((16, 16), "ICO"), "WMF": b"\xd7\xcd\xc6\x9a" + bytes(100), "FLI": bytes(4) + b"\x11\xaf" + bytes(200),
}  # fmt: skip


@pytest.mark.parametrize("name", NEVER_DECODED)
def test_programs_drawings_and_films_are_refused_whatever_they_are_called(sandbox: Sandbox, name: str) -> None:
    assert outcome_of(sandbox, NEVER_DECODED[name])[0] in (Fault.NOT_AN_IMAGE, Fault.FORMAT_REFUSED)


def test_no_program_is_started_by_what_looks_like_an_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("gs", "gswin64c", "djpeg", "xv", "sh"):
        program = tmp_path / name
        program.write_text(f"#!/bin/true\n: > {tmp_path}/started\n")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    eps = NEVER_DECODED["EPS"]
    with open_sandboxes(Decode(), 1) as (one,):
        assert isinstance(one.decode(a_fetched()), Picture)
        pid, files = one.pid, set(os.listdir(f"/proc/{one.pid}/fd"))  # noqa: PTH208 - names alone
        for start in (b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"II*\0", b"GIF89a", b"RIFF\0\0\0\0WEBPVP8 ", b"BM"):
            assert isinstance(one.decode(a_fetched(start + eps)), Rejected)
        assert one.pid == pid
        assert psutil.Process(pid).children() == []
        assert set(os.listdir(f"/proc/{pid}/fd")) == files  # noqa: PTH208 - as above
    assert not (tmp_path / "started").exists()


def test_a_decoder_can_open_no_file_start_no_core_and_write_nothing(sandbox: Sandbox) -> None:
    picture_of(sandbox, image_bytes())
    limits = {}
    for line in Path(f"/proc/{sandbox.pid}/limits").read_text().splitlines()[1:]:
        limits[line[:25].strip()] = (line[26:46].strip(), line[47:67].strip())
    for name in ("Max open files", "Max file size", "Max core file size", "Max processes"):
        assert limits[name] == ("0", "0")
    soft, hard = limits["Max address space"]
    assert soft == hard
    assert Decode().memory_bytes < int(soft) < Decode().memory_bytes + 400 * MIB
    assert "NoNewPrivs:\t1" in Path(f"/proc/{sandbox.pid}/status").read_text()


# checklist 21


@pytest.mark.parametrize("progressive", [False, True])
def test_half_a_jpeg_is_never_half_grey(sandbox: Sandbox, progressive: bool) -> None:
    samples = np.random.default_rng(0).integers(0, 256, (240, 320, 3), dtype=np.uint8)
    out = io.BytesIO()
    Image.fromarray(samples).save(out, "JPEG", progressive=progressive)
    assert outcome_of(sandbox, out.getvalue()[: out.tell() // 2])[0] == Fault.IMAGE_BROKEN


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "AVIF", "BMP", "TIFF"])
def test_flipped_bits_end_in_a_picture_or_a_reason(sandbox: Sandbox, kind: str) -> None:
    rng = np.random.default_rng(7)
    body = np.frombuffer(flat((64, 48), kind) if kind != "JPEG" else image_bytes((64, 48), kind="JPEG"), dtype=np.uint8)
    pid = sandbox.pid
    for _ in range(25):
        flipped = body.copy()
        at = rng.integers(0, len(body), 3)
        flipped[at] ^= (1 << rng.integers(0, 8, 3)).astype(np.uint8)
        outcome = sandbox.decode(a_fetched(flipped.tobytes()))
        assert isinstance(outcome, Picture) or outcome.reason in (
            Fault.NOT_AN_IMAGE, Fault.FORMAT_REFUSED, Fault.TOO_MANY_PIXELS, Fault.IMAGE_BROKEN,
        )  # fmt: skip
    assert sandbox.pid == pid


def test_a_thousand_scans_are_refused_before_the_first(sandbox: Sandbox) -> None:
    body = flat((4_000, 4_000), "JPEG", progressive=True)
    last = body[body.rindex(b"\xff\xda") : -2]
    assert outcome_of(sandbox, body[:-2] + last * 1_000 + b"\xff\xd9")[0] == Fault.IMAGE_BROKEN


# checklist 22


def polyglots() -> dict[str, bytes]:
    behind = io.BytesIO()
    with zipfile.ZipFile(behind, "w") as archive:
        archive.writestr("evil.js", "alert(1)")
    exif = Image.Exif()
    exif.get_ifd(0x8825)[2] = (52.0, 31.0, 12.0)
    script = b"/*" + flat((8, 8), "GIF")[8:-1] + b";*/=1;alert(1)"
    return {
        "JPEG and ZIP": flat((8, 8), "JPEG") + behind.getvalue(),
        "PNG and ZIP": flat((8, 8), "PNG") + behind.getvalue(),
        "GIF and JavaScript": flat((8, 8), "GIF") + script,
        "PHP in a comment": flat((8, 8), "JPEG", comment=b"<?php alert(1) ?>"),
        "PHP in a text chunk": a_png(8, 8, chunk(b"tEXt", b"k\0<?php alert(1) ?>"), rows=8),
        "a position": flat((8, 8), "JPEG", exif=exif),
        "a position in WebP": flat((8, 8), "WEBP", exif=exif),
    }


@pytest.mark.parametrize("name", polyglots())
@pytest.mark.parametrize("encode_format", ["jpg", "png", "webp", "original"])
def test_a_second_meaning_does_not_reach_a_shard(sandbox: Sandbox, name: str, encode_format: Any) -> None:
    body = polyglots()[name]
    picture = picture_of(sandbox, body)
    assert picture.hashes.md5 == hashlib.md5(body).hexdigest()
    assert picture.hashes.sha1 == hashlib.sha1(body).hexdigest()
    assert picture.hashes.sha256 == hashlib.sha256(body).hexdigest()
    image = encode(picture, Output(encode_format=encode_format)).image
    for trace in (b"PK\x03\x04", b"alert", b"<?php", b"Exif", b"eXIf", b"EXIF", b"\0\0\0\x34\0\0\0\1"):
        assert trace not in image
    assert Image.open(io.BytesIO(image)).size == (8, 8)


# checklist 23


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr", "LAB", "I;16", "I", "F"])
def test_every_mode_becomes_rgb_or_a_clean_reason(sandbox: Sandbox, mode: str) -> None:
    grey = Image.new("L", (32, 32), 120)
    match mode:
        case "LAB":
            image = Image.new("LAB", (32, 32), (127, 128, 128))
        case "I;16":
            image = Image.new(mode, (32, 32), 120 * 257)
        case "PA":
            image = grey.convert("LA").convert("PA")
        case "1" | "I" | "F" | "L" | "LA" | "P":
            image = grey.convert(mode)
        case _:
            image = grey.convert("RGB").convert(mode)
    out = io.BytesIO()
    image.save(out, "TIFF")
    if mode in ("I", "F"):
        assert outcome_of(sandbox, out.getvalue())[0] == Fault.FORMAT_REFUSED
        return
    pixels = np.asarray(picture_of(sandbox, out.getvalue()).pixels, dtype=int)
    assert pixels.shape == (32, 32, 3)
    if mode not in ("1", "LAB"):
        assert np.abs(pixels - 120).max() <= 2


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_stands_upright(sandbox: Sandbox, orientation: int) -> None:
    back = {
        1: None, 2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_90, 7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }[orientation]  # fmt: skip
    scene = Image.fromarray(np.random.default_rng(1).integers(0, 256, (3, 4, 3), dtype=np.uint8)).resize((64, 48))
    exif = Image.Exif()
    exif[0x0112] = orientation
    out = io.BytesIO()
    (scene if back is None else scene.transpose(back)).save(out, "PNG", exif=exif)
    picture = picture_of(sandbox, out.getvalue())
    assert picture.pixels.tobytes() == scene.tobytes()
    assert picture.header.orientation == orientation


# checklist 24 is in tests/crawler/picture/sandbox/test_sandbox.py
