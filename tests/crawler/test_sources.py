"""Inputs and the archives they stand for."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from crawler.archives import Etiquette, read_listing
from crawler.errors import InputError
from crawler.list_forms import ListForm
from crawler.sources import ArchiveKind, Source, resolve_inputs

CC = "https://data.commoncrawl.org/"
WATS = [f"crawl-data/CC-MAIN-2026-47/segments/1.0/wat/{number:05}.warc.wat.gz" for number in range(4)]
WARCS = [f"crawl-data/CC-MAIN-2026-47/segments/1.0/warc/{number:05}.warc.gz" for number in range(3)]


def packed(lines: list[str]) -> bytes:
    return gzip.compress("".join(line + "\n" for line in lines).encode())


def listings(stored: Mapping[str, bytes]) -> Callable[[str], bytes]:
    def read(address: str) -> bytes:
        if address not in stored:
            raise InputError(f"{address}: no such file")
        return stored[address]

    return read


COMMON = {
    f"{CC}crawl-data/CC-MAIN-2026-47/wat.paths.gz": packed(WATS),
    f"{CC}crawl-data/CC-MAIN-2026-47/warc.paths.gz": packed(WARCS),
}
nothing_local = dict[str, list[str]]()


def resolve(
    *inputs: str,
    stored: Mapping[str, bytes] = COMMON,
    files: Mapping[str, list[str]] = nothing_local,
    commoncrawl: str = CC,
) -> list[str]:
    """The addresses, in a world of these listings and these files."""
    found = resolve_inputs(
        inputs, read_listing=listings(stored), find=lambda text: files.get(text, []), commoncrawl=commoncrawl
    )
    return [source.address for source in found]


def refused(*inputs: str, stored: Mapping[str, bytes] = COMMON, files: Mapping[str, list[str]] = nothing_local) -> str:
    with pytest.raises(InputError) as caught:
        resolve(*inputs, stored=stored, files=files)
    return str(caught.value)


# kinds and names

KINDS: list[tuple[str, ArchiveKind]] = [
    ("https://h.test/a.warc", ArchiveKind.WARC),
    ("https://h.test/a.warc.gz", ArchiveKind.WARC),
    ("https://h.test/A.WARC.GZ", ArchiveKind.WARC),
    ("https://h.test/a.warc.zst", ArchiveKind.WARC),
    ("https://h.test/a.arc", ArchiveKind.WARC),
    ("https://h.test/a.arc.gz", ArchiveKind.WARC),
    ("https://h.test/a.warc.wat", ArchiveKind.WAT),
    ("https://h.test/a.warc.wat.gz", ArchiveKind.WAT),
    ("https://h.test/a.warc.wat.zst", ArchiveKind.WAT),
    ("https://h.test/a.wat", ArchiveKind.WAT),
    ("https://h.test/a.wat.gz", ArchiveKind.WAT),
    ("https://h.test/a.wat.zst", ArchiveKind.WAT),
    ("https://h.test/a.warc.gz?X-Amz-Signature=1/2#part", ArchiveKind.WARC),
    ("s3://bucket/key/a.warc.wat.gz", ArchiveKind.WAT),
    ("gs://bucket/a.warc", ArchiveKind.WARC),
    ("https://h.test/part-00000.snappy.parquet", ArchiveKind.LIST),
    ("https://h.test/a.CSV?download=true", ArchiveKind.LIST),
    ("https://h.test/a.csv.gz", ArchiveKind.LIST),
    ("https://h.test/a.tsv", ArchiveKind.LIST),
    ("https://h.test/a.json", ArchiveKind.LIST),
    ("https://h.test/a.jsonl.gz", ArchiveKind.LIST),
    ("https://h.test/a.txt", ArchiveKind.LIST),
    ("https://h.test/warc.txt.gz", ArchiveKind.LIST),
    ("s3://bucket/a.parquet", ArchiveKind.LIST),
]


@pytest.mark.parametrize(("address", "kind"), KINDS)
def test_the_ending_tells_the_kind(address: str, kind: ArchiveKind) -> None:
    assert resolve_inputs([address], read_listing=listings({})) == [Source(address, kind)]


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("folder/a.warc.gz", "a.warc.gz"),
        ("a.warc.gz", "a.warc.gz"),
        ("https://h.test/x/a.warc.gz?sig=a/b.warc#c/d", "a.warc.gz"),
        ("s3://bucket/x/a.warc.gz", "a.warc.gz"),
    ],
)
def test_a_source_is_called_by_its_last_component(address: str, name: str) -> None:
    assert Source(address, ArchiveKind.WARC).name == name


@pytest.mark.parametrize(
    "address",
    [
        "https://h.test/a.warc.wet.gz",
        "https://h.test/a.gz",
        "https://h.test/folder/",
        "https://h.test/warc",
        "s3://bucket/folder/",
        "s3://bucket/a.parquet.gz",
        "https://h.test/a.csvx",
    ],
)
def test_an_unknown_ending_is_refused_with_the_known_ones(address: str) -> None:
    assert ".warc.gz" in (message := refused(address))
    assert address in message


# Common Crawl by name


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("CC-MAIN-2026-47", WATS),
        ("CC-MAIN-2026-47:wat", WATS),
        ("CC-MAIN-2026-47:warc", WARCS),
        ("CC-MAIN-2026-47:1", WATS[1:2]),
        ("CC-MAIN-2026-47:1-2", WATS[1:3]),
        ("CC-MAIN-2026-47:wat:0-0", WATS[:1]),
        ("CC-MAIN-2026-47:warc:0-2", WARCS),
        ("CC-MAIN-2026-47:warc:00002", WARCS[2:]),
    ],
)
def test_a_crawl_by_name_is_its_listing_or_a_range_of_it(text: str, expected: list[str]) -> None:
    assert resolve(text) == [CC + line for line in expected]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("CC-MAIN-2026-47:wat:2-1", "write it as :1-2"),
        ("CC-MAIN-2026-47:wat:4", "numbered 0 to 3"),
        ("CC-MAIN-2026-47:warc:0-3", "has 3 files"),
        ("CC-MAIN-2026-47:wet", "CC-MAIN-YYYY-WW"),
        ("CC-MAIN-2026-47:0-", "CC-MAIN-YYYY-WW"),
        ("CC-MAIN-2026-47:-1", "CC-MAIN-YYYY-WW"),
        ("CC-MAIN-2026-47:0-1-2", "CC-MAIN-YYYY-WW"),
        ("CC-MAIN-2026-47:" + "9" * 5000, "CC-MAIN-YYYY-WW"),
        ("CC-MAIN-2026-47:٣", "CC-MAIN-YYYY-WW"),
        ("CC-MAIN-2026", "CC-MAIN-YYYY-WW"),
        ("CC-MAIN-2026-48", "no such file"),
    ],
)
def test_a_crawl_that_is_none_is_refused_with_the_remedy(text: str, why: str) -> None:
    message = refused(text)
    assert why in message
    assert message.startswith(text)


@pytest.mark.parametrize("root", ["s3://commoncrawl/", "s3://commoncrawl", "https://mirror.test/cc/"])
def test_common_crawl_may_stand_elsewhere(root: str) -> None:
    base = root.rstrip("/") + "/"
    stored = {f"{base}crawl-data/CC-MAIN-2026-47/wat.paths.gz": packed(WATS)}
    assert resolve("CC-MAIN-2026-47:0", stored=stored, commoncrawl=root) == [base + WATS[0]]


def test_a_local_mirror_needs_only_the_files_of_the_range() -> None:
    stored = {"mirror/crawl-data/CC-MAIN-2026-47/wat.paths.gz": packed(WATS)}
    files = {"mirror/" + WATS[1]: ["mirror/" + WATS[1]]}
    assert resolve("CC-MAIN-2026-47:1", stored=stored, files=files, commoncrawl="mirror") == ["mirror/" + WATS[1]]


# listings

PLACES: list[tuple[str, str, str]] = [
    # the listing, a line of it, what the line stands for
    ("https://h.test/crawl-data/X/wat.paths.gz", "crawl-data/X/a.wat.gz", "https://h.test/crawl-data/X/a.wat.gz"),
    ("https://h.test/cc/crawl-data/X/wat.paths.gz", "crawl-data/X/a.wat", "https://h.test/cc/crawl-data/X/a.wat"),
    ("https://h.test/cc/crawl-data/X/wat.paths.gz", "a.wat", "https://h.test/cc/crawl-data/X/a.wat"),
    ("https://h.test/lists/wat.paths.gz", "crawl-data/X/a.wat", "https://h.test/lists/crawl-data/X/a.wat"),
    ("https://h.test/lists/warc.paths", "b/a.warc", "https://h.test/lists/b/a.warc"),
    ("https://h.test/my-paths.txt", "a.warc", "https://h.test/a.warc"),
    ("https://h.test/paths.txt.gz?sig=/x", "a.warc", "https://h.test/a.warc"),
    ("https://u:p@h.test/x/wat.paths", "a.wat", "https://u:p@h.test/x/a.wat"),
    ("https://h.test/x/wat.paths", "https://h.test/y/a.wat", "https://h.test/y/a.wat"),
    ("s3://bucket/crawl-data/X/wat.paths.gz", "crawl-data/X/a.wat.gz", "s3://bucket/crawl-data/X/a.wat.gz"),
    ("s3://bucket/x/wat.paths", "s3://bucket/y/a.wat", "s3://bucket/y/a.wat"),
    ("crawl-data/X/wat.paths.gz", "crawl-data/X/a.wat.gz", "crawl-data/X/a.wat.gz"),
    ("/m/crawl-data/X/wat.paths.gz", "crawl-data/X/a.wat.gz", "/m/crawl-data/X/a.wat.gz"),
    ("/m/crawl-data/m/crawl-data/X/wat.paths", "crawl-data/X/a.wat", "/m/crawl-data/m/crawl-data/X/a.wat"),
    ("/m/not-crawl-data/wat.paths", "crawl-data/X/a.wat", "/m/not-crawl-data/crawl-data/X/a.wat"),
    ("wat.paths", "a.wat", "a.wat"),
    ("lists/wat.paths", "/elsewhere/a.wat", "/elsewhere/a.wat"),
    ("lists/wat.paths", "file:///elsewhere/a%20b.wat", "/elsewhere/a b.wat"),
    ("lists/wat.paths", "https://h.test/a.wat", "https://h.test/a.wat"),
    ("lists/wat.paths", "s3://bucket/a.wat", "s3://bucket/a.wat"),
]


@pytest.mark.parametrize(("listing", "line", "expected"), PLACES)
def test_a_line_of_a_listing_stands_where_the_listing_says(listing: str, line: str, expected: str) -> None:
    files = {expected: [expected]}
    assert resolve(listing, stored={listing: f"\r\n {line}\r\n\n".encode()}, files=files) == [expected]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("https://169.254.169.254/latest/a.warc", "leads elsewhere"),
        ("http://h.test/x/a.warc", "leads elsewhere"),
        ("https://h.test.evil.test/a.warc", "leads elsewhere"),
        ("https://h.test@evil.test/a.warc", "leads elsewhere"),
        ("file:///etc/a.warc", "leads elsewhere"),
        ("s3://private/a.warc", "leads elsewhere"),
        ("/etc/a.warc", "leads out"),
        ("../../a.warc", "leads out"),
        ("x/..\\a.warc", "leads out"),
        ("a.warc\x00.warc", "names no archive"),
        ("<html>", "names no archive"),
        ("a.warc.wet.gz", "names no archive"),
    ],
)
def test_a_listing_from_elsewhere_names_only_what_stands_beside_it(line: str, why: str) -> None:
    listing = "https://h.test/x/warc.paths.gz"
    assert why in refused(listing, stored={listing: packed([line])})


def test_a_local_copy_of_common_crawls_listing_says_how_to_read_from_there() -> None:
    message = refused("wat.paths.gz", stored={"wat.paths.gz": packed(WATS)})
    assert WATS[0] in message
    assert "CC-MAIN-YYYY-WW" in message


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "empty"),
        (packed([]), "empty"),
        (b"\n \r\n", "empty"),
        (packed(WATS)[:-5], "cut short"),
        (b"\x1f\x8b garbage", "damaged"),
        (packed(WATS) + b"trailing", "damaged"),
        (b"\xff\xfe\x00", "not text"),
    ],
)
def test_a_broken_listing_is_refused(content: bytes, why: str) -> None:
    assert why in refused(f"{CC}wat.paths.gz", stored={f"{CC}wat.paths.gz": content})


def test_a_listing_that_unpacks_to_more_than_any_real_one_is_refused() -> None:
    bomb = gzip.compress(bytes(4 << 20)) * 17
    assert "too large" in refused(f"{CC}wat.paths.gz", stored={f"{CC}wat.paths.gz": bomb})


def test_names_in_any_script_are_names() -> None:
    for name in ("日本\u3000語.warc.gz", "caf\udce9.warc"):  # the second is Latin-1, as Python reads it from a disk
        assert resolve(name, files={name: [name]}) == [name]


def test_a_listing_of_several_gzip_members_is_read_to_its_end() -> None:
    listing = f"{CC}crawl-data/CC-MAIN-2026-47/wat.paths.gz"
    assert resolve(listing, stored={listing: packed(WATS[:1]) + packed(WATS[1:])}) == [CC + line for line in WATS]


# lists


def test_where_archives_lie_a_table_or_a_text_is_a_note_on_them() -> None:
    files = {"folder": ["folder/a.warc.gz", "folder/index.csv", "folder/notes.txt", "folder/b.parquet"]}
    assert resolve("folder", files=files) == ["folder/a.warc.gz"]


def test_a_folder_without_archives_is_the_lists_in_it() -> None:
    files = {"folder": ["folder/README.md", "folder/_SUCCESS", "folder/a.parquet", "folder/sub/b.parquet"]}
    assert resolve("folder", files=files) == ["folder/a.parquet", "folder/sub/b.parquet"]
    lines = {"folder": ["folder/a.json", "folder/b.jsonl.gz"]}
    assert resolve("folder", files=lines) == ["folder/a.json", "folder/b.jsonl.gz"]


def test_lists_of_two_forms_in_one_folder_are_not_guessed_between() -> None:
    files = {"folder": ["folder/00000.parquet", "folder/00000_stats.json"]}
    message = refused("folder", files=files)
    assert "json and parquet" in message
    assert "form" in message
    assert resolve_as(ListForm.PARQUET, "folder", files=files) == ["folder/00000.parquet"]


def resolve_as(form: ListForm, *inputs: str, files: Mapping[str, list[str]] = nothing_local) -> list[str]:
    found = resolve_inputs(inputs, read_listing=listings({}), find=lambda text: files.get(text, []), list_form=form)
    assert {source.kind for source in found} == {ArchiveKind.LIST}
    return [source.address for source in found]


def test_a_listing_is_a_listing_unless_the_recipe_says_that_inputs_are_lists() -> None:
    images = {"image-paths.txt": b"http://images.test/boat.jpg\n"}
    message = refused("image-paths.txt", stored=images)
    assert 'form = "txt" under [list]' in message
    files = {"image-paths.txt": ["image-paths.txt"], "blob": ["blob"]}
    assert resolve_as(ListForm.TXT, "image-paths.txt", files=files) == ["image-paths.txt"]
    assert resolve_as(ListForm.TXT, "https://h.test/wat.paths.gz") == ["https://h.test/wat.paths.gz"]
    assert resolve_as(ListForm.PARQUET, "blob", files=files) == ["blob"]


def test_a_folder_without_the_form_that_the_recipe_asks_for_is_refused() -> None:
    with pytest.raises(InputError, match="no csv file"):
        resolve_as(ListForm.CSV, "folder", files={"folder": ["folder/a.parquet"]})


def test_a_listing_may_name_lists() -> None:
    listing = "https://h.test/laion/parts.paths.gz"
    parts = ["part-00000.parquet", "part-00001.parquet"]
    assert resolve(listing, stored={listing: packed(parts)}) == [f"https://h.test/laion/{part}" for part in parts]


def test_two_lists_of_one_name_are_refused_for_their_rows_could_not_be_told_apart() -> None:
    files = {name: [name] for name in ("en/0000.parquet", "de/0000.parquet", "de/a.warc", "en/a.warc")}
    message = refused("en/0000.parquet", "de/0000.parquet", files=files)
    assert "en/0000.parquet" in message
    assert "de/0000.parquet" in message
    assert resolve("en/0000.parquet", "./en/0000.parquet", files=files) == ["en/0000.parquet"]
    assert resolve("en/a.warc", "de/a.warc", files=files) == ["en/a.warc", "de/a.warc"]


# order and repeats


def test_inputs_keep_their_order_and_nothing_comes_twice() -> None:
    files = {"folder": ["folder/b.wat", "folder/notes.txt", "folder/a.warc"], "folder/a.warc": ["folder/a.warc"]}
    assert resolve("CC-MAIN-2026-47:1", "folder", "CC-MAIN-2026-47:0-1", "./folder//a.warc", files=files) == [
        CC + WATS[1],
        "folder/b.wat",
        "folder/a.warc",
        CC + WATS[0],
    ]


@pytest.mark.parametrize(
    "text", ["", " ", "a\nb.warc", "a\x00.warc", "nowhere.warc", "nowhere/*.warc", "https:///a.warc"]
)
def test_an_input_that_stands_for_nothing_is_refused(text: str) -> None:
    assert refused(text)


def test_no_input_at_all_is_refused() -> None:
    assert "no inputs" in refused()


def test_a_pattern_over_http_is_refused_and_a_question_mark_is_a_query() -> None:
    assert "listing" in refused("https://h.test/*.warc.gz")
    assert resolve("https://h.test/a.warc.gz?key=*") == ["https://h.test/a.warc.gz?key=*"]


# on a real disk


@pytest.fixture
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("b.warc.gz", "a.wat", "sub/c.warc", "sub/deep/d.arc.gz", "sub/notes.txt", "[odd].warc", "x.warc.part"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "sub" / "warc.paths").write_text("c.warc\ndeep/d.arc.gz\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (".", ["[odd].warc", "a.wat", "b.warc.gz", "sub/c.warc", "sub/deep/d.arc.gz"]),
        ("sub", ["sub/c.warc", "sub/deep/d.arc.gz"]),
        ("sub/", ["sub/c.warc", "sub/deep/d.arc.gz"]),
        ("*", ["[odd].warc", "a.wat", "b.warc.gz", "sub/c.warc", "sub/deep/d.arc.gz"]),
        ("*.w*", ["[odd].warc", "a.wat", "b.warc.gz"]),
        ("**/*.warc", ["[odd].warc", "sub/c.warc"]),
        ("s?b", ["sub/c.warc", "sub/deep/d.arc.gz"]),
        ("[odd].warc", ["[odd].warc"]),
        ("[a]*", ["a.wat"]),
        ("sub/warc.paths", ["sub/c.warc", "sub/deep/d.arc.gz"]),
        ("*/*.paths", ["sub/c.warc", "sub/deep/d.arc.gz"]),
    ],
)
def test_local_paths_folders_and_patterns(disk: Path, text: str, expected: list[str]) -> None:
    read = partial(read_listing, etiquette=Etiquette(), folder=disk)
    assert [source.address for source in resolve_inputs([text], read_listing=read)] == expected
    with_root = str(disk / text)
    found = [source.address for source in resolve_inputs([with_root], read_listing=read)]
    assert sorted(found) == sorted(str(disk / address) for address in expected)


@pytest.mark.parametrize(
    "text", ["sub/notes.md", "x.warc.part", "none", "none/*", "n" * 5000, "sub/none.paths", "\udc80"]
)
def test_local_inputs_that_are_none(disk: Path, text: str) -> None:
    with pytest.raises(InputError):
        resolve_inputs([text], read_listing=partial(read_listing, etiquette=Etiquette(), folder=disk))


# properties

PIECES = st.one_of(
    st.sampled_from(
        ["CC-MAIN-2026-47", "crawl-data", "paths", ".paths", ".txt", ".csv", ".warc", ".wat", ".gz", "wat", "a", "é"]
    ),
    st.sampled_from(["://", "https", "s3", "file", "::", "..", "\n", "\x00", "\ud800"]),
    st.sampled_from(":/.*[?#@ -09\\"),
)
TEXTS = st.one_of(st.text(), st.lists(PIECES, max_size=12).map("".join))


@given(TEXTS, st.binary(max_size=30) | TEXTS.map(lambda text: text.encode("utf-8", "surrogatepass")), st.booleans())
@example("https://[/wat.paths", b"a.wat", True)
def test_any_input_gives_sources_or_an_input_error(text: str, listing: bytes, found: bool) -> None:
    try:
        sources = resolve_inputs([text], read_listing=lambda _: listing, find=lambda one: [one] if found else [])
    except InputError:
        return
    assert sources
    assert len({source.address for source in sources}) == len(sources)
    assert all(source.name for source in sources)


@given(st.lists(TEXTS, min_size=1, max_size=4))
def test_what_inputs_stand_for_stands_for_itself(inputs: list[str]) -> None:
    look = {"read_listing": lambda _: packed(WATS), "find": lambda one: [one]}
    try:
        sources = resolve_inputs(inputs, **look)  # type: ignore[arg-type]  # two look-ups of two types
    except InputError:
        return
    again = resolve_inputs([source.address for source in sources], **look)  # type: ignore[arg-type]  # the same
    assert again == sources


# the shared corpus

CORPUS = Path(__file__).parents[2] / "../shared/corpus"


@pytest.mark.corpus
@pytest.mark.skipif(not CORPUS.is_dir(), reason="the shared corpus is not beside the repository")
@pytest.mark.parametrize(
    ("root", "crawl", "files"), [("common-crawl-form", "CC-MAIN-2026-47", 6), ("real-pages", "CC-MAIN-2026-04", 4)]
)
def test_the_corpus_is_read_by_name_by_listing_and_by_folder(tmp_path: Path, root: str, crawl: str, files: int) -> None:
    read = partial(read_listing, etiquette=Etiquette(), folder=tmp_path)
    place = CORPUS / root
    for kind in (ArchiveKind.WARC, ArchiveKind.WAT):
        resolve_here = partial(resolve_inputs, read_listing=read, commoncrawl=str(place))
        by_name = resolve_here([f"{crawl}:{kind}"])
        assert len(by_name) == files
        assert {source.kind for source in by_name} == {kind}
        assert all(Path(source.address).is_file() for source in by_name)
        assert resolve_here([f"{crawl}:{kind}:1-2"]) == by_name[1:3]
        assert resolve_here([str(place / "crawl-data" / crawl / f"{kind}.paths.gz")]) == by_name
        assert resolve_here([str(place / "crawl-data" / crawl / "segments" / "*" / kind)]) == by_name
