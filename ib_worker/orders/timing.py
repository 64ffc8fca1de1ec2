"""The waits of orders and requests, in one object: a session is made with the usual ones, or with its own."""

from dataclasses import dataclass


@dataclass(frozen=True)
class OrderTiming:
    """The longest waits for TWS, and the least times between two requests, in seconds."""

    looks_apart_s: float = 15.0  # between full looks that lack an order, for the second to count as well
    resync_gap_s: float = 1.0  # at least: who asks all the time for an order that is not there must not use up messages
    list_silence_s: float = 15.0  # of no word at all before a look is given up
    list_wait_s: float = 3.0  # of one call, for a list that may show or explain its order
    first_status_wait_s: float = 15.0  # for TWS's first answer; after it an order list is requested
    warning_wait_s: float = 0.5  # a warning comes right before the order is acknowledged
    fill_wait_s: float = 2.0  # a market order's fill follows its acknowledgement within this, in an open market
    settle_wait_s: float = 0.5  # other orders: an early rejection follows within this
    rejection_wait_s: float = 0.25  # TWS shows an order that lives on in spite of an error within this
    cancel_wait_s: float = 3.0  # outside trading hours the exchange confirms hours later
    change_wait_s: float = 3.0  # for TWS to confirm or reject a change
    change_hold_s: float = 15.0  # a change without an answer does not hold up the next for longer
    recovery_wait_s: float = 7.0  # a change or a cancel that was sent right before the worker's end shows within this
    stop_price_wait_s: float = 5.0  # for the list that has the present stop of an order that trails
    shared_request_s: float = 15.0  # of a request that several share; a caller's own deadline is usually shorter
    request_late_s: float = 30.0  # after which a request that was given up is not answered any more
    error_grace_s: float = 1.0  # after an error of an unlisted code: data that keep coming come within it
    preview_wait_s: float = 10.0  # TWS leaves some what-ifs unanswered
    preview_warning_wait_s: float = 2.0  # a warning comes right before the answer to a what-if
    position_lag_s: float = 60.0  # TWS tells a position's change within seconds of its fill; later, the message is lost


USUAL = OrderTiming()
