"""Values that all rooms of the simulator share."""
