"""Reads the scanner's parameters from TWS's XML of two million characters. Pure.

The parser is the standard library's expat, and a document type declaration is refused: without one XML has no entities
of its own, so none can expand or name a file.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple
from xml.parsers import expat

from bridge.tools.market.scanners import ParameterKind
from ib_worker.tws.errors import UnreadableMessage
from ib_worker.tws.values.text import untrusted

NAME_CHARS, CODE_CHARS = 80, 64
CHOICES = 12  # of a filter that are told
NESTED = 100  # elements; TWS's own has about ten
# The elements that are parameters: their kind, and which of their children have the code and the name.
RECORDS: Mapping[str, tuple[ParameterKind, str, str]] = {
    "Instrument": ("instrument", "type", "name"),
    "Location": ("locationCode", "locationCode", "displayName"),
    "ScanType": ("scanCode", "scanCode", "displayName"),
    "AbstractField": ("filter", "code", "displayName"),
}
FILTERS = "FilterList"  # AbstractField is a filter only below it
CHOICE = "ComboValue"
VALUES = {"DoubleField": "number", "IntField": "number", "StringField": "text", "DateField": "date YYYYMMDD"}


class ScannerParameter(NamedTuple):
    """One code, its name, and the value that a filter takes."""

    kind: ParameterKind
    code: str
    name: str
    takes: str | None = None


class _Record:
    """A parameter whose element is open."""

    def __init__(self, element: str, fieldType: str) -> None:
        self.element = element
        self.type = fieldType
        self.texts: dict[str, str] = {}
        self.choices: list[str] = []

    def parameter(self) -> ScannerParameter | None:
        kind, code, name = RECORDS[self.element]
        if not self.texts.get(code):
            return None
        takes = self._takes() if kind == "filter" else None
        told = untrusted(self.texts[code], CODE_CHARS)
        return ScannerParameter(kind, told, untrusted(self.texts.get(name, ""), NAME_CHARS) or told, takes)

    def _takes(self) -> str:
        if self.choices:
            return f"one of {', '.join(self.choices)}"
        return VALUES.get(self.type, "true or false" if self.type == "BooleanField" else "text")


class _Reader:
    """expat's handlers."""

    def __init__(self) -> None:
        self.all: list[_Record] = []
        self._open: list[str] = []
        self._records: list[_Record] = []
        self._text: list[str] = []

    def start(self, element: str, attributes: dict[str, str]) -> None:
        if len(self._open) >= NESTED:
            raise ValueError(f"more than {NESTED} elements inside one another")
        self._text = []
        if element in RECORDS and (element != "AbstractField" or FILTERS in self._open):
            self._records.append(_Record(element, attributes.get("type", "").rpartition(".")[2]))
            self.all.append(self._records[-1])
        self._open.append(element)

    def text(self, text: str) -> None:
        self._text.append(text)

    def end(self, element: str) -> None:
        self._open.pop()
        parent = self._open[-1] if self._open else ""
        record = self._records[-1] if self._records else None
        if record is None:
            return
        if element == record.element:
            self._records.pop()
        elif parent == record.element:
            record.texts.setdefault(element, "".join(self._text).strip())
        elif parent == CHOICE and element == "code" and len(record.choices) < CHOICES:
            record.choices.append(untrusted("".join(self._text), CODE_CHARS))
        self._text = []

    def no_doctype(self, *_: object) -> None:
        raise ValueError("a document type declaration")


def scanner_parameters(pieces: Iterable[str]) -> list[ScannerParameter]:
    """Return the parameters in TWS's order. Raises UnreadableMessage where the text is no such XML."""
    reader, parser = _Reader(), expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    parser.StartDoctypeDeclHandler = reader.no_doctype
    try:
        for piece in pieces:
            parser.Parse(piece, False)
        parser.Parse("", True)
    except (expat.ExpatError, ValueError) as unlike:
        raise UnreadableMessage(f"the scanner's parameters (scannerParameters) are not its XML: {unlike}") from unlike
    found: dict[tuple[str, str], ScannerParameter] = {}  # TWS has some lists twice
    for parameter in filter(None, (each.parameter() for each in reader.all)):
        found.setdefault((parameter.kind, parameter.code), parameter)
    return list(found.values())
