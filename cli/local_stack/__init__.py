"""The stack as processes of this machine, and the container engine's version."""
