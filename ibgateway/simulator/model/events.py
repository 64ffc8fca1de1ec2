"""The world's events: each order event names its client (`clientId`), in the order in which TWS sends it."""

from __future__ import annotations

from ibgateway.simulator.model.account import AccountPosition, AccountValue, PortfolioItem
from ibgateway.simulator.model.orders import CommissionReport, Execution, OpenOrder, OrderError, OrderStatus

OrderEvent = OpenOrder | OrderStatus | Execution | CommissionReport | OrderError
AccountEvent = AccountPosition | PortfolioItem | AccountValue
Event = OrderEvent | AccountEvent
