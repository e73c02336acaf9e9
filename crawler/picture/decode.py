"""The border to PIL: bytes as received become an upright RGB picture, or the reason why they do not.

`decode_body` is a pure function: no files, no processes, no output. A crawl runs it in a process that is killed beyond
its memory and time (`sandbox`); `decode` is the same in this process, for what is trusted and for tests.

What is believed, in this order: the magic bytes (never the name or the Content-Type), the size in the header (before
any pixel is decoded), the pixels. Formats outside of the recipe's list are never shown to a decoder.
"""

from __future__ import annotations

import io
import math
import random
import struct
import warnings
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from PIL import AvifImagePlugin, Image, ImageFile, TiffImagePlugin, UnidentifiedImageError, WebPImagePlugin

from crawler.picture.colours import has_no_agreed_white, to_rgb
from crawler.picture.exif import exif_text
from crawler.picture.hashes import hashes_of
from crawler.picture.made_by import made_by
from crawler.picture.magic import jpeg_scans, kind_of, webp_size
from crawler.records import Fault, Fetched, Header, Picture, Rejected

if TYPE_CHECKING:
    from crawler.settings import Decode

__all__ = ["Decoded", "DrawnAt", "Refused", "decode", "decode_body"]

#: says of an upright picture's width and height at which size, width first, it will be drawn
DrawnAt = Callable[[int, int], tuple[int, int]]

# Importing the three plug-ins registers them. Without that PIL would load all of its 44, EPS among them.
_PLUGINS = (AvifImagePlugin, TiffImagePlugin, WebPImagePlugin)
# Pictures are decoded side by side already: one AVIF must not start a thread for each core.
AvifImagePlugin.DEFAULT_MAX_THREADS = 1
# PIL warns about odd metadata, which is the web's business and not the log's. One filter for PIL's own modules, set
# once: `warnings.catch_warnings` swaps a global list and is not safe in threads.
warnings.filterwarnings("ignore", module=r"PIL\.")

#: all that PIL is known to raise on hostile files. Its plug-ins parse with plain Python, so a bad number surfaces as
#: whatever that number broke.
_PIL_ERRORS = (
    OSError,  # truncated data, codec errors, UnidentifiedImageError, short reads
    SyntaxError,  # PIL's word for "not this format" and for a broken PNG chunk
    ValueError,  # text chunk bombs, tiles outside of the image, modes without a conversion
    TypeError,  # a tag of the wrong type in arithmetic (TIFF)
    LookupError,  # offsets past the end (IndexError), unknown tags and modes (KeyError)
    struct.error,  # fixed-size fields that are cut short
    EOFError,  # a container that ends before its first frame (GIF, WebP)
    ArithmeticError,  # sizes that overflow C, division by a zero of the file
    AttributeError,  # a plug-in that stopped half-way (TIFF without a required tag)
    AssertionError,  # the same, where PIL asserts it
    RuntimeError,  # libavif; NotImplementedError and RecursionError are RuntimeErrors
    zlib.error,  # PNG metadata
    Warning,  # only where Python runs with warnings as errors
)

#: EXIF orientation -> what makes the picture upright; 1 is upright (CIPA DC-008, tag 0x0112)
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_ORIENTATION = 0x0112

#: real progressive files have about ten; libjpeg-turbo's own tools warn at 500. 100 scans of 40 MP take 4 s.
_JPEG_SCANS = 100
#: formats whose further frames are an animation; further pages of a TIFF or MPO file are not
_ANIMATED = frozenset(("GIF", "PNG", "WEBP", "AVIF"))
#: a JPEG that may come smaller is decoded at no less than so many times the size that it is drawn at: nearer to it,
#: coefficients that the eye would see are left out (performance.md 6: 40.2 dB after encoding, 38.3 at 1.0)
_ROOM = 1.5
#: no 0xff, so that no marker is among them
_NOISE = bytes(byte % 255 for byte in random.Random(0).randbytes(4_096))  # noqa: S311 - a constant, not a secret


