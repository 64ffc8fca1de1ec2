"""The terms of an order: its types and the prices of each. Shared by placing, previewing and changing."""

from typing import Annotated, Any, ClassVar, Literal, Self, get_args

from pydantic import BeforeValidator, model_validator

from bridge.text import spellings as forms
from bridge.text.empty_arguments import is_empty, is_zero
from bridge.tools.order_report import AUX_PRICE as AUX_PRICE  # the same name again exports it
from bridge.tools.order_report import LMT_PRICE as LMT_PRICE
from bridge.tools.types import (
    TERMS,
    Account,
    Action,
    ContractArguments,
    ModelCode,
    Percent,
    PositivePrice,
    Price,
    Quantity,
)

OrderType = Literal["MKT", "LMT", "STP", "STP LMT", "TRAIL", "MIT", "LIT", "MOC", "LOC", "MTL", "REL", "MIDPRICE"]
ORDER_TYPES = frozenset(get_args(OrderType))
Tif = Literal["DAY", "GTC", "IOC", "FOK", "OPG"]
OrderTypeForm = Annotated[OrderType, BeforeValidator(forms.order_type)]  # as people may write it
TifForm = Annotated[Tif, BeforeValidator(forms.time_in_force)]

ZERO_IS_EMPTY = ("REL", "MIDPRICE")  # to TWS 0 means no cap
AT_AUCTIONS = ("MOC", "LOC")
SOLD_BELOW_ZERO = ("BAG", "FUT", "FOP")  # what may cost nothing, or less: combinations, and futures such as crude oil


class OrderTerms(ContractArguments):
    """The terms of an order, the same for a preview and a placement."""

    after_groups: ClassVar = frozenset({"auxPrice", "trailingPercent", "tif", "outsideRth", "account", "modelCode"})
    unpublished: ClassVar = ContractArguments.unpublished - TERMS

    action: Action
    totalQuantity: Quantity
    orderType: OrderTypeForm = "MKT"
    lmtPrice: Price | None = None
    auxPrice: PositivePrice | None = None
    trailingPercent: Percent | None = None
    tif: TifForm = "DAY"
    outsideRth: bool = False
    account: Account | None = None
    modelCode: ModelCode | None = None

    @classmethod
    def tidied(cls, arguments: dict[str, Any]) -> dict[str, Any]:
        """Return the arguments that were given: TWS writes 0 for a price that its order type has not."""
        given = super().tidied(arguments)
        orderType = forms.order_type(given.get("orderType", "MKT"))
        if not isinstance(orderType, str):
            return given
        empty = [name for name in ("lmtPrice", "auxPrice") if is_zero(given.get(name)) and has_no(name, orderType)]
        if (
            orderType == "TRAIL"
            and is_zero(given.get("auxPrice"))
            and not is_empty("trailingPercent", given.get("trailingPercent"))
        ):
            empty.append("auxPrice")
        return {name: value for name, value in given.items() if name not in empty}

    @model_validator(mode="after")
    def _hours_fit_the_type(self) -> Self:
        if self.outsideRth and (self.orderType in AT_AUCTIONS or self.tif == "OPG"):
            what = f"orderType {self.orderType}" if self.orderType in AT_AUCTIONS else "tif OPG"
            raise ValueError(f"outsideRth: leave it out, {what} trades in an auction of regular hours")
        return self

    @model_validator(mode="after")
    def _prices_fit_the_type(self) -> Self:
        _fits("lmtPrice", self.lmtPrice, LMT_PRICE.get(self.orderType, False), self.orderType)
        _fits("auxPrice", self.auxPrice, AUX_PRICE.get(self.orderType, False), self.orderType)
        if self.orderType != "TRAIL" and self.trailingPercent is not None:
            raise ValueError(f"trailingPercent: leave it out, orderType {self.orderType} has none")
        if self.orderType == "TRAIL" and (self.auxPrice is None) == (self.trailingPercent is None):
            needs = "needs either" if self.auxPrice is None else "takes only one of"
            raise ValueError(f"auxPrice: orderType TRAIL {needs} auxPrice (an amount) or trailingPercent")
        if self.conId is None or "secType" in self.model_fields_set:
            require_sold_at(self.lmtPrice, self.secType)
        return self


def has_no(name: str, orderType: str) -> bool:
    """Return whether a 0 in that price means nothing: the order type has no such price, or reads 0 as none."""
    known = LMT_PRICE if name == "lmtPrice" else AUX_PRICE
    return known.get(orderType, False) is False or orderType in ZERO_IS_EMPTY


def require_sold_at(lmtPrice: float | None, secType: str) -> None:
    """Raise ValueError for a limit of 0 or below where nothing is sold at one."""
    if lmtPrice is not None and lmtPrice <= 0 and secType not in SOLD_BELOW_ZERO:
        sold = ", ".join(SOLD_BELOW_ZERO)
        raise ValueError(f"lmtPrice: must be above 0 for secType {secType}; only {sold} trade at 0 or below")


def _fits(name: str, price: float | None, needed: bool | None, orderType: str) -> None:
    if needed is True and price is None:
        raise ValueError(f"{name}: orderType {orderType} needs it")
    if needed is False and price is not None:
        trigger = ": its trigger is auxPrice" if name == "lmtPrice" and AUX_PRICE.get(orderType) is True else ""
        raise ValueError(f"{name}: leave it out, orderType {orderType} has none{trigger}")
