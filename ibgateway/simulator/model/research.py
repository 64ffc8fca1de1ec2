"""Scanner and news, as the wire and the world exchange them."""

from __future__ import annotations

from dataclasses import dataclass

from ibgateway.simulator.model.contracts import ContractDetails


@dataclass(frozen=True)
class ScannerQuery:
    numberOfRows: int | None = None
    instrument: str = ""
    locationCode: str = ""
    scanCode: str = ""
    abovePrice: float | None = None
    belowPrice: float | None = None
    aboveVolume: int | None = None
    marketCapAbove: float | None = None
    marketCapBelow: float | None = None
    filters: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class ScannerRow:
    rank: int
    details: ContractDetails
    distance: str = ""
    benchmark: str = ""
    projection: str = ""
    legsStr: str = ""


@dataclass(frozen=True)
class Headline:
    time: float
    providerCode: str
    articleId: str
    headline: str
    extraData: str = ""


@dataclass(frozen=True)
class Article:
    articleType: int  # 0 text or HTML, 1 binary (base64)
    text: str
