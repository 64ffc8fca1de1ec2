"""The fields of each frame, by message id."""
