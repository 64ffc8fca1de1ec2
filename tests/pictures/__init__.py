"""The pictures of the README, made of a real run."""
