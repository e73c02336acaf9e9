"""What the tests of the live page share."""

from tests.chromium import browser, chromium

__all__ = ["browser", "chromium"]
