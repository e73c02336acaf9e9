"""Everything that real archives hold: nothing raises, everything adds up, WARC and WAT agree."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from warcio.archiveiterator import ArchiveIterator

from crawler.extract import extract
from crawler.extract.cc2dataset import derive_cc2dataset
from crawler.read import Incomplete, Skipped, read_pages
from crawler.records import Candidate, HtmlPage, WatPage
from crawler.settings import Extract

CORPUS = Path(__file__).parents[3] / "../shared/corpus"

pytestmark = [
    pytest.mark.corpus,
    pytest.mark.skipif(not CORPUS.is_dir(), reason="the shared corpus is not beside the repository"),
]


def read_all(path: Path) -> tuple[list[Candidate], Counter[str]]:
    candidates: list[Candidate] = []
    kinds: Counter[str] = Counter()
    for one in read_pages(path, name=path.name, wat=".wat." in path.name, limits=Extract()):
        if isinstance(one, HtmlPage | WatPage):
            kinds["page"] += 1
            extraction = extract(one, Extract())
            assert extraction.images == len(extraction.candidates) + sum(count for _, count in extraction.dropped)
            candidates += extraction.candidates
        else:
            kinds[one.reason.value if isinstance(one, Skipped) else "incomplete"] += 1
            assert not isinstance(one, Incomplete)
    return candidates, kinds


#: pages of each sample, as counted by hand with warcio
SAMPLES = {
    "dolma-0000.warc.gz": 22, "dolma-0001.warc.gz": 15, "iah-urls-wget.warc.gz": 2, "link-extraction-test.warc": 9,
    "pywb-dupes.warc.gz": 1, "pywb-example-wget-1-14.warc.gz": 1, "pywb-example-wpull.warc.gz": 1,
    "pywb-example2.warc.gz": 1, "pywb-iana.warc.gz": 16, "resiliparse-block-sized-records.warc.gz": 0,
    "resiliparse-clueweb-quirk.warc.gz": 29, "resiliparse-warcfile.warc.gz": 16, "whirlwind.warc.gz": 1,
    "whirlwind.warc.wat.gz": 0, "whirlwind.warc.wet.gz": 0,
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_odd_archives_are_read_whole(name: str) -> None:
    candidates, kinds = read_all(CORPUS / "samples" / name)
    assert kinds["page"] == SAMPLES[name]
    assert set(kinds) <= {"page", "not_a_response", "not_ok", "not_html"}
    assert all(derive_cc2dataset(one)["uid"] for one in candidates)


@pytest.mark.parametrize("name", ["common-crawl-form", "real-pages"])
def test_a_wat_file_describes_the_pages_of_its_warc_file(name: str) -> None:
    warc = min(CORPUS.glob(f"{name}/crawl-data/*/segments/*/warc/*.warc.gz"))
    wat = warc.parents[1] / "wat" / warc.name.replace(".warc.gz", ".warc.wat.gz")
    from_warc, warc_kinds = read_all(warc)
    from_wat, wat_kinds = read_all(wat)
    assert wat_kinds["page"] == warc_kinds["page"]
    assert {(one.archive, one.offset, one.page_url) for one in from_wat} <= {
        (page.archive, page.offset, page.url)
        for page in read_pages(warc, name=warc.name, wat=False, limits=Extract())
        if isinstance(page, HtmlPage)
    }
    assert len(from_warc) >= len(from_wat)


@pytest.mark.parametrize("name", sorted(name for name, pages in SAMPLES.items() if pages))
def test_every_page_is_what_warcio_reads(name: str) -> None:
    path = CORPUS / "samples" / name
    with path.open("rb") as file:
        theirs = [
            (record.rec_headers.get_header("WARC-Target-URI"), record.content_stream().read())
            for record in ArchiveIterator(file)
            if record.rec_type == "response"
            and record.http_headers.get_statuscode() == "200"
            and "html" in (record.http_headers.get_header("Content-Type") or "").lower()
        ]
    ours = [
        (page.url, page.body)
        for page in read_pages(path, name=name, wat=False, limits=Extract())
        if isinstance(page, HtmlPage)
    ]
    assert [url for url, _ in ours] == [url for url, _ in theirs]
    if "clueweb" not in name:  # its headers claim gzip for bodies that are not; warcio then reads nothing
        assert ours == theirs
