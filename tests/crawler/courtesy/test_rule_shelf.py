"""Rule files are kept until they expire or room is needed."""

from __future__ import annotations

from crawler.courtesy.rule_shelf import RuleShelf


def test_files_are_found_until_they_expire() -> None:
    shelf: RuleShelf[str] = RuleShelf()
    shelf.put("http://a:80", "rules", size=5, expires_at=100.0)
    assert shelf.find("http://a:80", 99.0) == "rules"
    assert shelf.find("http://b:80", 99.0) is None
    assert shelf.find("http://a:80", 100.0) is None
    assert len(shelf) == 0


def test_the_least_recently_used_make_room() -> None:
    shelf: RuleShelf[int] = RuleShelf(most_bytes=3_500)
    for number in range(3):
        shelf.put(f"http://{number}:80", number, size=500, expires_at=1.0)
    assert shelf.find("http://0:80", 0.0) == 0
    shelf.put("http://3:80", 3, size=500, expires_at=1.0)
    assert [shelf.find(f"http://{number}:80", 0.0) for number in range(4)] == [0, None, 2, 3]


def test_what_is_put_again_counts_once() -> None:
    shelf: RuleShelf[int] = RuleShelf(most_bytes=2_500)
    shelf.put("http://a:80", 0, size=500, expires_at=1.0)
    for number in range(50):
        shelf.put("http://b:80", number, size=500, expires_at=1.0)
    assert shelf.find("http://a:80", 0.0) == 0
    assert shelf.find("http://b:80", 0.0) == 49


def test_files_larger_than_the_shelf_are_not_kept() -> None:
    shelf: RuleShelf[str] = RuleShelf(most_bytes=2_000)
    shelf.put("http://a:80", "endless", size=2_000, expires_at=1.0)
    assert len(shelf) == 0
