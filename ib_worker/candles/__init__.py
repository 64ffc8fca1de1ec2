"""The candles of the contracts that operators look at, kept up to date while they do."""
