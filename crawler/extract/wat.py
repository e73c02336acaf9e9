"""Images of a page as a WAT file describes it: links with their attributes, no HTML."""

from __future__ import annotations

from typing import Any, Generic, TypeVar, Union

import msgspec

from crawler.extract.addresses import Choice, choose
from crawler.extract.harvest import Harvest
from crawler.extract.outcome import Extraction
from crawler.extract.previews import NAMES, Meta, previews
from crawler.extract.signals import SIGNAL_HEADERS, Signals, language_of, licence_of, opt_outs_of
from crawler.records import ImageSource, TextSource, WatPage
from crawler.settings import Extract


class _Link(msgspec.Struct, gc=False):
    path: str = ""
    url: str = ""
    alt: str = ""
    title: str = ""
    rel: str = ""


class _Image(msgspec.Struct, gc=False, tag_field="path", tag="IMG@/src"):
    url: str = ""
    alt: str = ""
    title: str = ""


class _Meta(msgspec.Struct, gc=False):
    name: str = ""
    property: str = ""
    http_equiv: str = msgspec.field(name="http-equiv", default="")
    content: str = ""


#: what is read of a link: all that matters of any, or of images only
Link = TypeVar("Link")


class _Head(msgspec.Struct, Generic[Link], gc=False):
    Base: str = ""
    Title: str = ""
    Metas: list[_Meta] = []
    Link: list[Link] = []


class _Html(msgspec.Struct, Generic[Link], gc=False):
    Head: _Head[Link] = msgspec.field(default_factory=_Head)
    Links: list[Link] = []


class _Response(msgspec.Struct, Generic[Link], gc=False):
    Headers: dict[str, str | list[str]] = {}
    html: _Html[Link] = msgspec.field(name="HTML-Metadata", default_factory=_Html)


class _Payload(msgspec.Struct, Generic[Link], gc=False):
    response: _Response[Link] = msgspec.field(name="HTTP-Response-Metadata", default_factory=_Response)


class _Envelope(msgspec.Struct, Generic[Link], gc=False):
    payload: _Payload[Link] = msgspec.field(name="Payload-Metadata", default_factory=_Payload)


class _Record(msgspec.Struct, Generic[Link], gc=False):
    Envelope: _Envelope[Link] = msgspec.field(default_factory=_Envelope)


#: Elements and attributes beside `IMG@/src` that Common Crawl's extractor lists most: nine links of ten. What stands in
#: these is not looked at. A page with any other is read again in full, so that a list too short costs time alone.
_OTHER_PATHS = (
    "A@/data-href", "A@/href", "A@/onclick", "AREA@/href", "AUDIO@/src", "BLOCKQUOTE@/cite", "BODY@/background",
    "BUTTON@/data-href", "BUTTON@/formaction", "BUTTON@/onclick", "DEL@/cite", "DIV@/data-href", "DIV@/onclick",
    "EMBED@/src", "FORM@/action", "FRAME@/src", "IFRAME@/src", "IMG@/longdesc", "INPUT@/onclick", "INPUT@/src",
    "INS@/cite", "LI@/data-href", "LI@/onclick", "LINK@/href", "NAV@/data-href", "OBJECT@/data", "Q@/cite",
    "SCRIPT@/src", "SOURCE@/src",
    "SPAN@/data-href", "SPAN@/onclick", "STYLE/#text", "STYLE@/data-href", "TABLE@/background", "TD@/background",
    "TD@/onclick", "TR@/data-href", "TR@/onclick", "TRACK@/src", "VIDEO@/poster", "VIDEO@/src",
)  # fmt: skip
_OTHERS = [
    msgspec.defstruct(f"_Other{number}", [], gc=False, tag_field="path", tag=path)
    for number, path in enumerate(_OTHER_PATHS)
]
#: a page of 5 MB has links for less than half of it; each takes 70 bytes and more
_MOST_VALUES = 2_000_000
_DECODER = msgspec.json.Decoder(_Record[_Link])
_OF_IMAGES: msgspec.json.Decoder[_Record[Any]] = msgspec.json.Decoder(_Record[Union[(_Image, *_OTHERS)]])  # type: ignore[valid-type]  # made at run time
_IMAGE = "IMG@/"
_SRC = "IMG@/src"
#: what every licence's address holds; no "/" at its end, which JSON may write as "\\/"
_CC = b"creativecommons.org"


def extract_wat(page: WatPage, settings: Extract) -> Extraction:
    """The candidates of a page that a WAT record describes: its `IMG@` links in order, then its previews.

    Every row that cc2dataset makes of the record can be derived from these (crawler.extract.cc2dataset), but for those
    whose address is none.
    """
    response = _quick(page.envelope) or _response(page.envelope)
    if response is None:
        harvest = Harvest(page, "", Signals(), settings)
        harvest.add_unreadable()
        return harvest.result()
    head = response.html.Head
    metas = [((meta.name or meta.property or meta.http_equiv).strip().lower(), meta.content) for meta in head.Metas]
    harvest = Harvest(page, head.Base, _signals(response, metas), settings, as_written=True)
    _add_images(harvest, response.html.Links)
    if shown_by := [Meta(*meta) for meta in metas if meta[0] in NAMES]:
        for choice, texts in previews(shown_by, head.Title):
            harvest.add(choice, texts)
    return harvest.result()


