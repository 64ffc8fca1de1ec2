"""The market: quotes, prints, depth and option models, each a pure function of seed, contract and time."""
