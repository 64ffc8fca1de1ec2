"""Whether Redis kept what it was told: durability, replication, the watermark, damaged records."""
