"""Takes pairs from WARC files as OBELICS does; for a checkout of its repository, since it is no package."""

from __future__ import annotations

import re
import sys
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from benchmarks.stages.sides.warc import Side, Way, members


class Obelics(Way):
    """The extractor of OBELICS, of a checkout of its repository: bs4 makes the page clean, selectolax makes a document of it.

    Its settings are those of its configs/config_extract_web_documents.yaml. As in its data, addresses of pages are known.
    """

    packages = ("selectolax", "beautifulsoup4", "warcio")

    def __init__(self, asked: dict[str, Any]) -> None:
        super().__init__(asked)
        sys.path.insert(0, asked["checkout"])
        from obelics.processors.dom_tree_simplificator import DOMTreeSimplificator  # type: ignore[import-not-found]  # a checkout
        from obelics.processors.html_extractor import HtmlExtractor  # type: ignore[import-not-found]  # a checkout
        from obelics.processors.pre_extraction_simplificator import PreExtractionSimplificator  # type: ignore[import-not-found]  # a checkout

        # written for a Python that allowed flags in the middle of an expression; 3.11 refuses them
        class Simplificator(DOMTreeSimplificator):  # type: ignore[misc]  # the checkout has no types
            def _remove_html_comments(self, page: str) -> str:
                return re.sub("(?s)<!--.*?-->", "", page)

        rules = {"css_rules": ["[class~='footer']", "[class~='site-info']"]}
        ends = {"[class~='more-link']": "\n\nEND_OF_DOCUMENT_TOKEN_TO_BE_REPLACED\n\n"}
        self._html = HtmlExtractor()
        self._simplified = Simplificator(**rules, css_rules_replace_with_text=ends)
        self._nodes = PreExtractionSimplificator()
        self._records = {Path(path): _records(Path(path)) for path in asked["paths"]}

    def run(self, paths: Iterable[Path]) -> int:
        """As `Way.run`."""
        for url, record in (one for path in paths for one in self._records[path]):
            html, error = self._html.get_html_from_warc(record)
            if error:
                continue
            for node in self._nodes(self._simplified(html, type_return="selectolax_tree"), page_url=url):
                if node.tag == "img" and (text := node.media_info.get("alt_text")):
                    self.found.append((url, node.media_info["src"], text))
        return sum(map(len, self._records.values()))


def _records(path: Path) -> list[tuple[str, bytes]]:
    """Address and packed record of each page."""
    data = path.read_bytes()
    found = []
    for start, end, body in members(path):
        if body:
            head = zlib.decompress(data[start:end], 31)[:body]
            found.append((head.partition(b"WARC-Target-URI: ")[2].partition(b"\r\n")[0].decode(), data[start:end]))
    return found


def prepare(asked: dict[str, Any]) -> Side:
    """The side."""
    return Side(asked, {"obelics": Obelics})
