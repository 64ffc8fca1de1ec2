"""The time that tests add to a timed promise: a machine that does much else stands still for seconds now and then."""

BUSY_S = 5.0
