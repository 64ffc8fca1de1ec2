"""Shared code of the operator's commands: the choice of a Redis, the audit archive, mounts."""
