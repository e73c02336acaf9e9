from __future__ import annotations

from filters.bodies.min_bytes import MinBytes
from tests.builders import a_fetched


def test_a_body_of_exactly_the_least_size_stays() -> None:
    verdicts = MinBytes(10).judge([a_fetched(b"x" * size) for size in (0, 9, 10, 11)])
    assert [verdict.keep for verdict in verdicts] == [False, False, True, True]


def test_the_default_is_laions() -> None:
    assert MinBytes().body_bytes == 5_000
