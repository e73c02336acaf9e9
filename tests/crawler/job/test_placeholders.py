"""One file under many addresses is a placeholder; a logo, a product and a resized copy are not."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from crawler.job.placeholders import placeholders
from crawler.job.remembered import Remembered, remembered

NOTICE = "ab" * 32


def remembered_of(index: int, sha256: str, url: str, caption: str) -> Remembered:
    return remembered(index, {"sha256": sha256, "url": url, "caption": caption, "pdq": "0" * 64, "pdq_quality": 0})


def shown(*urls_and_captions: tuple[str, str], sha256: str = NOTICE) -> list[Remembered]:
    return [remembered_of(index, sha256, url, caption) for index, (url, caption) in enumerate(urls_and_captions)]


def test_one_file_under_as_many_addresses_and_captions_as_the_recipe_says_is_a_placeholder() -> None:
    rows = shown(*[(f"http://images.test/{name}.jpg", name) for name in ("boat", "fox", "mug")])
    assert placeholders(rows, 3) == [0, 1, 2]
    assert placeholders(rows, 4) == []


def test_a_product_with_one_name_on_many_pages_stays() -> None:
    assert placeholders(shown(*[(f"http://images.test/{n}.jpg", "a red boat") for n in range(9)]), 3) == []


def test_a_logo_with_many_captions_at_one_address_stays() -> None:
    assert placeholders(shown(*[("http://images.test/logo.png", f"caption {n}") for n in range(9)]), 3) == []


def test_what_a_query_changes_is_no_other_address_and_capitals_no_other_caption() -> None:
    assert placeholders(shown(*[(f"http://images.test/a.jpg?width={n}", f"caption {n}") for n in range(9)]), 2) == []
    rows = shown(("http://images.test/1.jpg", "A boat"), ("http://images.test/2.jpg", "a BOAT"))
    assert placeholders(rows, 2) == []


def test_nought_switches_it_off() -> None:
    assert placeholders(shown(("http://images.test/1.jpg", "a"), ("http://images.test/2.jpg", "b")), 0) == []


@given(st.lists(st.tuples(st.sampled_from("xyz"), st.sampled_from("abcd"), st.sampled_from("pqrs"))), st.integers(1, 4))
def test_the_order_of_rows_does_not_matter_and_all_of_a_file_go_or_none(
    rows: list[tuple[str, str, str]], addresses: int
) -> None:
    kept = [
        remembered_of(index, file, f"http://images.test/{path}", text) for index, (file, path, text) in enumerate(rows)
    ]
    found = placeholders(kept, addresses)
    assert found == placeholders(list(reversed(kept)), addresses) == sorted(found)
    gone = {kept[index].sha256 for index in found}
    assert {one.row for one in kept if one.sha256 in gone} == set(found)
