"""A confirmation that only a person at a terminal can give, by typing a name."""

import sys


def confirmed(what: str, name: str) -> bool:
    """Return whether a person at this terminal typed the name. Without a terminal nothing is confirmed: a pipe or a
    script is no person."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        sys.stderr.write(f"error: {what} needs a terminal where a person types {name}; nothing was done\n")
        return False
    sys.stdout.write(f"Type {name} to {what}: ")  # input() would write it to stderr
    sys.stdout.flush()
    try:
        typed = sys.stdin.readline().strip()
    except KeyboardInterrupt:
        print()
        typed = ""
    if typed != name:
        print("the name was not typed, so nothing was done")
    return typed == name
