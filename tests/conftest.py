"""What holds for every test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import settings

# no test asserts a clock, and Hypothesis' own of 200 ms neither: CI's machines are busy
settings.register_profile("pairtrawl", deadline=None)
settings.load_profile("pairtrawl")


@pytest.fixture(scope="session")
def s3_address() -> Iterator[str]:
    """An S3 server in a process of its own, with the bucket `datasets`; started for the first test that asks for it."""
    from tests.fakes.moto import moto_server

    with moto_server("datasets") as address:
        yield address
