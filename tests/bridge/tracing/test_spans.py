"""Without a tracer nothing is traced, and a client's traceparent goes on as it came."""

from bridge.tracing.spans import inside, traced

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def test_without_a_tracer_the_traceparent_goes_on() -> None:
    with traced(None, "bus", PARENT) as traceparent, inside(None, "TWS request"):
        assert traceparent == PARENT
