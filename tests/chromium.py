"""A real Chromium, for the tests of pages."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.debian import install_package

#: nothing of a browser's own may look into the network while it is tested
_QUIET = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip


@pytest.fixture(scope="session")
def chromium() -> str:
    """The program. Where none can be had, tests are skipped, or fail if that is asked for."""
    found = shutil.which("chromium") or _installed()
    if found is not None:
        return found
    if os.environ.get("PAIRTRAWL_REQUIRE_CHROMIUM") == "1":
        pytest.fail("PAIRTRAWL_REQUIRE_CHROMIUM=1, and there is no Chromium and no way to install it")
    pytest.skip("no Chromium on this machine: apt-get install chromium")


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    """One browser for the tests of a module. They run no asyncio of their own: Playwright's loop is in their thread."""
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium, args=list(_QUIET))
        yield opened
        opened.close()


def _installed() -> str | None:
    """Install Debian's package, as root."""
    install_package("chromium")
    return shutil.which("chromium")
