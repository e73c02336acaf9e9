"""The border to simplejpeg and cykooz-resizer: a picture drawn 50 dB from the exact one, in half the time.

Both are asked for only where a recipe says `output.drawing = "fast"`. What they make is the same on every processor of
a kind: libjpeg-turbo's SIMD is exact by design, and the resizer's was found equal for AVX2, SSE4.1 and none
(docs/decisions/0027-cost-of-a-picture.md).
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from crawler.errors import MissingPackageError

try:
    import cykooz_resizer as resizer  # type: ignore[import-untyped]  # no types that mypy follows
    import simplejpeg  # type: ignore[import-untyped]  # the same
except ImportError:  # an extra; `make_sure` says what to do
    resizer = simplejpeg = None

if TYPE_CHECKING:
    from crawler.picture.sizes import Sizes
    from crawler.settings import Interpolation, Output

Samples = NDArray[np.uint8]  # height x width x 3, red, green, blue

#: a JPEG is decoded at no less than so many times the size that it is drawn at: nearer to it, coefficients that the
#: eye would see are left out (performance.md 6: 40.2 dB after encoding, 38.3 at 1.0)
_ROOM = 1.5
#: denominators for which libjpeg-turbo has SIMD, best first
_SHRINKING = (8, 4, 2)


def make_sure() -> None:
    """See that fast drawing is possible here.

    Raises:
        MissingPackageError: it is not.
    """
    if simplejpeg is None:
        raise MissingPackageError(
            'output.drawing = "fast" needs cykooz-resizer and simplejpeg: pip install "pairtrawl[fast]", '
            'or set output.drawing = "exact"'
        )


def shrunk_size(width: int, height: int, drawn: tuple[int, int]) -> tuple[int, int]:
    """The least size at which a JPEG of this size may be decoded that is to be drawn at the other one."""
    for times in _SHRINKING:
        size = (-(-width // times), -(-height // times))
        if size[0] >= _ROOM * drawn[0] and size[1] >= _ROOM * drawn[1]:
            return size
    return width, height


def decoded_jpeg(body: bytes, size: tuple[int, int]) -> Samples | None:
    """A JPEG at this size, which is one of `shrunk_size`, as it is stored; None where anything about it is odd.

    What libjpeg would only warn of, such as a file that was cut and closed again, is odd: somebody else decides then.
    """
    width, height = size
    try:
        samples: Samples = simplejpeg.decode_jpeg(body, "RGB", min_width=width, min_height=height, strict=True)
    except ValueError:
        return None
    return samples if samples.shape == (height, width, 3) else None


def upright(samples: Samples, orientation: int) -> Samples:
    """The picture turned by its EXIF orientation, 1 to 8 (CIPA DC-008, tag 0x0112)."""
    if orientation >= 5:
        samples = samples.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        samples = samples[:, ::-1]
    if orientation in (3, 4, 7, 8):
        samples = samples[::-1]
    return np.ascontiguousarray(samples)


def resized(samples: Samples, size: tuple[int, int], method: Interpolation) -> Samples:
    """The picture at another size, width first."""
    height, width, _ = samples.shape
    drawn = resizer.ImageData(*size, resizer.PixelType.U8x3)
    source = resizer.ImageData(width, height, resizer.PixelType.U8x3, samples.tobytes())
    _resizer().resize(source, drawn, _options(method))
    return np.frombuffer(drawn.get_buffer(), np.uint8).reshape(size[1], size[0], 3)


def drawn(samples: Samples, sizes: Sizes, settings: Output) -> Samples:
    """The picture at the sizes at which it is written: resized, cropped to its middle, or with a white border."""
    height, width, _ = samples.shape
    if (width, height) != sizes.scaled:
        shrinks = width > sizes.scaled[0] or height > sizes.scaled[1]
        method = settings.downscale_interpolation if shrinks else settings.upscale_interpolation
        samples = resized(samples, sizes.scaled, method)
    return samples if sizes.final == sizes.scaled else _framed(samples, sizes.final)


def _framed(samples: Samples, size: tuple[int, int]) -> Samples:
    """The middle of a larger picture; or a smaller one in the middle of white."""
    height, width, _ = samples.shape
    left, top = abs(size[0] - width) // 2, abs(size[1] - height) // 2
    if size[0] <= width and size[1] <= height:
        return np.ascontiguousarray(samples[top : top + size[1], left : left + size[0]])
    framed = np.full((size[1], size[0], 3), 255, np.uint8)
    framed[top : top + height, left : left + width] = samples
    return framed


def samples_of(pixels: Image.Image) -> Samples:
    """The samples of an RGB picture."""
    return np.asarray(pixels)


def as_image(samples: Samples) -> Image.Image:
    """The RGB picture of these samples."""
    height, width, _ = samples.shape
    return Image.frombytes("RGB", (width, height), samples.tobytes())


def jpeg_of(samples: Samples, quality: int) -> bytes:
    """The picture as a JPEG with colours at half the resolution, as Pillow halves it."""
    encoded: bytes = simplejpeg.encode_jpeg(samples, quality, "RGB", "420")
    return encoded


@cache
def _resizer() -> Any:  # noqa: ANN401 - the package has no types that mypy follows
    return resizer.Resizer()


@cache
def _options(method: Interpolation) -> Any:  # noqa: ANN401 - as above
    kinds, ways = resizer.FilterType, resizer.ResizeAlg
    if method == "nearest":
        return resizer.ResizeOptions(ways.nearest())
    # there is no Hamming window here; of what there is, Catmull and Rom's is nearest to true areas: 50 to 53 dB
    filters = {
        "linear": kinds.bilinear,
        "cubic": kinds.catmull_rom,
        "area": kinds.catmull_rom,
        "lanczos": kinds.lanczos3,
    }
    return resizer.ResizeOptions(ways.convolution(filters[method]))
