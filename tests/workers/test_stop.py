"""Which signal drains, and which one drops what is in flight."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Iterator

import pytest

from workers.stop import stop_on_signals


@pytest.fixture(autouse=True)
def _asyncio_speaks_again() -> Iterator[None]:
    before = logging.getLogger("asyncio").level
    yield
    logging.getLogger("asyncio").setLevel(before)


def test_the_first_interrupt_drains_and_the_second_drops() -> None:
    said: list[str] = []
    with stop_on_signals(said.append) as stop:
        assert not stop
        os.kill(os.getpid(), signal.SIGINT)
        assert stop
        assert len(said) == 1
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)


def test_usr1_drains_however_often_it_comes() -> None:
    said: list[str] = []
    with stop_on_signals(said.append) as stop:
        os.kill(os.getpid(), signal.SIGUSR1)
        os.kill(os.getpid(), signal.SIGUSR1)
        assert stop
        assert stop.why == "told by USR1"
        assert len(said) == 1


@pytest.mark.parametrize("draining", [False, True])
def test_term_drops_at_once(draining: bool) -> None:
    with stop_on_signals(lambda _text: None) as stop:
        if draining:
            os.kill(os.getpid(), signal.SIGUSR1)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGTERM)
        assert stop


def test_a_query_that_is_dropped_is_no_bug() -> None:
    def interrupted_query() -> None:
        try:
            os.kill(os.getpid(), signal.SIGTERM)
        except KeyboardInterrupt as error:  # what DuckDB does with what a handler raises
            raise RuntimeError("Query interrupted") from error

    with pytest.raises(KeyboardInterrupt), stop_on_signals(lambda _text: None):
        interrupted_query()


def test_a_bug_is_a_bug() -> None:
    with pytest.raises(RuntimeError), stop_on_signals(lambda _text: None):
        raise RuntimeError


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGUSR1])
def test_handlers_are_put_back(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with stop_on_signals(lambda _text: None):
        assert signal.getsignal(number) is not before
    assert signal.getsignal(number) is before
