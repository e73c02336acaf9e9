"""Which rows are decoys: by numbers alone, without a store."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import numpy as np

from workers.dataset.takedown.burying import Judged, Rows, bury

SINGLE, MANY, COPIES = 1_000, 10, 100


def an_id(text: str) -> bytes:
    return hashlib.md5(text.encode()).digest()


def a_version() -> Rows:
    """A thousand pictures with one row each, and ten with a hundred captions each."""
    names = [f"single {number}" for number in range(SINGLE)]
    names += [f"many {number}" for number in range(MANY) for _ in range(COPIES)]
    uids = [an_id(f"{name} {place}") for place, name in enumerate(names)]
    groups = [an_id(name) for name in names]
    as_bytes = [np.frombuffer(b"".join(ids), np.uint8).reshape(-1, 16) for ids in (uids, groups)]
    return Rows(as_bytes[0], as_bytes[1], np.ones(len(names), np.bool_))


# checklist 45: what is published must not tell real removals from others, by the number of their captions either
def test_decoys_are_drawn_by_picture_so_that_those_of_many_captions_are_no_likelier() -> None:
    rows = a_version()
    real = np.zeros(len(rows.uids), np.bool_)
    real[0] = True

    def judged() -> Iterator[Judged]:
        yield Judged(rows, real, np.zeros(len(real), np.bool_))

    of_many = 0
    for number in range(20):
        found = bury(judged(), lambda: [rows], rows=len(real), named=1, burial=50, key=bytes([number]) * 32)
        decoys = {uid.tobytes() for uid in found.decoys}
        of_many += sum(rows.uids[SINGLE + group * COPIES].tobytes() in decoys for group in range(MANY))
        assert len(decoys) >= 50
    # 50 to 63 of 1,010 pictures are drawn each time: one in two draws has a picture of many captions, not all ten
    assert of_many < 40
