"""Products of vectors with weights, in which no row depends on its neighbours.

A BLAS takes other ways through a product when its shape changes, and the last bits change with them. So rows go in
blocks of one shape, in float64, and what comes of it is rounded to float32 by whoever keeps it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

#: rows of a block: enough that weights are read seldom, few enough that a lone row costs little
_ROWS = 16


def products(rows: NDArray[np.floating], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """`rows` (N x D) times `weights` (D x M): N x M, each row the same alone as in any company."""
    count, width = rows.shape
    result = np.empty((count, weights.shape[1]))
    block = np.zeros((_ROWS, width))
    for start in range(0, count, _ROWS):
        part = rows[start : start + _ROWS]
        block[: len(part)] = part
        block[len(part) :] = 0
        result[start : start + len(part)] = (block @ weights)[: len(part)]
    return result
