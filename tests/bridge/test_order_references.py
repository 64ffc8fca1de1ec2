"""An order's name at IBKR: made of its key alone."""

from bridge.order_references import order_ref

KEY = "a-key-of-the-caller"


async def test_an_orders_reference_is_its_keys_and_printable() -> None:
    assert order_ref(KEY) == order_ref(KEY) != order_ref(KEY + "x")
    assert len(order_ref(KEY)) <= 40
    assert order_ref(KEY).isascii()
    assert order_ref(KEY).isalnum()


def test_no_key_reads_as_another_keys_leg() -> None:
    assert order_ref("a-keytakeProfit") != order_ref("a-key", "takeProfit")


def test_a_reference_is_the_keys_digest_and_fits_tws() -> None:
    assert order_ref("a-key-0001") == "mcpcbjysmkdy6m5l4kvk6ra6yh62k"
    assert order_ref("a-key-0001", "stopLoss") != order_ref("a-key-0001")
