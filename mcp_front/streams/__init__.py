"""The tools that stream while they run."""
