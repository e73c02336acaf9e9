"""The border to cykooz-resizer: pictures resized with SIMD, 50 dB and more from Pillow's, in a sixth of the time.

It is asked for only where a recipe says `output.drawing = "fast"`. What it makes is the same on every processor of a
kind: it was found equal for AVX2, SSE4.1 and none (docs/decisions/0027-cost-of-a-picture.md).
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from PIL import Image

from crawler.errors import MissingPackageError

try:
    import cykooz_resizer as resizer  # type: ignore[import-untyped]  # no types that mypy follows
except ImportError:  # an extra; `make_sure` says what to do
    resizer = None

if TYPE_CHECKING:
    from crawler.settings import Interpolation


def make_sure() -> None:
    """See that fast drawing is possible here.

    Raises:
        MissingPackageError: it is not.
    """
    if resizer is None:
        raise MissingPackageError(
            'output.drawing = "fast" needs cykooz-resizer: pip install "pairtrawl[fast]", '
            'or set output.drawing = "exact"'
        )


def resized(pixels: Image.Image, size: tuple[int, int], method: Interpolation) -> Image.Image:
    """An RGB picture at another size, width first."""
    drawn = Image.new("RGB", size, None)  # every pixel is written: there is no need to paint it black first
    _resizer().resize_pil(pixels, drawn, _options(method))
    return drawn


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
