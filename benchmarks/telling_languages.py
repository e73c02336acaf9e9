"""How often the language of a caption is told, and told right; what it costs, and what the text filters cost.

    python benchmarks/telling_languages.py --corpus ../shared/corpus [--catalogues /usr/share/locale]

Truth is in the host names of the offline web ("stamps-de.test"). A caption that several of its hosts share, such as
"Kenya", is right with any of their languages. `--catalogues` adds gettext catalogues of iso-codes and programs, in 140
languages: more than half of them are unknown to eldc, which is the hard case. Times are CPU seconds of one thread, the
smallest of five rounds.
"""

from __future__ import annotations

import argparse
import gettext
import re
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from itertools import islice, product
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import eldc

from crawler.extract import extract
from crawler.read import read_pages
from crawler.records import Candidate, HtmlPage, Tongue
from crawler.settings import Extract
from crawler.tongue import LANGUAGES, tongue_of
from filters import load

#: hosts whose name has no language, or another than their captions: those of kicad-id were never translated
_LANGUAGE_OF_HOST = {"kicad-id": "en", "hugin": "en", "qtcreator": "en"}
_DOMAINS = ("iso_3166-1", "iso_639-3", "iso_639-2", "gtk30", "glib20", "coreutils", "git", "apt", "shared-mime-info")
_OTHER_NAMES = {"nb": "no", "nn": "no", "fil": "tl", "mo": "ro", "iw": "he"}
_LENGTHS = ((0, 5), (5, 10), (10, 15), (15, 25), (25, 50), (50, 10_000))
_ROUNDS = 5


class Row(NamedTuple):
    """One caption, and every language in which it was met."""

    caption: str
    languages: frozenset[str]
    declared: frozenset[str] = frozenset()  # by the pages


def main() -> None:
    """Print all tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--catalogues", type=Path)
    arguments = parser.parse_args()
    candidates = candidates_of(arguments.corpus / "common-crawl-form")
    rows = rows_of(candidates)
    accuracy("offline web", rows)
    by_language(rows)
    declared(rows)
    if arguments.catalogues:
        accuracy("catalogues", rows_of_catalogues(arguments.catalogues))
    real = candidates_of(arguments.corpus / "real-pages")
    agreement(real)
    costs({"offline web": candidates, "real pages": real})


def candidates_of(folder: Path) -> list[Candidate]:
    """What extraction makes of the WARC files in a folder."""
    settings = Extract()
    return [
        candidate
        for path in sorted(folder.rglob("warc/*.warc.gz"))
        for page in read_pages(path, name=path.name, wat=False, limits=settings)
        if isinstance(page, HtmlPage)
        for candidate in extract(page, settings).candidates
    ]


def rows_of(candidates: Sequence[Candidate]) -> list[Row]:
    """Distinct captions with the languages of their hosts."""
    languages = defaultdict(set)
    said = defaultdict(set)
    for one in candidates:
        host = one.page_url.split("/")[2].removesuffix(".test")
        language = _LANGUAGE_OF_HOST.get(host) or (host.split("-")[1] if "-" in host else "")
        if language and one.caption.text:
            languages[one.caption.text].add(language)
            said[one.caption.text].add(one.language)
    return [Row(text, frozenset(of), frozenset(said[text])) for text, of in languages.items()]


def rows_of_catalogues(folder: Path) -> list[Row]:
    """Up to 250 short messages for each language that has catalogues in a folder of locales."""
    languages = defaultdict(set)
    for locale in sorted(folder.glob("*/LC_MESSAGES")):
        name = locale.parent.name
        if "@" in name or name.startswith("en"):
            continue
        texts = set()
        for file in (locale / f"{domain}.mo" for domain in _DOMAINS):
            if file.exists():
                texts |= _messages(file)
        for text in sorted(texts)[:: 1 + len(texts) // 250]:
            languages[text].add(_OTHER_NAMES.get(name.split("_")[0], name.split("_")[0]))
    return [Row(text, frozenset(of)) for text, of in languages.items()]


def _messages(file: Path) -> set[str]:
    with file.open("rb") as stream:
        try:
            catalogue = gettext.GNUTranslations(stream)
        except (OSError, UnicodeDecodeError, IndexError):  # a header that Python does not understand
            return set()
    found = set()
    for source, text in vars(catalogue)["_catalog"].items():
        if isinstance(source, str) and isinstance(text, str) and text != source:
            plain = " ".join(re.sub("[_&]", "", text).split())
            if 2 <= len(plain) <= 120 and not re.search(r"[%\\{}<>$|]|--", plain):
                found.add(plain)
    return found


def accuracy(title: str, rows: list[Row]) -> None:
    """Shares by confidence and by length."""
    tongues = [tongue_of(row.caption) for row in rows]
    alone = share(eldc.detect(row.caption) in row.languages for row in rows)
    known = [bool(row.languages & LANGUAGES) for row in rows]
    print(f"\n{title}: {len(rows)} captions in {len(frozenset().union(*(row.languages for row in rows)))} languages")
    print(f"  {share(known):.1%} in a language that can be told; eldc alone, over all languages: {alone:.1%} right")
    print("  confidence   told  right   of known languages: told  right   English: precision  recall")
    for least in (0.0, 0.1, 0.2, 0.3, 0.5):
        told = [bool(tongue.language) and tongue.confidence >= least for tongue in tongues]
        right = [tongue.language in row.languages for tongue, row in zip(tongues, rows, strict=True)]
        of_known = [a and b for a, b in zip(told, known, strict=True)]
        as_english = [a and tongue.language == "en" for a, tongue in zip(told, tongues, strict=True)]
        english = ["en" in row.languages for row in rows]
        both = sum(a and b for a, b in zip(as_english, english, strict=True))
        precision = f"{both / max(1, sum(as_english)):.1%}" if any(english) else "-"
        recall = f"{both / sum(english):.1%}" if any(english) else "-"
        print(
            f"  >= {least:<8} {share(told):6.1%} {where(told, right):6.1%} {sum(of_known) / sum(known):26.1%} "
            f"{where(of_known, right):6.1%} {precision:>20} {recall:>7}"
        )
    for first, end in _LENGTHS:
        here = [a and first <= len(row.caption) < end for a, row in zip(known, rows, strict=True)]
        told = [a and bool(tongue.language) for a, tongue in zip(here, tongues, strict=True)]
        if any(told):
            print(
                f"  {first:>3} to {end - 1:<5} characters: {sum(here):>5}, told {sum(told) / sum(here):6.1%}, "
                f"right {where(told, right):6.1%}"
            )


def by_language(rows: list[Row]) -> None:
    """Recall and precision of every language of the offline web."""
    print("\n  language captions   told  recall  precision  taken for")
    tongues = [(tongue_of(row.caption), row.languages) for row in rows]
    for language in sorted(frozenset().union(*(row.languages for row in rows))):
        of = [tongue.language for tongue, languages in tongues if language in languages]
        as_this = [language in languages for tongue, languages in tongues if tongue.language == language]
        wrong = [one for one in of if one and one != language]
        often = sorted(set(wrong), key=lambda one: -wrong.count(one))[:3]
        print(
            f"  {language:>8} {len(of):>8} {share(bool(one) for one in of):6.1%} "
            f"{share(one == language for one in of):7.1%} {share(as_this):10.1%}  {' '.join(often)}"
        )


def declared(rows: list[Row]) -> None:
    """How often the pages' own word is right, on the same captions."""
    said = [row for row in rows if len(row.languages) == 1]
    with_word = [row for row in said if row.declared - {""}]
    right = share(bool(row.declared & row.languages) for row in with_word)
    print(f"\n  pages declare a language for {len(with_word)} of {len(said)} captions: {right:.1%} right")


