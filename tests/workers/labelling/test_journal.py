"""What one labeller has said, on the disk."""

from __future__ import annotations

from pathlib import Path

import pytest

from crawler.errors import InputError, RunFolderError, SettingsError
from tests.workers.labelling.labels import DOES_NOT, MATCHES, UNSAFE, a_judgement, uid
from workers.labelling.journal import Journal, journal_path, journals, read_journal, standing
from workers.labelling.judgement import Word


def write(labels: Path, *words: Word) -> Path:
    with Journal.open(labels, "ada") as journal:
        for number, word in enumerate(words):
            journal.append(a_judgement(number, word))
    return journal_path(labels, "ada")


def test_what_is_appended_is_on_the_disk_before_it_is_told(tmp_path: Path) -> None:
    with Journal.open(tmp_path, "ada") as journal:
        journal.append(a_judgement(0, MATCHES))
        assert [one.verdict for one in read_journal(journal_path(tmp_path, "ada"))] == [MATCHES]


def test_a_sitting_goes_on_where_the_last_one_ended(tmp_path: Path) -> None:
    write(tmp_path, MATCHES, DOES_NOT)
    with Journal.open(tmp_path, "ada") as journal:
        assert list(journal.standing) == [uid(0), uid(1)]
        journal.append(a_judgement(2))
    assert len(read_journal(journal_path(tmp_path, "ada"))) == 3


def test_the_last_word_about_a_pair_counts_and_undone_takes_it_back() -> None:
    lines = [a_judgement(0, MATCHES), a_judgement(1, DOES_NOT), a_judgement(0, UNSAFE), a_judgement(1, Word.UNDONE)]
    assert {one: said.verdict for one, said in standing(lines).items()} == {uid(0): UNSAFE}


@pytest.mark.parametrize("cut", [1, 20, 100])
def test_half_a_line_of_a_killed_process_is_passed_over_and_closed_off(tmp_path: Path, cut: int) -> None:
    path = write(tmp_path, MATCHES, DOES_NOT)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) - cut])
    before = read_journal(path)
    assert [one.verdict for one in before] == ([MATCHES, DOES_NOT] if cut == 1 else [MATCHES])
    with Journal.open(tmp_path, "ada") as journal:
        journal.append(a_judgement(7, UNSAFE))
        journal.append(a_judgement(8, UNSAFE))
    assert [one.verdict for one in read_journal(path)] == [*(one.verdict for one in before), UNSAFE, UNSAFE]
    assert path.read_bytes().startswith(whole[: len(whole) - cut])  # only ever appended


def test_a_line_that_is_wrong_is_named_and_not_passed_over(tmp_path: Path) -> None:
    path = write(tmp_path, MATCHES, DOES_NOT)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + b'{"verdict": "maybe"}\n' + lines[1])
    with pytest.raises(InputError, match="line 2"):
        read_journal(path)


@pytest.mark.parametrize("wrong", [{"content_id": "x"}, {"verdict": "yes"}, {"seconds": -1}, {"of": 0}])
def test_what_cannot_be_a_judgement_is_refused(tmp_path: Path, wrong: dict[str, object]) -> None:
    import msgspec

    path = journal_path(tmp_path, "ada")
    line = msgspec.json.encode(msgspec.to_builtins(a_judgement()) | wrong) + b"\n"
    path.write_bytes(line * 2)
    with pytest.raises(InputError, match="line 1"):
        read_journal(path)


@pytest.mark.parametrize("name", ["", "../ada", ".ada", "a/b", "a b", "ada\n", "x" * 65, "-ada"])
def test_a_name_that_could_be_another_file_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(SettingsError, match="--labeller"):
        journal_path(tmp_path, name)


def test_two_sittings_of_one_name_do_not_write_at_once(tmp_path: Path) -> None:
    with (
        Journal.open(tmp_path, "ada"), pytest.raises(RunFolderError, match="already"), Journal.open(tmp_path, "ada"),
    ):  # fmt: skip
        raise AssertionError


def test_the_files_of_labellers_are_found_and_locks_are_none(tmp_path: Path) -> None:
    write(tmp_path, MATCHES)
    assert [one.name for one in journals(tmp_path)] == ["ada.jsonl"]
    assert journals(tmp_path / "none") == []
