"""The pairs on the report page."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from crawler.picture.encode import encode
from crawler.records import Sample
from crawler.settings import Output
from crawler.write import ShardWriter, pictured
from tests.builders import a_fetched, a_picture, image_bytes
from workers.report.samples import examples_of


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "AVIF", "BMP", "TIFF"])
def test_pictures_that_are_kept_as_received_are_shown_whatever_their_format(kind: str, tmp_path: Path) -> None:
    settings = Output(encode_format="original")
    picture = a_picture()
    fetched, header = a_fetched(image_bytes(kind=kind)), replace(picture.header, format=kind)
    encoded = encode(replace(picture, fetched=fetched, header=header), settings)
    with ShardWriter(tmp_path, 0, 1, settings, []) as writer:
        sample = Sample(fetched, header, picture.hashes, encoded.image, encoded.width, encoded.height, scores=())
        writer.keep(0, pictured(sample, settings))
        writer.commit({})
    assert len(examples_of(tmp_path, "")) == 1