def agreement(candidates: list[Candidate]) -> None:
    """On real pages there is no truth: how often caption and page say the same."""
    captions = {(one.caption.text, one.language): one.tongue for one in candidates if one.caption.text}
    print(f"\nreal pages: {len(captions)} captions, told {share(bool(t.language) for t in captions.values()):.1%}")
    for least in (0.0, 0.3, 0.5):
        told = [
            (tongue.language, page)
            for (_, page), tongue in captions.items()
            if page and tongue.language and tongue.confidence >= least
        ]
        print(
            f"  confidence >= {least}: {len(told)}, as the page declares {share(caption == page for caption, page in told):.1%}"
        )


def costs(sets: dict[str, list[Candidate]]) -> None:
    """CPU time for each caption."""
    with tempfile.TemporaryDirectory() as folder:
        words = Path(folder) / "words.txt"
        syllables = product("bdfgklmnprst", "aeiou", "bdklmnrst", "aeiou", "nrst")
        words.write_text("\n".join("".join(letters) for letters in islice(syllables, 5_000)))
        filters = {
            name: load(f"candidates.{name}", {"path": str(words)} if name == "keywords" else {})
            for name in ("language", "script", "alphanumeric", "boilerplate", "keywords")
        }
    for title, candidates in sets.items():
        captions = [one.caption.text for one in candidates]
        print(f"\n{title}: microseconds of CPU for each of {len(captions)} captions, and captions a second")

        def told(captions: list[str] = captions) -> list[Tongue]:
            return [tongue_of(caption) for caption in captions]

        ways: dict[str, Callable[[], object]] = {"tongue_of": told}
        for name, filter_ in filters.items():
            ways[name] = lambda judge=filter_.judge, candidates=candidates: judge(candidates)
        for name, way in ways.items():
            each = min(seconds(way) for _ in range(_ROUNDS)) / len(captions)
            print(f"  {name:<14} {each * 1e6:6.2f} {1 / each:>12,.0f}")


def seconds(way: Callable[[], object]) -> float:
    """CPU seconds of one call."""
    begin = time.process_time()
    way()
    return time.process_time() - begin


def share(ones: object) -> float:
    """The share of true values."""
    values = list(ones)  # type: ignore[call-overload] # any iterable
    return sum(values) / max(1, len(values))


def where(chosen: list[bool], values: list[bool]) -> float:
    """The share of true values among the chosen."""
    return share(value for choice, value in zip(chosen, values, strict=True) if choice)


if __name__ == "__main__":
    main()
