"""Every tool's declaration and the shapes of its answer, a file for each domain."""
