"""Each row of docs/fault-catalogue.md: what breaks, and that what is promised then holds."""
