"""Input that only a person at a terminal can give: a typed name, and words that the terminal does not show."""

import sys
import termios


def at_terminal(what: str, where: str = "") -> bool:
    """Return whether this is a terminal; if not, say that the command needs one."""
    if sys.stdin.isatty() and sys.stdout.isatty():
        return True
    sys.stderr.write(f"error: {what} needs a terminal{where and f' {where}'}; nothing was done\n")
    return False


def confirmed(what: str, name: str) -> bool:
    """Return whether a person at this terminal typed the name. Without a terminal nothing is confirmed: a pipe or a
    script is no person."""
    if not at_terminal(what, f"where a person types {name}"):
        return False
    try:
        sys.stdout.write(f"Type {name} to {what}: ")  # input() would write it to stderr
        sys.stdout.flush()
        typed = sys.stdin.readline().strip()
    except KeyboardInterrupt:
        print()
        typed = ""
    if typed != name:
        print("the name was not typed, so nothing was done")
    return typed == name


def hidden(prompt: str) -> str:
    """Return a line that is typed without being shown. Unlike getpass this reads the terminal that `at_terminal` has
    looked at. Raises EOFError where the terminal is closed."""
    sys.stdout.write(prompt)
    sys.stdout.flush()
    number = sys.stdin.fileno()
    before = termios.tcgetattr(number)
    silent = [*before[:3], before[3] & ~termios.ECHO, *before[4:]]
    try:
        termios.tcsetattr(number, termios.TCSADRAIN, silent)  # what was typed ahead stays
        line = sys.stdin.readline()
    finally:
        termios.tcsetattr(number, termios.TCSADRAIN, before)
        print()
    if not line:
        raise EOFError
    return line.rstrip("\r\n")
