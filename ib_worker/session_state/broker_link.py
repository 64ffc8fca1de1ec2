"""The gateway's messages about itself and IBKR's servers, outside of any request. Pure."""

from dataclasses import dataclass, field
from enum import Enum

from ib_worker.session_state.state import (
    CLIENT_ID_IN_USE,
    DATA_KEPT,
    DATA_LOST,
    FARM_NEWS,
    LINK_LOST,
    QUOTES_BROKEN,
    farm_of,
)

BROKEN = "broken"


class LinkEvent(Enum):
    """A message's meaning for the session."""

    NONE = "none"
    LINK_LOST = "link lost"
    RESTORED = "restored, subscriptions kept"
    RESTORED_EMPTY = "restored, subscriptions lost"
    ID_IN_USE = "client id in use"


@dataclass
class BrokerLink:
    """The link between the gateway and IBKR. Only 1100 and 2110 take it down; single farms are context."""

    down_by: int | None = None  # the code that took it down
    losses: int = 0  # how often it was told to be down
    breaks: int = 0  # how often a farm was told to be broken, or to work again: data may differ from then on
    farms: dict[str, str] = field(default_factory=dict)
    without_quotes: set[str] = field(default_factory=set)  # market data farms that are broken: prices may be old
    refused: tuple[int, str] | None = None  # the last error that was not about a farm

    def hear(self, code: int, text: str) -> LinkEvent:
        if code in FARM_NEWS:
            return self._farm(code, text)
        if code in LINK_LOST:
            self.down_by = code
            self.losses += 1
            return LinkEvent.LINK_LOST
        if code in (DATA_LOST, DATA_KEPT):
            self.down_by = None
            return LinkEvent.RESTORED_EMPTY if code == DATA_LOST else LinkEvent.RESTORED
        self.refused = (code, text)
        return LinkEvent.ID_IN_USE if code == CLIENT_ID_IN_USE else LinkEvent.NONE

    def _farm(self, code: int, text: str) -> LinkEvent:
        """After 2110 nothing tells that the link is back, except farms that work again."""
        farm, word = farm_of(text), FARM_NEWS[code]
        before, self.farms[farm] = self.farms.get(farm), word
        self.breaks += before != word and BROKEN in (before, word)
        if code == QUOTES_BROKEN:
            self.without_quotes.add(farm)
        elif word != "connecting":  # which gives no price yet
            self.without_quotes.discard(farm)
        if word == "ok" and self.down_by == 2110:
            self.down_by = None
            return LinkEvent.RESTORED
        return LinkEvent.NONE
