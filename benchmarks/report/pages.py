"""Report pages in a real Chromium: large or not they are there at once, ask for nothing, and everybody can read them."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from benchmarks.figures import Figures
from benchmarks.report.browser import barriers, opened, screenshot

#: bytes that a picture for the documentation may have
_LARGEST_PICTURE = 300_000
_TIMES = 3  # a page is opened so often, and the fastest counts: the machine has other things to do, too


def prove_page(name: str, path: Path, figures: Figures, *, most_bytes: int, most_seconds: float = 1.0) -> None:
    """Add what a page weighs, how fast it is there, what it asks for and complains of, and what axe-core finds.

    Args:
        name: of the page, for the figures.
        path: the HTML file.
        figures: where they go.
        most_bytes: what is promised of its size.
        most_seconds: what is promised of opening it.
    """
    weight = path.stat().st_size
    figures.add(f"{name}: size", f"{weight / 1e6:.2f} MB", good=weight <= most_bytes)
    looks = [opened(path) for _ in range(_TIMES)]
    seconds = min(one.seconds for one in looks)
    figures.add(f"{name}: opened in", f"{seconds:.2f} s", good=seconds <= most_seconds)
    told = [word for one in looks for word in (*one.errors, *one.requests, *one.violations)]
    figures.add(f"{name}: errors, requests, violations of its policy", "; ".join(told)[:200] or "none", good=not told)
    for look in ("light", "dark", "print"):
        found = barriers(path, dark=look == "dark", print=look == "print")
        figures.add(f"{name}: axe-core, {look}", "; ".join(found)[:300] or "nothing found", good=not found)


def picture_of(path: Path, png: Path, *, top: int = 0, height: int = 1_800, width: int = 1_200) -> None:
    """A part of a page as a small PNG file, for the documentation.

    Raises:
        AssertionError: it is larger than 300 kB.
    """
    screenshot(path, png, width=width)
    with Image.open(png) as whole:
        part = whole.convert("RGB").crop((0, top, whole.width, min(whole.height, top + height)))
    part.quantize(192, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE).save(png, optimize=True)
    if png.stat().st_size > _LARGEST_PICTURE:
        raise AssertionError(f"{png}: {png.stat().st_size:,} bytes, more than {_LARGEST_PICTURE:,}")
