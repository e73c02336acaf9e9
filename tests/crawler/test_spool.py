from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from crawler.rows import Pictured
from crawler.spool import Spool


@given(st.lists(st.tuples(st.sampled_from(["add", "take out", "read"]), st.binary(max_size=50)), max_size=20))
@settings(max_examples=40, deadline=None)
def test_rows_come_back_as_they_went_in_whatever_was_read_or_taken_out_between(steps: list[tuple[str, bytes]]) -> None:
    spool = Spool(Path(tempfile.gettempdir()) / "a.tar")
    kept: dict[int, bytes] = {}
    try:
        for number, (step, image) in enumerate(steps):
            if step == "add":
                spool.add(number, Pictured({"status": "success", "n": number}, image, "jpg"))
                kept[number] = image
            elif step == "take out" and kept:
                index = min(kept)
                row, size = spool.take_out(index)
                assert (row["n"], size) == (index, len(kept.pop(index)))
            else:
                found = {one.row["n"]: one.image for one in spool.read(spool.indexes())}
                assert found == kept
        assert {one.row["n"]: one.image for one in spool.read(spool.indexes())} == kept
    finally:
        spool.close()
