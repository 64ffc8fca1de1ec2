"""The commands with which an operator stops, releases and approves, and those of the operators themselves."""
