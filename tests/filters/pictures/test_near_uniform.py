from __future__ import annotations

import io
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from crawler.picture.decode import decode
from crawler.records import Picture
from crawler.settings import Decode
from filters.pictures.near_uniform import NearUniform, edge_share
from tests.builders import a_fetched, a_picture

CORPUS = Path(__file__).parents[4] / "shared" / "corpus" / "offline-web.tar.xz"


def is_kept(pixels: Image.Image) -> bool:
    return NearUniform().judge([a_picture(pixels=pixels)])[0].keep


def a_gradient(size: tuple[int, int], *, radial: bool = False) -> Image.Image:
    width, height = size
    x, y = np.meshgrid(np.linspace(-1, 1, width), np.linspace(-1, 1, height))
    tone = np.hypot(x, y) / 1.5 if radial else (x + y + 2) / 4
    return Image.fromarray(np.stack([255 * tone, 200 - 150 * tone, 90 + 0 * tone], axis=2).astype(np.uint8))


def drawn(size: tuple[int, int], *shapes: tuple[int, int, int, int], width: int = 1) -> Image.Image:
    pixels = Image.new("RGB", size, "white")
    pencil = ImageDraw.Draw(pixels)
    for shape in shapes:
        pencil.ellipse(shape, outline="black", width=width)
    return pixels


SIZES = [(64, 64), (128, 100), (800, 600), (1_000, 20), (3_000, 2_000)]


@pytest.mark.parametrize("size", SIZES)
def test_one_colour_goes(size: tuple[int, int]) -> None:
    for colour in ("white", "black", (200, 30, 30)):
        assert not is_kept(Image.new("RGB", size, colour))


@pytest.mark.parametrize("size", [size for size in SIZES if min(size) >= 64])
@pytest.mark.parametrize("radial", [False, True])
def test_a_gradient_goes(size: tuple[int, int], radial: bool) -> None:
    assert not is_kept(a_gradient(size, radial=radial))
    out = io.BytesIO()
    a_gradient(size, radial=radial).save(out, "JPEG", quality=60)
    assert not is_kept(Image.open(out).convert("RGB")) or min(size) < 128  # blocks show where nothing is reduced


def test_noise_on_one_colour_goes() -> None:
    noise = np.random.default_rng(0).normal(128, 6, (600, 800, 3)).clip(0, 255).astype(np.uint8)
    assert not is_kept(Image.fromarray(noise))


def test_a_transparent_picture_goes() -> None:
    out = io.BytesIO()
    Image.new("RGBA", (300, 200), (9, 9, 9, 0)).save(out, "PNG")
    picture = decode(a_fetched(out.getvalue()), Decode())
    assert isinstance(picture, Picture)
    assert not is_kept(picture.pixels)


def test_a_spacer_of_one_pixel_goes() -> None:
    assert not is_kept(Image.new("RGB", (1, 1)))


@pytest.mark.parametrize("size", [(64, 64), (300, 200), (800, 600), (3_000, 2_000)])
def test_a_flag_of_two_colours_stays(size: tuple[int, int]) -> None:
    flag = Image.new("RGB", size, "white")
    flag.paste((220, 0, 40), (0, size[1] // 2, size[0], size[1]))
    assert is_kept(flag)


@pytest.mark.parametrize("side", [64, 256, 800, 1_000, 2_000])
def test_a_thin_line_drawing_stays(side: int) -> None:
    far = side - side // 10
    assert is_kept(drawn((side, side), (side // 10, side // 10, far, far)))


def test_a_small_bird_in_the_sky_stays() -> None:
    sky = a_gradient((1_200, 800))
    ImageDraw.Draw(sky).ellipse((600, 300, 680, 350), fill="black")
    assert is_kept(sky)


def test_settings_move_the_line() -> None:
    circle = drawn((128, 128), (40, 40, 60, 60))
    share = edge_share(circle, 8)
    assert 0.002 < share < 0.02
    picture = a_picture(pixels=circle)
    assert NearUniform(share=share).judge([picture])[0].keep
    assert not NearUniform(share=share * 1.01).judge([picture])[0].keep
    assert not NearUniform(levels=254, share=0.1).judge([picture])[0].keep
    assert NearUniform(share=0).judge([a_picture()])[0].keep


def test_the_edge_of_a_picture_is_no_edge_in_it() -> None:
    half = Image.new("RGB", (100, 100), "white")
    half.paste((0, 0, 0), (50, 0, 100, 100))
    assert edge_share(half, 8) == 100 / (100 * 100)


@pytest.mark.slow
@pytest.mark.corpus
@pytest.mark.skipif(not CORPUS.exists(), reason="needs the shared corpus beside the repository")
def test_of_the_corpus_only_an_empty_picture_goes() -> None:
    dropped, seen = [], 0
    with tarfile.open(CORPUS) as archive:
        for number, member in enumerate(archive):
            # some of each site, and all of the one that has photographs of nothing
            if number % 4 and "hugin.test" not in member.name:
                continue
            if not member.name.endswith((".png", ".webp", ".jpg", ".gif")):
                continue
            body = archive.extractfile(member)
            assert body is not None
            picture = decode(a_fetched(body.read()), Decode())
            assert isinstance(picture, Picture)
            seen += 1
            if not is_kept(picture.pixels):
                dropped.append(Path(member.name).name)
    assert seen > 600
    assert dropped == ["120px-Flatfield1_Munich.jpg"]  # a photograph of nothing, to correct a lens with
