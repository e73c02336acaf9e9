"""Word lists: one entry a line, every line needed."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.errors import SettingsError
from filters.lists import BadLineError, lines, read_lists

texts = st.lists(st.sampled_from(["\ufeff", "\r\n", "\n", "\r", "#", " ", "a", "\t"]) | st.text(max_size=3)).map(
    "".join
)


def words(text: str) -> Iterator[tuple[int, str | BadLineError]]:
    for number, line in lines(text):
        yield number, BadLineError("two words") if " " in line else line


def _read(file: Path) -> list[str]:
    return read_lists(str(file), Path(), words)


@given(text=texts)
def test_line_ends_marks_and_spaces_are_no_part_of_an_entry(text: str) -> None:
    for number, line in lines(text):
        assert number >= 1
        assert line == line.strip() != ""
        assert not line.startswith("#")


def test_lines_are_counted_as_an_editor_counts_them() -> None:
    assert list(lines("\ufeff# a list\r\n\r\n one \rtwo\n\n#\nthree")) == [(3, "one"), (4, "two"), (7, "three")]


def test_a_gzipped_list_reads_like_the_plain_one(tmp_path: Path) -> None:
    plain, packed = tmp_path / "list", tmp_path / "list.gz"
    plain.write_bytes(b"one\n")
    packed.write_bytes(gzip.compress(b"one\n"))
    assert _read(packed) == _read(plain) == ["one"]


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"", "holds no entries"),
        (b"# only a comment\n\n", "holds no entries"),
        (b"one\n\xff\xfe\n", "not UTF-8"),
        (gzip.compress(b"one\n" * 99)[:-4], "cannot be read"),
        (gzip.compress(b"one\n" * 99)[:20] + b"garbage" * 9, "cannot be read"),
    ],
)
def test_a_damaged_or_empty_list_ends_the_run_before_it_begins(tmp_path: Path, content: bytes, word: str) -> None:
    file = tmp_path / "list"
    file.write_bytes(content)
    with pytest.raises(SettingsError, match=word) as caught:
        _read(file)
    assert str(file) in str(caught.value)


def test_a_bad_line_is_named_by_number_and_never_quoted(tmp_path: Path) -> None:
    (tmp_path / "list").write_text("one\nsecret name\none\nsecret name\n\nsecret name\nsecret name\n")
    with pytest.raises(SettingsError) as caught:
        _read(tmp_path / "list")
    message = str(caught.value)
    for said in ("line 2: ", "line 4: ", "line 6: ", "and 1 more lines"):
        assert said in message
    assert "secret" not in message.replace(str(tmp_path), "")
    assert caught.value.__cause__ is None


def test_no_list_at_all_is_a_mistake() -> None:
    with pytest.raises(SettingsError, match="names no list"):
        read_lists((), Path(), words)
