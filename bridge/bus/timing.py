"""The waits and intervals of the bus, in one object: a process has the usual ones, and a test may have its own."""

from dataclasses import dataclass


@dataclass(frozen=True)
class BusTiming:
    """The waits for Redis, for the other side of the bus and for people, and the intervals, in seconds."""

    connect_s: float = 1.0  # with answer_s it keeps "Redis is away" under two seconds in most cases
    answer_s: float = 1.5  # covers a slow fsync; redis-py's own 5 s are too long for a caller who waits
    idle_s: float = 4.0  # of silence on a pub/sub connection before a PING goes out
    silent_s: float = 4.0  # after this much more the connection is given up: it is half-open

    lease_s: float = 7.0  # with the renewals it outlasts a Redis that stands still for five seconds
    renew_s: float = 1.0
    margin_s: float = 1.0  # the leader stops this long before Redis may give the lease to another
    renew_again_s: float = 0.2  # after a renewal that failed
    standby_s: float = 0.2  # between a standby's attempts to get the lease

    confirm_s: float = 1.0  # a call waits so long for its channel, so that a restart of Redis passes unnoticed
    worker_check_s: float = 0.4  # between looks for a worker while somebody waits
    submit_again_s: float = 3.0  # a submit that nobody answered is repeated so long, then its outcome is unknown
    front_answer_s: float = 1.0  # a front that takes longer may be stopped: its running reads are unknown

    event_check_s: float = 1.0  # between looks at the event log while somebody waits: a message may be lost

    record_s: float = 0.1  # between writes of the kept streams: what comes meanwhile is merged
    keep_grace_s: float = 30.0  # a stream is kept so long without a handle: its subscriber is about to write one

    note_s: float = 3.0  # a restart of Redis passes in this time
    linger_s: float = 30.0  # a stream without a listener for this long is abandoned
    listener_check_s: float = 5.0  # between counts of a quiet stream's listeners

    read_form_s: float = 2.0  # a form that ends unapproved in less was read by nobody: a client closed it by itself
    form_s: float = 120.0  # a form shows prices: an answer that comes later is about other ones
    approved_form_s: float = 30.0  # an order that a form has approved goes out at once, or not at all


USUAL = BusTiming()
