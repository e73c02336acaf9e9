from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from filters.products import products


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 70), st.integers(1, 300), st.integers(1, 20), st.integers(0, 2**32 - 1))
def test_a_row_is_the_same_alone_as_in_any_company(rows: int, width: int, columns: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    left = rng.standard_normal((rows, width)).astype(np.float32)
    right = rng.standard_normal((width, columns))
    together = products(left, right)
    assert together.shape == (rows, columns)
    np.testing.assert_allclose(together, left.astype(np.float64) @ right, rtol=1e-9, atol=1e-9)
    order = rng.permutation(rows)
    assert np.array_equal(products(left[order], right).astype(np.float32), together[order].astype(np.float32))
    for place in range(min(rows, 5)):
        alone = products(left[place : place + 1], right)[0]
        assert np.array_equal(alone.astype(np.float32), together[place].astype(np.float32))
