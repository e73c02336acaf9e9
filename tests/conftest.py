"""What holds for every test."""

from __future__ import annotations

from hypothesis import settings

# no test asserts a clock, and Hypothesis' own of 200 ms neither: CI's machines are busy
settings.register_profile("pairtrawl", deadline=None)
settings.load_profile("pairtrawl")
