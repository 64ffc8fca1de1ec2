"""What the operator's commands share: the Redis that is meant, the audit archive, mounts."""
