"""One file under many addresses: "image not available", a spacer, an advertisement, that many captions describe.

A server that has lost a picture often sends another one with status 200. No caption is true of it, and a model would
learn the notice by heart. Nothing in the file says so; that it stands under many addresses, each time with other words,
does. A logo or a product shown on many pages has one address or one caption, and stays.
"""

from __future__ import annotations

from collections.abc import Iterable

from crawler.job.remembered import Remembered


def placeholders(samples: Iterable[Remembered], addresses: int) -> list[int]:
    """The rows whose picture is a placeholder, in order.

    A file is one if it stands under at least `addresses` addresses with at least as many captions; 0 finds none.
    """
    if not addresses:
        return []
    by_file: dict[str, list[Remembered]] = {}
    for one in samples:
        by_file.setdefault(one.sha256, []).append(one)
    found = []
    for group in by_file.values():
        if min(len({one.address for one in group}), len({one.caption for one in group})) >= addresses:
            found += [one.row for one in group]
    return sorted(found)