def _add_images(harvest: Harvest, links: list[Any]) -> None:
    """Note the images among links, each of which is a `_Link`, or an `_Image` or another that is of no interest."""
    images: list[_Image | _Link] = [link for link in links if type(link) is _Image]
    if not images:  # read in full, or none
        written = [link for link in links if type(link) is _Link and link.path.startswith(_IMAGE)]
        if any(link.path != _SRC for link in written):
            for link in written:
                if (choice := _choice(link)) is not None:
                    harvest.add(choice, (link.alt, None, link.title, None, None, None))
            return
        images += written
    if images:
        texts = {TextSource.ALT: [image.alt for image in images], TextSource.TITLE: [image.title for image in images]}
        harvest.add_all([image.url for image in images], ImageSource.IMG_SRC, texts)


def _choice(link: _Link) -> Choice | None:
    """The address of an image link; None for links that are no picture, such as `IMG@/longdesc`."""
    if link.path == _SRC:
        return link.url, ImageSource.IMG_SRC
    return choose({link.path[len(_IMAGE) :]: link.url})[0]


def _signals(response: _Response[Any], metas: list[tuple[str, str]]) -> Signals:
    headers = _headers(response.Headers)
    # Common Crawl's extractor lists the attribute of <html> among the metas, under this name
    languages = [content for name, content in metas if name == "html@/lang"]
    languages += [content for name, content in metas if name == "content-language"]
    languages += [value for name, value in headers if name == "content-language"]
    html = response.html
    # where a licence may be linked, the record was read in full
    links = [*html.Head.Link, *html.Links] if html.Links and type(html.Links[0]) is _Link else []
    licence = licence_of((link.rel, link.url) for link in links) if links else ""
    return Signals(licence, language_of(languages) if languages else "", opt_outs_of(headers, metas))


_HEADERS = SIGNAL_HEADERS | {"content-language"}


def _headers(written: dict[str, str | list[str]]) -> list[tuple[str, str]]:
    """The headers that say something about the page, names in lower case."""
    if _HEADERS.isdisjoint(map(str.lower, written)):
        return []
    return [
        (name.lower(), value)
        for name, values in written.items()
        if name.lower() in _HEADERS
        # repeated headers are a list
        for value in ([values] if isinstance(values, str) else values)
    ]


def _quick(envelope: bytes) -> _Response[Any] | None:
    """The response that a record describes, of its links the images alone; None where it must be read in full."""
    if _CC in envelope or len(envelope) > _MOST_VALUES:
        return None
    try:
        return _OF_IMAGES.decode(envelope).Envelope.payload.response
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None  # an attribute that is not listed, a value of another kind, or no JSON


def _response(envelope: bytes) -> _Response[_Link] | None:
    """The response that a record describes; None where the JSON is damaged, or made to fill the memory."""
    # every value but the first of its container stands behind a comma
    if len(envelope) > _MOST_VALUES and sum(map(envelope.count, (b"{", b"[", b","))) > _MOST_VALUES:
        return None
    try:
        return _DECODER.decode(envelope).Envelope.payload.response
    except msgspec.ValidationError:
        pass  # valid JSON, but a value of another kind than Common Crawl's extractor writes
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    try:
        tree = msgspec.json.decode(envelope)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    response = _table(
        _table(_table(_table(tree).get("Envelope")).get("Payload-Metadata")).get("HTTP-Response-Metadata")
    )
    html = _table(response.get("HTML-Metadata"))
    head = _table(html.get("Head"))
    return _Response(
        Headers={name: _texts(value) for name, value in _table(response.get("Headers")).items()},
        html=_Html(
            Head=_Head(
                Base=_text(head.get("Base")),
                Title=_text(head.get("Title")),
                Metas=[_meta(meta) for meta in _list(head.get("Metas"))],
                Link=[_link(link) for link in _list(head.get("Link"))],
            ),
            Links=[_link(link) for link in _list(html.get("Links"))],
        ),
    )


# Of a record with values of the wrong kind, what is of the right kind is taken; the rest is as if it were not there.


def _table(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _texts(value: object) -> str | list[str]:
    return [_text(one) for one in value] if isinstance(value, list) else _text(value)


def _strings(value: object) -> dict[str, str]:
    return {name: text for name, text in _table(value).items() if isinstance(text, str)}


def _meta(value: object) -> _Meta:
    strings = _strings(value)
    return _Meta(**{name: strings.get(key, "") for name, key in zip(_Meta.__struct_fields__, _META_KEYS, strict=True)})


_META_KEYS = _Meta.__struct_encode_fields__


def _link(value: object) -> _Link:
    strings = _strings(value)
    return _Link(**{name: strings.get(name, "") for name in _Link.__struct_fields__})
