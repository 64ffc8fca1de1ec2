"""One function for each tool, in a file of the declaration's domain."""
