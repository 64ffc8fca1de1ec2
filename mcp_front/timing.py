"""The waits and intervals of a front, in one object: a process has the usual ones, and a test may have its own."""

from dataclasses import dataclass


@dataclass(frozen=True)
class FrontTiming:
    """The waits for clients and for what runs, and the intervals, in seconds."""

    send_s: float = 1.0  # a client that takes longer to read one message is stalled: it gets a newer one later
    flush_s: float = 1.0  # for what still waits when a stream ends
    pulse_s: float = 5.0  # between signs of life of a quiet stream
    long_stream_s: float = 55  # from this length on a stream ends early: the TypeScript SDK gives up at 60.0 s
    early_s: float = 2.0  # by which a long stream ends early
    latest_s: float = 58.0  # after the call came, for a shorter stream that was slow to open
    session_check_s: float = 2.0  # between looks at a stream's session: a worker without its gateway publishes nothing

    keys_again_s: float = 30.0  # between looks for a key of an OpenID Connect provider, or after it did not answer
    rights_check_s: float = 0.5  # between looks at the rights of a call that runs: their end holds within a second

    wait_pulse_s: float = 15.0  # between signs of life of a call that waits for an event
    wait_again_s: float = 1.0  # before the event log is read again, while Redis is away
    watch_again_s: float = 60.0  # between words to the worker that a wait goes on: its watches linger some minutes

    stream_after_s: float = 10.0  # of a call without an answer: a proxy's idle timeout is nearer than a long history
    ping_s: float = 10.0  # between pings of a call that has become an event stream
    begin_close_s: float = 30.0  # from a call of ibkr_close_positions: a close takes up to 20 s, the call at most 57
    count_open_s: float = 2.0  # of a halt, which is set by then, for the number of orders that stay open
    cancel_every_s: float = 1.0  # a halt is never paced, so what it cancels is

    head_s: float = 10.0  # from the connection, or from a request's first byte, until its head is whole
    body_s: float = 20.0  # from then until the request is whole; the fair queue answers an admitted one before
    idle_s: int = 65  # whole seconds that a connection stays open between requests; clients close it before: undici
    # after 4 s, httpx after 5, load balancers after 60. A request that meets our close is lost, and its client cannot
    # tell whether it was taken.
    linger_s: float = 1.0  # of reading after a refusal: a socket closed over unread bytes would reset it unread

    drain_s: float = 0.5  # for answers on their way, and what a client asks to read them (FastMCP's lists the tools)
    cut_s: int = 2  # after draining, whole seconds: what is then still open is a client that does not read


USUAL = FrontTiming()
