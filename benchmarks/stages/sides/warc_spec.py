"""What a parser that follows the HTML standard letter for letter sees of pages: every image with what stands around it.

    PYTHON warc_spec.py PAGES.json FACTS.json

Runs where html5lib is, which was written from the standard's text and shares no code with the parser that we use. A page
is HTML as text; its facts are a list of [attributes of the image, attributes of the sources of its picture, caption of its
figure or null, whether it stands in a noscript] in page order, and the addresses of its base elements.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import html5lib  # type: ignore[import-untyped]  # ships no types


def facts(page: str) -> dict[str, Any]:
    """The facts of a page."""
    # scripting is off in html5lib, as it is with us
    tree = html5lib.parse(page, treebuilder="etree", namespaceHTMLElements=False)
    parents = {child: parent for parent in tree.iter() for child in parent}
    captions: dict[Any, str] = {}
    sources: dict[Any, list[dict[str, str]]] = {}
    for element in tree.iter():
        if element.tag == "figcaption" and (figure := _around(element, parents, "figure")) is not None:
            captions.setdefault(figure, " ".join(element.itertext()))
        if element.tag == "source" and (picture := _around(element, parents, "picture")) is not None:
            sources.setdefault(picture, []).append(dict(element.attrib))
    images = []
    for image in tree.iter("img"):
        if _around(image, parents, "template") is not None:
            continue  # what is in a template is no part of the page
        figure, picture = _around(image, parents, "figure"), _around(image, parents, "picture")
        caption = None if figure is None else captions.get(figure, "")
        in_noscript = _around(image, parents, "noscript") is not None
        images.append([dict(image.attrib), sources.get(picture, []), caption, in_noscript])
    return {"images": images, "bases": [one.get("href") for one in tree.iter("base") if one.get("href")]}


def _around(element: Any, parents: dict[Any, Any], tag: str) -> Any:  # noqa: ANN401 - html5lib has no types
    """The nearest element of a kind around another."""
    parent = parents.get(element)
    while parent is not None and parent.tag != tag:
        parent = parents.get(parent)
    return parent


if __name__ == "__main__":
    pages = json.loads(Path(sys.argv[1]).read_text())
    Path(sys.argv[2]).write_text(json.dumps([facts(page) for page in pages]))
