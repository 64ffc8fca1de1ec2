"""Events that the worker itself makes: the session's states, and conditions that somebody waits for."""
