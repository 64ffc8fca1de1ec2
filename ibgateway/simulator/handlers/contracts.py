"""Handlers of contract requests, and of the option calculations."""

from __future__ import annotations

from ibgateway.simulator.gateway.connection import Connection, handles
from ibgateway.simulator.model.market_data import OptionComputation
from ibgateway.simulator.wire.messages import contracts as messages
from ibgateway.simulator.wire.messages import market_data
from ibgateway.simulator.wire.requests import contracts as requests

CUSTOM_OPTION_COMPUTATION = 53  # the tick type that answers calculations


@handles(requests.ReqContractDetails)
def contract_details(connection: Connection, request: requests.ReqContractDetails) -> None:
    for details in connection.world.contract_details(request.wanted):
        if details.bond is not None:
            payload = messages.bond_details(connection.version, request.reqId, details, details.bond)
        else:
            payload = messages.contract_details(connection.version, request.reqId, details)
        connection.send(payload)
    connection.send(messages.contract_details_end(request.reqId))


@handles(requests.ReqMatchingSymbols)
def matching_symbols(connection: Connection, request: requests.ReqMatchingSymbols) -> None:
    found = connection.world.matching_symbols(request.pattern)
    connection.send(messages.symbol_samples(connection.version, request.reqId, found))


@handles(requests.ReqSecDefOptParams)
def option_chains(connection: Connection, request: requests.ReqSecDefOptParams) -> None:
    chains = connection.world.option_chains(
        request.underlyingSymbol, request.futFopExchange, request.underlyingSecType, request.underlyingConId
    )
    for chain in chains:
        connection.send(messages.option_chain(request.reqId, chain))
    connection.send(messages.option_chain_end(request.reqId))


@handles(requests.ReqMarketRule)
def market_rule(connection: Connection, request: requests.ReqMarketRule) -> None:
    increments = connection.world.market_rule(request.marketRuleId)
    connection.send(messages.market_rule(request.marketRuleId, increments))


@handles(requests.ReqSmartComponents)
def smart_components(connection: Connection, request: requests.ReqSmartComponents) -> None:
    components = connection.world.smart_components(request.bboExchange)
    connection.send(messages.smart_components(request.reqId, components))


@handles(requests.ReqMktDepthExchanges)
def depth_exchanges(connection: Connection, _: requests.ReqMktDepthExchanges) -> None:
    connection.send(messages.depth_exchanges(connection.world.depth_exchanges()))


def _send_computation(connection: Connection, reqId: int, computation: OptionComputation) -> None:
    head = market_data.head(market_data.TICK_OPTION, reqId)
    connection.send(head + market_data.option_tail(CUSTOM_OPTION_COMPUTATION, computation))


@handles(requests.CalculateImpliedVolatility)
def calculate_implied_volatility(connection: Connection, request: requests.CalculateImpliedVolatility) -> None:
    contract = connection.world.resolve(request.contract)
    computation = connection.world.implied_volatility(contract, request.optionPrice, request.underPrice)
    _send_computation(connection, request.reqId, computation)


@handles(requests.CalculateOptionPrice)
def calculate_option_price(connection: Connection, request: requests.CalculateOptionPrice) -> None:
    contract = connection.world.resolve(request.contract)
    computation = connection.world.option_price(contract, request.volatility, request.underPrice)
    _send_computation(connection, request.reqId, computation)


@handles(requests.CancelCalculateImpliedVolatility)
@handles(requests.CancelCalculateOptionPrice)
def cancel_calculation(_: Connection, __: object) -> None:
    """Do nothing: a calculation is answered at once, so there is none to cancel."""
