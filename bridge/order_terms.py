"""What an order may ask for: its types and which prices each has. Shared by placing, previewing and changing."""

from typing import ClassVar, Literal, Self, get_args

from pydantic import model_validator

from bridge.values import Account, Action, OnContract, Percent, PositivePrice, Price, Quantity

OrderType = Literal["MKT", "LMT", "STP", "STP LMT", "TRAIL", "MIT", "LIT", "MOC", "LOC", "MTL", "REL", "MIDPRICE"]
ORDER_TYPES = frozenset(get_args(OrderType))
Tif = Literal["DAY", "GTC", "IOC", "FOK", "OPG"]

# What each order type needs (True), may have (None) and must not have (False): a price given in vain is a mistake.
LMT_PRICE = {"LMT": True, "STP LMT": True, "LIT": True, "LOC": True, "REL": None, "MIDPRICE": None}
AUX_PRICE = {"STP": True, "STP LMT": True, "MIT": True, "LIT": True, "REL": True, "TRAIL": None}


class OrderTerms(OnContract):
    """What an order asks for, the same for a preview and a placing."""

    after_groups: ClassVar = frozenset({"auxPrice", "trailingPercent", "tif", "outsideRth", "account"})

    action: Action
    totalQuantity: Quantity
    orderType: OrderType = "MKT"
    lmtPrice: Price | None = None
    auxPrice: PositivePrice | None = None
    trailingPercent: Percent | None = None
    tif: Tif = "DAY"
    outsideRth: bool = False
    account: Account | None = None

    @model_validator(mode="after")
    def _prices_fit_the_type(self) -> Self:
        _fits("lmtPrice", self.lmtPrice, LMT_PRICE.get(self.orderType, False), self.orderType)
        _fits("auxPrice", self.auxPrice, AUX_PRICE.get(self.orderType, False), self.orderType)
        if self.orderType != "TRAIL" and self.trailingPercent is not None:
            raise ValueError(f"trailingPercent: leave it out, orderType {self.orderType} has none")
        if self.orderType == "TRAIL" and (self.auxPrice is None) == (self.trailingPercent is None):
            raise ValueError("auxPrice: orderType TRAIL needs either auxPrice (an amount) or trailingPercent")
        return self


def _fits(name: str, price: float | None, needed: bool | None, orderType: str) -> None:
    if needed is True and price is None:
        raise ValueError(f"{name}: orderType {orderType} needs it")
    if needed is False and price is not None:
        raise ValueError(f"{name}: leave it out, orderType {orderType} has none")
