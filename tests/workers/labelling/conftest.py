"""What the tests of labelling share."""

from tests.chromium import browser, chromium

__all__ = ["browser", "chromium"]
