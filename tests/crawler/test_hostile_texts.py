"""Checklist 28: what an alt text may hold, from the page to the shard."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from crawler.extract import NoCandidate, extract
from crawler.picture.encode import encode
from crawler.records import Candidate, Hashes, HtmlPage, Page, Sample, WatPage
from crawler.settings import Extract, Output
from crawler.tables import CandidateWriter, read_candidates
from crawler.write import ShardWriter, pictured, shard_paths
from tests.builders import a_fetched, a_picture

#: as written on the page, as it is everywhere afterwards
TEXTS = [
    ("red\0 boat", "red boat"),
    ("\u202eevil\u202c boat", "evil boat"),
    ("chi\u200bld", "child"),
    ("Child, K I D, kidney", "Child, K I D, kidney"),
    ("сhild", "сhild"),  # a Cyrillic letter is a letter: captions of all languages stay what they are
    ("=cmd|' /C calc'!A0", "=cmd|' /C calc'!A0"),
    ("a\nred\tboat|x", "a red boat|x"),
    ('a "quoted", semicolon; and, comma', 'a "quoted", semicolon; and, comma'),
    ("../../etc/passwd", "../../etc/passwd"),
]


def html_page(alt: str) -> HtmlPage:
    escaped = alt.replace("&", "&amp;").replace('"', "&quot;")
    body = f'<meta charset=utf-8><img src=/a.jpg alt="{escaped}">'.encode()
    return HtmlPage("http://pages.test/", "a.warc.gz", 0, (), body)


def wat_page(alt: str) -> WatPage:
    links = [{"path": "IMG@/src", "url": "/a.jpg", "alt": alt}]
    response = {"HTML-Metadata": {"Links": links}}
    envelope = {"Envelope": {"Payload-Metadata": {"HTTP-Response-Metadata": response}}}
    return WatPage("http://pages.test/", "a.warc.gz", 0, json.dumps(envelope).encode())


def through_the_tables(candidate: Candidate, folder: Path) -> tuple[str, str, str]:
    """The caption as the candidate table, the shard's table and the shard's tar give it back."""
    with CandidateWriter(folder / "candidates.parquet") as candidates:
        candidates.write([candidate], [None])
    ((planned,),) = read_candidates(folder / "candidates.parquet")
    picture = a_picture(fetched=a_fetched(candidate=planned))
    encoded = encode(picture, Output())
    hashes = Hashes("m" * 32, "1" * 40, "2" * 64, 1, 2, 3)
    sample = Sample(picture.fetched, picture.header, hashes, encoded.image, encoded.width, encoded.height, ())
    with ShardWriter(folder, 0, 10, Output(), ()) as shard:
        shard.keep(0, pictured(sample, Output()))
        shard.commit({})
    paths = shard_paths(folder, 0, Output())
    with tarfile.open(paths.tar) as tar:
        text = next(
            file.read().decode() for entry in tar if entry.name.endswith(".txt") and (file := tar.extractfile(entry))
        )
    return planned.caption.text, pq.read_table(paths.table).to_pylist()[0]["caption"], text


# checklist 28
@pytest.mark.parametrize(("written", "caption"), TEXTS)
def test_a_hostile_text_is_cleaned_once_and_never_changes_again(tmp_path: Path, written: str, caption: str) -> None:
    # a parser of HTML must write U+FFFD for NUL; in JSON it comes as it is
    pages: list[Page] = [wat_page(written)] if "\0" in written else [wat_page(written), html_page(written)]
    for number, page in enumerate(pages):
        (candidate,) = extract(page, Extract()).candidates
        folder = tmp_path / str(number)
        folder.mkdir()
        assert candidate.caption.text == caption
        assert through_the_tables(candidate, folder) == (caption, caption, caption)


# checklist 28
def test_half_a_character_in_json_is_no_json_and_counted() -> None:
    extraction = extract(wat_page("a\ud800b"), Extract())
    assert extraction.candidates == ()
    assert extraction.dropped == ((NoCandidate.UNREADABLE, 1),)
