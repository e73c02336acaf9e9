"""The first signal asks, the second one drops everything."""

from __future__ import annotations

import os
import signal

import pytest

from workers.stop import stop_on_signals


def test_the_first_signal_asks_and_the_second_interrupts() -> None:
    said: list[str] = []
    with stop_on_signals(said.append) as stop:
        assert not stop
        os.kill(os.getpid(), signal.SIGINT)
        assert stop
        assert len(said) == 1
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGTERM)


def test_handlers_are_put_back() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with stop_on_signals(lambda _text: None):
        pass
    assert signal.getsignal(signal.SIGTERM) is before
