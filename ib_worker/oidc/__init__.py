"""Access tokens of an OpenID Connect provider, verified by keys that the worker has read itself."""
