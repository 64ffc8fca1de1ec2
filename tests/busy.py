"""What tests that time a promise add to it: a machine that runs four of them at once stands still now and then."""

BUSY_S = 1.5
