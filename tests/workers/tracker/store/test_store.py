"""The contract of stores, with both."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.workers.tracker.store.contract_store import CHECKS
from workers.tracker.store import Store


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__.removeprefix("check_"))
def test_a_store_keeps_its_contract(check: Callable[[Store], None], store: Store) -> None:
    check(store)
