"""What the tests of reports share."""

from tests.chromium import browser, chromium

__all__ = ["browser", "chromium"]
