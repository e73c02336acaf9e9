"""A bucket on a server of its own process, for all tests of this folder that ask for one."""

from __future__ import annotations

import pytest

from tests.fakes.moto import ENVIRONMENT


@pytest.fixture
def bucket(s3_address: str, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of an empty prefix."""
    for name, value in {**ENVIRONMENT, "AWS_ENDPOINT_URL": s3_address}.items():
        monkeypatch.setenv(name, value)
    return f"s3://datasets/{tmp_path_factory.mktemp('prefix').name}"
