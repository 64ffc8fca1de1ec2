"""Handlers of session requests: start, ids, time, accounts, display groups."""

from __future__ import annotations

from ibgateway.simulator.gateway.connection import ClientSubscription, Connection, handles
from ibgateway.simulator.model.config import LINK_LOST
from ibgateway.simulator.model.errors import Refusal
from ibgateway.simulator.wire.messages import session as messages
from ibgateway.simulator.wire.requests import session as requests

ID_IN_USE = "Unable to connect as the client id is already in use. Retry with a unique client id."
DISPLAY_GROUPS = "1|2|3|4|5|6|7"


@handles(requests.StartApi)
def start_api(connection: Connection, request: requests.StartApi) -> None:
    """Send accounts, next order id, then the farms' notices; without a link to IBKR, that notice in their place."""
    if connection.clientId is not None:
        return
    if not connection.gateway.start(connection, request.clientId):
        if request.clientId in connection.gateway.taken:
            connection.error(-1, 326, ID_IN_USE)
        connection.closing = True  # without a word where all places are taken, as before the login
        return
    managed_accounts(connection, requests.ReqManagedAccts())
    req_ids(connection, requests.ReqIds(1))
    identity = connection.gateway.identity
    for code, text in identity.notices if identity.linked else (LINK_LOST,):
        connection.error(-1, code, text)


@handles(requests.ReqManagedAccts)
def managed_accounts(connection: Connection, _: requests.ReqManagedAccts) -> None:
    connection.send(messages.managed_accounts(connection.world.accounts))


@handles(requests.ReqIds)
def req_ids(connection: Connection, _: requests.ReqIds) -> None:
    assert connection.clientId is not None
    connection.send(messages.next_valid_id(connection.gateway.next_order_id(connection.clientId)))


@handles(requests.SetServerLogLevel)
def set_server_log_level(_: Connection, request: requests.SetServerLogLevel) -> None:
    """Check the log level; it changes nothing here, and there is no reply."""
    if not 1 <= request.logLevel <= 5:
        raise Refusal(321, "Error validating request.-'bW' : cause - Invalid log level")


@handles(requests.ReqCurrentTime)
def current_time(connection: Connection, _: requests.ReqCurrentTime) -> None:
    connection.send(messages.current_time(connection.world.now))


@handles(requests.ReqCurrentTimeInMillis)
def current_time_in_millis(connection: Connection, _: requests.ReqCurrentTimeInMillis) -> None:
    connection.send(messages.current_time_in_millis(connection.world.now))


@handles(requests.ReqUserInfo)
def user_info(connection: Connection, request: requests.ReqUserInfo) -> None:
    connection.send(messages.user_info(request.reqId, connection.world.user_info()))


@handles(requests.VerifyRequest)
@handles(requests.VerifyMessage)
def verify(connection: Connection, _: object) -> None:
    """Refuse: third-party verification needs a key that IBKR gives out."""
    connection.send(messages.verify_completed(False, "Verification is not supported"))


@handles(requests.VerifyAndAuthRequest)
@handles(requests.VerifyAndAuthMessage)
def verify_and_auth(connection: Connection, _: object) -> None:
    connection.send(messages.verify_and_auth_completed(False, "Verification is not supported"))


class DisplayGroupSubscription(ClientSubscription):
    """One client's subscription to a group of TWS windows; it receives the contract that the windows show."""

    def __init__(self, groupId: int) -> None:
        self.groupId = groupId


@handles(requests.QueryDisplayGroups)
def query_display_groups(connection: Connection, request: requests.QueryDisplayGroups) -> None:
    connection.send(messages.display_group_list(request.reqId, DISPLAY_GROUPS))


@handles(requests.SubscribeToGroupEvents)
def subscribe_to_group_events(connection: Connection, request: requests.SubscribeToGroupEvents) -> None:
    if str(request.groupId) not in DISPLAY_GROUPS.split("|"):
        raise Refusal(321, "Error validating request.-'bW' : cause - Invalid display group")
    connection.subscribe("display group", request.reqId, DisplayGroupSubscription(request.groupId))
    shown = connection.gateway.display_groups.get(request.groupId, "none")
    connection.send(messages.display_group_updated(request.reqId, shown))


@handles(requests.UpdateDisplayGroup)
def update_display_group(connection: Connection, request: requests.UpdateDisplayGroup) -> None:
    """Show a contract in a group's windows, and send it to all subscribers of the group."""
    subscription = connection.subscriptions.get(("display group", request.reqId))
    if not isinstance(subscription, DisplayGroupSubscription):
        raise Refusal(321, "Error validating request.-'bW' : cause - Not subscribed to a display group")
    connection.gateway.display_groups[subscription.groupId] = request.contractInfo
    for other in connection.gateway.connections:
        for (kind, reqId), one in other.subscriptions.items():
            if (
                kind == "display group"
                and isinstance(one, DisplayGroupSubscription)
                and one.groupId == subscription.groupId
            ):
                other.send(messages.display_group_updated(reqId, request.contractInfo))


@handles(requests.UnsubscribeFromGroupEvents)
def unsubscribe_from_group_events(connection: Connection, request: requests.UnsubscribeFromGroupEvents) -> None:
    connection.unsubscribe("display group", request.reqId)
