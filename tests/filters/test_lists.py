from __future__ import annotations

import gzip
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.errors import SettingsError
from filters.bodies import hash_removal
from filters.candidates import url_removal
from filters.lists import BadLineError, first_column, lines, read_lists
from filters.pictures import phash_removal

Parse = Callable[[str], Iterable[tuple[int, Any]]]
PARSERS: dict[str, Parse] = {
    "hashes": hash_removal.parse,
    "addresses": url_removal.parse,
    "phashes": phash_removal.parse,
}
every_parser = pytest.mark.parametrize("parse", PARSERS.values(), ids=PARSERS.keys())

# what lists are made of, so that chance finds more than noise
PIECES = st.sampled_from(
    ["sha1:", "md5", "d41d8cd98f00b204e9800998ecf8427e", "a" * 40, "MFRGG" * 6, "http://", "a.test", "/", ":80", "*.",
     ".", "\ufeff", "\r\n", "\n", "\r", "#", ",", ";", "\t", '"', "[::1]", "%", "\x00", "0f" * 8, "xn--", "ß", " "]
)  # fmt: skip
texts = st.lists(PIECES | st.text(max_size=5), max_size=30).map("".join)


@every_parser
@given(text=texts)
def test_a_line_is_an_entry_or_a_problem_with_a_number_and_never_an_exception(parse: Parse, text: str) -> None:
    numbers = [number for number, _ in parse(text)]
    assert numbers == sorted(set(numbers))
    for _, entry in parse(text):
        if isinstance(entry, BadLineError):
            assert str(entry)


@every_parser
@given(
    content=st.binary(max_size=200) | texts.map(str.encode) | texts.map(lambda text: gzip.compress(text.encode())[:-3])
)
def test_a_file_is_a_list_or_a_settings_error(parse: Parse, content: bytes, tmp_path_factory: Any) -> None:
    file = tmp_path_factory.mktemp("lists") / "list"
    file.write_bytes(content)
    try:
        entries = read_lists(str(file), Path(), parse)
    except SettingsError:
        return
    assert entries


@given(text=texts)
def test_line_ends_marks_and_spaces_are_no_part_of_an_entry(text: str) -> None:
    for number, line in lines(text):
        assert number >= 1
        assert line == line.strip() != ""
        assert not line.startswith("#")


def test_lines_are_counted_as_an_editor_counts_them() -> None:
    assert list(lines("\ufeff# a list\r\n\r\n one \rtwo\n\n#\nthree")) == [(3, "one"), (4, "two"), (7, "three")]


@pytest.mark.parametrize("line", ["ab", "ab,x", '"ab";1;2', "ab\tx,y", " 'ab' , c"])
def test_the_first_column_of_a_csv_line(line: str) -> None:
    assert first_column(line) == "ab"


def _read(file: Path) -> list[Any]:
    return read_lists(str(file), Path(), url_removal.parse)


def test_a_gzipped_list_reads_like_the_plain_one(tmp_path: Path) -> None:
    plain, packed = tmp_path / "list", tmp_path / "list.gz"
    plain.write_bytes(b"bad.test\n")
    packed.write_bytes(gzip.compress(b"bad.test\n"))
    assert _read(packed) == _read(plain) != []


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"", "holds no entries"),
        (b"# only a comment\n\n", "holds no entries"),
        (b"bad.test\n\xff\xfe\n", "not UTF-8"),
        (gzip.compress(b"bad.test\n" * 99)[:-4], "cannot be read"),
        (gzip.compress(b"bad.test\n" * 99)[:20] + b"garbage" * 9, "cannot be read"),
    ],
)
def test_a_damaged_or_empty_list_ends_the_run_before_it_begins(tmp_path: Path, content: bytes, word: str) -> None:
    file = tmp_path / "list"
    file.write_bytes(content)
    with pytest.raises(SettingsError, match=word) as caught:
        _read(file)
    assert str(file) in str(caught.value)


def test_the_empty_one_of_several_lists_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "full").write_text("bad.test")
    (tmp_path / "empty").write_text("")
    with pytest.raises(SettingsError, match="empty: holds no entries"):
        read_lists(("full", "empty"), tmp_path, url_removal.parse)


def test_a_bad_line_is_named_by_number_and_never_quoted(tmp_path: Path) -> None:
    (tmp_path / "list").write_text("good.test\nsecret name\ngood.test\nsecret@name\n\n*\nsecret\n")
    with pytest.raises(SettingsError) as caught:
        _read(tmp_path / "list")
    message = str(caught.value)
    assert "line 2: " in message
    assert "line 4: " in message
    assert "line 6: " in message
    assert "and 1 more lines" in message
    assert "secret" not in message.replace(str(tmp_path), "")
    assert caught.value.__cause__ is None
