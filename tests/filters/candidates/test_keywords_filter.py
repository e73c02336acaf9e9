from __future__ import annotations

from pathlib import Path

import pytest

from crawler.errors import SettingsError
from filters.candidates.keywords import build
from tests.builders import a_candidate


# checklist 28
def test_captions_with_a_listed_word_go_and_nobody_is_told_which(tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_text("\ufeff# words\r\nKid\r\nchild\r\n", encoding="utf-8")
    filter_ = build(path="words.txt", folder=tmp_path)
    captions = ["a Child", "chi\u200bld", "K I D", "kidney", "a red boat on a lake"]
    verdicts = filter_.judge([a_candidate(caption) for caption in captions])
    assert [verdict.keep for verdict in verdicts] == [False, False, False, True, True]
    assert {verdict.detail for verdict in verdicts} == {""}
    assert "kid" not in repr(filter_)


# checklist 28
def test_a_list_that_is_missing_or_empty_fails_closed(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"words\.txt"):
        build(path="words.txt", folder=tmp_path)
    (tmp_path / "words.txt").write_text("# nothing\n")
    with pytest.raises(SettingsError, match=r"words\.txt: holds no entries"):
        build(path="words.txt", folder=tmp_path)
