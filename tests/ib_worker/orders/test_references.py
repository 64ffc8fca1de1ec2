"""An order's name at IBKR: made of its key alone."""

from ib_worker.orders.references import order_ref

KEY = "a-key-of-the-caller"


async def test_an_orders_reference_is_its_keys_and_printable() -> None:
    assert order_ref(KEY) == order_ref(KEY) != order_ref(KEY + "x")
    assert len(order_ref(KEY)) <= 40
    assert order_ref(KEY).isascii()
    assert order_ref(KEY).isalnum()