@dataclass(frozen=True, slots=True)
class Decoded:
    """What a body turned out to be."""

    header: Header
    pixels: Image.Image  # upright, mode RGB, `info` empty; of the file's size, unless less was asked for


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a body did not become a picture."""

    fault: Fault
    detail: str = ""


class _RefusedError(Exception):
    """A fault found half-way down; never leaves this module."""

    def __init__(self, fault: Fault, detail: str) -> None:
        super().__init__(detail)
        self.fault = fault


def decode(fetched: Fetched, settings: Decode) -> Picture | Rejected:
    """The picture of a body, with its hashes, decoded in this process; see `decode_body`."""
    outcome = decode_body(fetched.body, settings)
    if isinstance(outcome, Refused):
        return Rejected(fetched.candidate, outcome.fault, outcome.detail)
    return Picture(fetched, outcome.header, hashes_of(fetched.body, outcome.pixels), outcome.pixels)


def decode_body(body: bytes, settings: Decode, drawn_at: DrawnAt | None = None) -> Decoded | Refused:
    """The first frame of a body as an upright RGB picture of 8 bits a channel, alpha on white, without metadata.

    Colour profiles are applied: what comes is sRGB. Truncated and broken files are refused, never filled with grey. A
    body that needs more memory than there is, is `DECODER_KILLED`: elsewhere it might well be a picture. (libwebp does
    not say why it failed; there it is `IMAGE_BROKEN`.) Raises nothing, whatever the bytes are.

    With `drawn_at`, which says at which size a picture will be drawn, a JPEG comes smaller where that leaves enough of
    it: at a half, a quarter or an eighth, which libjpeg makes of fewer coefficients.
    """
    kind = kind_of(body)
    if kind is None:
        return Refused(Fault.NOT_AN_IMAGE)
    if kind not in settings.formats:
        return Refused(Fault.FORMAT_REFUSED, kind)
    # a foreign import may have set it, and half a picture would then pass for a whole one
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    try:
        return _decoded(_Opened.of(body, kind, settings), drawn_at)
    except _RefusedError as error:
        return Refused(error.fault, str(error))
    except MemoryError:
        return Refused(Fault.DECODER_KILLED, f"{kind}: memory")
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        return Refused(Fault.TOO_MANY_PIXELS, str(error))
    except UnidentifiedImageError:  # its message has an address in memory, another one in every run
        return Refused(Fault.IMAGE_BROKEN, f"{kind}: no sound header")
    except _PIL_ERRORS as error:
        if str(error).endswith("Out of memory"):  # libavif's own MemoryError
            return Refused(Fault.DECODER_KILLED, f"{kind}: memory")
        return Refused(Fault.IMAGE_BROKEN, f"{kind}: {type(error).__name__}: {error}"[:200])


class _Opened(NamedTuple):
    """A file whose header was read, and found worth decoding."""

    body: bytes
    image: ImageFile.ImageFile
    kind: str
    width: int  # as stored
    height: int
    orientation: int
    settings: Decode

    @staticmethod
    def of(body: bytes, kind: str, settings: Decode) -> _Opened:
        image = _open(body, kind, settings)
        return _Opened(body, image, kind, *_size_in_file(image), _orientation_tag(image), settings)

    def header(self) -> Header:
        """What the file says of itself; to be asked for when the pixels were decoded."""
        frames = 2 if _is_animated(self.image, self.kind) else 1
        marks, exif = made_by(self.body, self.kind), _exif(self.image, self.settings)
        return Header(self.width, self.height, self.kind, frames, self.orientation, marks, exif)

    def ask_for_less(self, drawn_at: DrawnAt) -> None:
        """Have libjpeg decode at the least size that is enough for what is drawn."""
        stored, lies = (self.width, self.height), self.orientation >= 5
        drawn = drawn_at(*(stored[::-1] if lies else stored))
        width, height = drawn[::-1] if lies else drawn
        self.image.draft(None, (math.ceil(_ROOM * width), math.ceil(_ROOM * height)))


def _decoded(opened: _Opened, drawn_at: DrawnAt | None) -> Decoded:
    image, kind = opened.image, opened.kind
    if kind == "JPEG" and drawn_at is not None:
        opened.ask_for_less(drawn_at)
    image.load()
    if kind == "JPEG":
        _check_jpeg_is_whole(opened)
    header = opened.header()
    if has_no_agreed_white(image):
        raise _RefusedError(Fault.FORMAT_REFUSED, f"samples of 32 bits, mode {image.mode}")
    pixels = to_rgb(image)
    # PIL turns TIFF pictures while it loads them, and no others
    return Decoded(header, pixels if kind == "TIFF" else _upright(pixels, opened.orientation))


def _open(body: bytes, kind: str, settings: Decode) -> ImageFile.ImageFile:
    """The header of an image, found worth decoding."""
    if kind == "WEBP" and (size := webp_size(body)) is not None:
        _check_size(size, settings)
    if kind == "JPEG" and (scans := jpeg_scans(body)[0]) > _JPEG_SCANS:
        raise _RefusedError(Fault.IMAGE_BROKEN, f"JPEG: {scans} scans")
    image = Image.open(io.BytesIO(body), formats=(kind,))
    _check_size(image.size, settings)
    return image


def _check_size(size: tuple[int, int], settings: Decode) -> None:
    width, height = size
    if width * height > settings.pixels or max(size) > settings.side_pixels:
        raise _RefusedError(Fault.TOO_MANY_PIXELS, f"{width} x {height}")


def _size_in_file(image: ImageFile.ImageFile) -> tuple[int, int]:
    """Width and height as stored. PIL swaps them for a TIFF that lies on its side, and for no other format."""
    width, height = image.size
    if image.format == "TIFF" and _orientation_tag(image) >= 5:
        return height, width
    return width, height


def _orientation_tag(image: ImageFile.ImageFile) -> int:
    """The EXIF orientation, 1 to 8. Broken metadata is no orientation."""
    try:
        orientation = image.getexif().get(_ORIENTATION, 1)
    except _PIL_ERRORS:
        return 1
    return orientation if isinstance(orientation, int) and 1 <= orientation <= 8 else 1


def _exif(image: ImageFile.ImageFile, settings: Decode) -> str:
    """What is kept of the camera's words. Broken metadata are none."""
    try:
        return exif_text(image, settings.exif)
    except _PIL_ERRORS:
        return ""


