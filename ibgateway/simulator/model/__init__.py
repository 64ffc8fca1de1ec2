"""Values that all rooms of the simulator share; nothing here knows bytes, sockets or clocks.

Names are TWS's own; `None` is TWS's "unset". Times are seconds since the epoch, UTC, on the simulator's clock.
Quantities are `Decimal`, as TWS counts them; prices are floats.
"""
