"""Orders that belong together: brackets, parents with children, OCA groups, resting exits."""
