"""Images of a page as a WAT file describes it: links with their attributes, no HTML."""

from __future__ import annotations

import msgspec

from crawler.extract.addresses import Choice, choose
from crawler.extract.harvest import Harvest
from crawler.extract.outcome import Extraction
from crawler.extract.previews import Meta, previews
from crawler.extract.signals import SIGNAL_HEADERS, Signals, language_of, licence_of, opt_outs_of
from crawler.records import ImageSource, WatPage
from crawler.settings import Extract


class _Link(msgspec.Struct, gc=False):
    path: str = ""
    url: str = ""
    alt: str = ""
    title: str = ""
    rel: str = ""


class _Meta(msgspec.Struct, gc=False):
    name: str = ""
    property: str = ""
    http_equiv: str = msgspec.field(name="http-equiv", default="")
    content: str = ""


class _Head(msgspec.Struct, gc=False):
    Base: str = ""
    Title: str = ""
    Metas: list[_Meta] = []
    Link: list[_Link] = []


class _Html(msgspec.Struct, gc=False):
    Head: _Head = msgspec.field(default_factory=_Head)
    Links: list[_Link] = []


class _Response(msgspec.Struct, gc=False):
    Headers: dict[str, str | list[str]] = {}
    html: _Html = msgspec.field(name="HTML-Metadata", default_factory=_Html)


class _Payload(msgspec.Struct, gc=False):
    response: _Response = msgspec.field(name="HTTP-Response-Metadata", default_factory=_Response)


class _Envelope(msgspec.Struct, gc=False):
    payload: _Payload = msgspec.field(name="Payload-Metadata", default_factory=_Payload)


class _Record(msgspec.Struct, gc=False):
    Envelope: _Envelope = msgspec.field(default_factory=_Envelope)


#: a page of 5 MB has links for less than half of it; each takes 70 bytes and more
_MOST_VALUES = 2_000_000
_DECODER = msgspec.json.Decoder(_Record)
_IMAGE = "IMG@/"
_IMG_SRC = ImageSource.IMG_SRC


def extract_wat(page: WatPage, settings: Extract) -> Extraction:
    """The candidates of a page that a WAT record describes: its `IMG@` links in order, then its previews.

    Every row that cc2dataset makes of the record can be derived from these (crawler.extract.cc2dataset), but for those
    whose address is none.
    """
    response = _response(page.envelope)
    if response is None:
        harvest = Harvest(page, "", Signals(), settings)
        harvest.add_unreadable()
        return harvest.result()
    head = response.html.Head
    metas = [Meta((meta.name or meta.property or meta.http_equiv).strip().lower(), meta.content) for meta in head.Metas]
    signals = _signals(response, metas, may_be_licensed=_CC in page.envelope)
    harvest = Harvest(page, head.Base, signals, settings, as_written=True)
    for link in response.html.Links:
        if link.path.startswith(_IMAGE) and (choice := _choice(link)) is not None:
            harvest.add(choice, (link.alt, None, link.title, None, None, None))
    for choice, texts in previews(metas, head.Title):
        harvest.add(choice, texts)
    return harvest.result()


def _choice(link: _Link) -> Choice | None:
    """The address of an image link; None for links that are no picture, such as `IMG@/longdesc`."""
    if link.path == "IMG@/src":
        return link.url, _IMG_SRC
    return choose({link.path[len(_IMAGE) :]: link.url})[0]


def _signals(response: _Response, metas: list[Meta], *, may_be_licensed: bool) -> Signals:
    headers = _headers(response)
    links = [*response.html.Head.Link, *response.html.Links] if may_be_licensed else []
    # Common Crawl's extractor lists the attribute of <html> among the metas, under this name
    languages = [meta.content for meta in metas if meta.name == "html@/lang"]
    languages += [meta.content for meta in metas if meta.name == "content-language"]
    languages += [value for name, value in headers if name == "content-language"]
    licence = licence_of((link.rel, link.url) for link in links)
    return Signals(licence, language_of(languages), opt_outs_of(headers, metas))


#: what every licence's address holds; no "/" at its end, which JSON may write as "\\/"
_CC = b"creativecommons.org"


def _headers(response: _Response) -> list[tuple[str, str]]:
    """The headers that say something about the page, names in lower case."""
    headers: list[tuple[str, str]] = []
    for written, values in response.Headers.items():
        name = written.lower()
        if name in SIGNAL_HEADERS or name == "content-language":
            # repeated headers are a list
            headers += [(name, value) for value in ([values] if isinstance(values, str) else values)]
    return headers


def _response(envelope: bytes) -> _Response | None:
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
