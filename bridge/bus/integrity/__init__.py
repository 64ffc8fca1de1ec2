"""Checks that Redis kept its data: durability, replication, the watermark, damaged records."""
