"""Files of uids: what is looked up is found exactly, and what is written is what DataComp's tools read."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.errors import InputError
from tests.picture_shards import is_kept, picture_folder, uid
from workers.export.choice import Choice
from workers.export.places import open_folder
from workers.export.uid_files import UID, Uids, look_up, mark, missing_of, no_bits, open_uids, uids_of
from workers.export.uid_writing import export_uids, write_uids

# few values for the halves, so that halves and whole uids come again
HALF = st.sampled_from([0, 1, 2, 3, 2**63, 2**64 - 2, 2**64 - 1])
PAIRS = st.lists(st.tuples(HALF, HALF), max_size=30)


def uids(pairs: list[tuple[int, int]]) -> Uids:
    return np.array(pairs, UID)


@given(subset=PAIRS, wanted=PAIRS)
def test_what_is_looked_up_is_found_as_often_as_it_is_there(
    subset: list[tuple[int, int]], wanted: list[tuple[int, int]]
) -> None:
    ordered = sorted(subset)
    first, times = look_up(uids(ordered), uids(wanted))
    assert times.tolist() == [Counter(subset)[one] for one in wanted]
    assert [ordered.index(one) for one in wanted if one in ordered] == first[times > 0].tolist()
    found = no_bits(uids(ordered))
    mark(found, first, times)
    missing = [tuple(one) for some in missing_of(uids(ordered), found) for one in some.tolist()]
    assert missing == [one for one in ordered if one not in wanted]


def test_the_written_file_is_one_that_datacomp_s_resharder_would_take(tmp_path: Path) -> None:
    folder = picture_folder(tmp_path / "run")
    (tmp_path / "out").mkdir()
    path = tmp_path / "out" / "subset.npy"
    counts = export_uids(open_folder(folder), path, Choice(where="width <> 41"), told=lambda _: None)
    numbers = [n for s in range(2) for n in range(100 * s, 100 * s + 8) if is_kept(n) and n not in {1, 101}]
    assert counts == {"rows": 10, "uids": 10}
    read = np.load(path, allow_pickle=False)
    assert read.dtype == np.dtype("u8,u8")
    assert [f"{one[0]:016x}{one[1]:016x}" for one in read.tolist()] == sorted(uid(number) for number in numbers)
    assert [one.name for one in path.parent.iterdir()] == ["subset.npy"]
    assert open_uids(path).tolist() == read.tolist()


def test_files_that_are_not_sorted_or_of_another_type_are_refused_and_plain_ones_taken(tmp_path: Path) -> None:
    path = tmp_path / "uids.npy"
    write_uids(path, [uids([(1, 2), (1, 3)]), uids([(1, 3), (2, 0)])])
    assert open_uids(path).tolist() == [(1, 2), (1, 3), (1, 3), (2, 0)]
    (tmp_path / "plain").write_bytes(uids([(1, 2), (2, 1)]).tobytes())
    assert open_uids(tmp_path / "plain").tolist() == [(1, 2), (2, 1)]
    write_uids(path, [uids([(1, 2), (2, 0), (1, 3)])])
    with pytest.raises(InputError, match="uid 2 is smaller"):
        open_uids(path)
    write_uids(path, [uids([(1, 3), (1, 2)])])
    with pytest.raises(InputError, match="not sorted"):
        open_uids(path)
    np.save(path, np.arange(4))
    with pytest.raises(InputError, match="int64"):
        open_uids(path)
    np.save(path, np.array([{}]), allow_pickle=True)
    with pytest.raises(InputError, match="cannot be read"):
        open_uids(path)
    with pytest.raises(InputError, match="nowhere"):
        open_uids(tmp_path / "nowhere")


def test_uids_are_read_from_hex_as_datacomp_writes_it() -> None:
    texts = pa.array(["0123456789abcdef" * 2, "FF", "f" * 32])
    assert uids_of(texts).tolist() == [(0x0123456789ABCDEF,) * 2, (0, 255), (2**64 - 1,) * 2]
    for wrong in (["g" * 32], [None], ["f" * 33], [" " + "f" * 31], ["ab cd" + "f" * 27]):
        with pytest.raises(InputError):
            uids_of(pa.array(wrong, pa.string()))
