"""Handlers of an advisor's requests: groups, aliases, family codes, soft dollars."""

from __future__ import annotations

from ibgateway.simulator.gateway.connection import Connection, handles
from ibgateway.simulator.wire.messages import account as messages
from ibgateway.simulator.wire.requests import account as requests


@handles(requests.ReqFamilyCodes)
def family_codes(connection: Connection, _: requests.ReqFamilyCodes) -> None:
    connection.send(messages.family_codes(connection.world.family_codes()))


@handles(requests.ReqSoftDollarTiers)
def soft_dollar_tiers(connection: Connection, request: requests.ReqSoftDollarTiers) -> None:
    connection.send(messages.soft_dollar_tiers(request.reqId, connection.world.soft_dollar_tiers()))


@handles(requests.RequestFA)
def request_fa(connection: Connection, request: requests.RequestFA) -> None:
    connection.send(messages.receive_fa(request.faDataType, connection.world.fa_config(request.faDataType)))


@handles(requests.ReplaceFA)
def replace_fa(connection: Connection, request: requests.ReplaceFA) -> None:
    text = connection.world.replace_fa(request.faDataType, request.xml)
    connection.send(messages.replace_fa_end(request.reqId, text))
