"""Records sessions with a gateway, masks them, and replays them or compares the simulator with them."""
