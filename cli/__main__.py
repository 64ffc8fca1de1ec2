"""`python -m cli COMMAND`: the commands of the person who runs the stack."""

import argparse
import importlib
import os
import sys

from cli.command_line import command
from cli.local_stack.processes import INTERRUPTED

COMMANDS = {
    "up": "run the whole stack on this machine, with the tour",
    "tour": "take the tour through a running front",
    "paper": "start the paper profile: asks for the login, explains the second factor, reports when it is ready",
    "paper-check": "test a real paper gateway, record its answers, and report where the simulator differs",
    "watch": "follow a running session: calls, orders, fills and profits as they happen",
    "doctor": "check a running stack; name each fault and its fix",
    "client": "manage the clients of a front that requires tokens",
    "halt": "set the kill switch: no new order is sent",
    "resume": "release the kill switch",
    "approve": "approve or refuse a live order that waits for a person, or list those that wait",
    "operator": "manage the people who may approve and resume, each with a passphrase",
    "orders": "show the order records",
    "audit": "verify, replay, export or archive the audit log",
    "import-flex": "import Flex statements of IBKR into the account's history: deposits, and earlier days",
    "redis-users": "print each service's rights in Redis, or write an ACL file with passwords",
    "reference": "write API.md's tables, or the schema snapshots",
}
BROKEN_PIPE = 141  # as a shell reports an end by SIGPIPE
CONTROL = {"halt", "resume", "approve", "operator"}  # in cli/commands/control

INSTALL = (
    "In a checkout, `python3 requirements/install.py local` installs everything into .venv; then type "
    "`.venv/bin/python -m cli …`, or `make doctor` for the doctor."
)


def module_of(name: str) -> str:
    """Return the dotted name of a command's module."""
    place = "cli.commands.control" if name in CONTROL else "cli.commands"
    return f"{place}.{name.replace('-', '_')}"


def main(arguments: list[str]) -> int:
    """Each command is a module of its name, and only that one is loaded: an MCP client alone takes seconds."""
    parser = argparse.ArgumentParser(
        prog=command(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="\n".join(["commands:", *(f"  {name:<12} {what}" for name, what in COMMANDS.items())]),
    )
    parser.add_argument("command", choices=COMMANDS, metavar="COMMAND")
    name: str = parser.parse_args(arguments[:1]).command
    try:
        module = importlib.import_module(module_of(name))
    except ModuleNotFoundError as error:  # the worker's image has the operator's commands, and packages for no other
        sys.stderr.write(f"error: {name} needs {error.name}, which {sys.executable} does not have. {INSTALL}\n")
        return 1
    parser = argparse.ArgumentParser(prog=command(name), description=COMMANDS[name])
    module.add_arguments(parser)
    try:
        status: int = module.run(parser.parse_args(arguments[1:]))
        sys.stdout.flush()  # a reader such as `head` may be gone: the fault shows here, and not at the exit
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the interpreter flushes once more at its exit
        return BROKEN_PIPE
    except EOFError:  # the terminal was closed at a question
        sys.stderr.write("error: nothing was typed, so nothing was done\n")
        return 1
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
