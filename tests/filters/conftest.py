from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _one_thread_for_models(request: pytest.FixtureRequest) -> None:
    """On a busy machine two threads that wait for each other are ten times slower than one."""
    if request.node.get_closest_marker("clip"):
        import torch

        torch.set_num_threads(1)
