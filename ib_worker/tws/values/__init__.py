"""TWS's values and ours: conversions, its ways to say nothing, texts, codes, time zones. Pure."""
