"""Lists in XML as NCMEC's hash sharing answers: `<image>` with `<fingerprints>`, `<deletedImage>` where withdrawn.

Entries stand in any order. Document types and entities are refused: nine lines of them can be a gigabyte.
"""

from __future__ import annotations

from collections.abc import Iterator
from xml.sax import SAXParseException
from xml.sax.handler import ContentHandler
from xml.sax.xmlreader import AttributesImpl, Locator

from defusedxml import DefusedXmlException
from defusedxml.sax import parseString

from filters.lists.entries import BadEntryError, Cell
from filters.lists.kinds import kind_called, unusable_called

_ENTRIES = {"image": "", "video": "", "deletedimage": "deleted", "deletedvideo": "deleted", "entry": "", "item": ""}
_MOST_DEPTH = 100


def read_xml(content: bytes) -> Iterator[Cell]:
    """Every fingerprint of every entry, and one cell without a value for each that is withdrawn.

    Raises:
        BadEntryError: it is no XML, is cut short, or has a document type; the text says where.
    """
    reader = _Reader()
    try:
        parseString(content, reader, forbid_dtd=True)
    except DefusedXmlException:
        raise BadEntryError("a document type or entities, which lists have no use for") from None
    except SAXParseException as problem:
        raise BadEntryError(f"line {problem.getLineNumber()}: XML that cannot be read to its end") from None
    yield from reader.cells


class _Reader(ContentHandler):
    """Collects cells while the parser walks the document."""

    def __init__(self) -> None:
        super().__init__()
        self.cells: list[Cell] = []
        self._where = Locator()
        self._path: list[str] = []
        self._text: list[str] = []
        self._values: list[tuple[int, str, str]] = []  # line, kind, value
        self._said: dict[str, str] = {}

    def setDocumentLocator(self, locator: Locator) -> None:  # noqa: N802 - the parser's name for it
        """Where the parser is."""
        self._where = locator

    def startElement(self, name: str, attrs: AttributesImpl) -> None:  # noqa: N802 - the parser's name for it
        """An element begins; with an entry, what was said of the one before is forgotten."""
        if len(self._path) >= _MOST_DEPTH:
            raise BadEntryError("XML of too many levels")
        self._path.append(_local(name))
        self._text = []
        if self._path[-1] == "member" and "id" in attrs:
            self._said["member"] = attrs["id"]
        if self._path[-1] in _ENTRIES:
            self._values, self._said = [], {"line": str(self._line())}

    def characters(self, content: str) -> None:
        """Some of the text of the element that is open."""
        self._text.append(content)

    def endElement(self, name: str) -> None:  # noqa: N802 - the parser's name for it
        """An element ends: a fingerprint, something said of its entry, or the entry."""
        del name
        element, text = self._path.pop(), "".join(self._text).strip()
        self._text = []
        if element in _ENTRIES:
            self._close(_ENTRIES[element], element.removeprefix("deleted"))
        elif kind_called(element) or unusable_called(element):
            self._values.append((self._line(), element, text))
        elif element in {"id", "timestamp", "member", "status", "quality"}:
            self._said.setdefault(element, text)

    def _close(self, status: str, thing: str) -> None:
        said = self._said
        # ids are the member's own: another one's entry of the same id is another entry
        entry = f"{thing}\n{said.get('member', '')}\n{said['id']}" if "id" in said else ""
        for line, kind, value in self._values or [(int(said["line"]), "", "")]:
            self.cells.append(
                Cell(
                    line, value, kind, said.get("quality", ""), status or said.get("status", ""), entry,
                    said.get("timestamp", ""),
                )
            )  # fmt: skip
        self._values = []

    def _line(self) -> int:
        return int(self._where.getLineNumber() or 0)


def _local(name: str) -> str:
    return name.rpartition(":")[2].lower()
