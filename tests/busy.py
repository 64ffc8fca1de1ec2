"""What tests that time a promise add to it: a machine that does much else stands still for seconds now and then."""

BUSY_S = 5.0