def _is_animated(image: ImageFile.ImageFile, kind: str) -> bool:
    """Whether a second frame is announced. Frames are not counted: 20,000 of them would each be parsed."""
    if kind not in _ANIMATED:
        return False
    try:
        return bool(getattr(image, "is_animated", False))
    except _PIL_ERRORS:
        return False  # what follows the first frame is broken; the first frame is what we came for


def _check_jpeg_is_whole(opened: _Opened) -> None:
    """Refuse a JPEG that was cut and closed again with an end marker.

    libjpeg fills the missing part with one colour and only warns, which PIL does not pass on. If the lowest rows are of
    one colour, decode at an eighth of the size without and with noise in front of the end marker: a whole picture never
    reads the noise, a cut one does.
    """
    image, body = opened.image, opened.body
    width, height = image.size
    # the same rows of one that came smaller: eight of them are four, two or one there
    lowest = (opened.height - 1) // 8 * 8 * height // opened.height
    if not _is_flat(image.crop((0, lowest, width, height))):
        return
    end = jpeg_scans(body)[1]
    if _thumbnail(body[:end] + b"\xff\xd9") != _thumbnail(body[:end] + _NOISE + b"\xff\xd9"):
        raise _RefusedError(Fault.IMAGE_BROKEN, "JPEG: ends before its last row")


def _thumbnail(body: bytes) -> bytes:
    """The samples of a JPEG at an eighth of its size, which needs the first coefficient of each block and no more."""
    image = Image.open(io.BytesIO(body), formats=("JPEG",))
    image.draft(None, (1, 1))
    return image.tobytes()


def _is_flat(image: Image.Image) -> bool:
    """Whether all pixels are of one colour."""
    extrema = image.getextrema()
    bands = extrema if isinstance(extrema[0], tuple) else (extrema,)
    return all(low == high for low, high in bands)


def _upright(pixels: Image.Image, orientation: int) -> Image.Image:
    method = _UPRIGHT.get(orientation)
    return pixels if method is None else pixels.transpose(method)
