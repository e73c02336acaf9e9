"""Prints the names of the GPUs that torch can use, as JSON: `python -m workers.home.gpus`."""

from __future__ import annotations

import json
import sys


def main() -> None:
    """Print them; none where torch cannot be imported."""
    try:
        import torch  # noqa: PLC0415 - optional
    except (ImportError, OSError):  # OSError: a library of the driver that is not there
        names = []
    else:
        names = [str(torch.cuda.get_device_name(number)) for number in range(torch.cuda.device_count())]
    sys.stdout.write(json.dumps(names))


if __name__ == "__main__":
    main()
