"""The error that a command prints instead of a traceback."""


class Problem(Exception):
    """A reason why a command cannot go on, in words for the person at the terminal."""
