"""One example call and answer for each tool, taken from a run of the stack at the simulator; API.md shows them."""
