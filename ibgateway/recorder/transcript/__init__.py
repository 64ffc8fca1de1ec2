"""The transcript of a recorded session: its lines, its masks, and which answer belongs to which request."""
