"""What a command asks for becomes a place, before anything is started."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.ray
def test_ray_is_looked_for_but_not_imported_before_its_token_is_set() -> None:
    look = (
        "import sys; from workers.session import Asked, _place; _place(Asked(place='ray')); print('ray' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "False"
