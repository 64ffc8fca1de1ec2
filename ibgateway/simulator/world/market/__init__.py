"""What prices do: history, ticks, bars, depth and option models, each a pure function of seed, contract and time."""
