"""`python -m cli COMMAND`: what the person who runs the stack types."""

import argparse
import importlib
import sys

from cli.command_line import command
from cli.local_stack.processes import INTERRUPTED

COMMANDS = {
    "up": "run the whole stack on this machine, with the tour",
    "tour": "take the tour through a front that runs",
    "paper": "start the paper profile: asks for the login, explains the second factor, says when it is ready",
    "paper-check": "ask a real paper gateway, write down what it says, and tell where the simulator differs",
    "doctor": "look at a running stack, name what is wrong and what to do",
    "client": "who may use a front that wants tokens",
    "halt": "set the kill switch: no new order leaves",
    "resume": "release the kill switch",
    "approve": "let a live order go that waits for a human, or list those that do",
    "orders": "what the order records say",
    "audit": "verify the audit log, replay or export it",
    "reference": "write API.md's tables, or the schema snapshots",
}


INSTALL = (
    "In a checkout, `python3 requirements/install.py local` installs everything into .venv; then type "
    "`.venv/bin/python -m cli …`, or `make doctor` for the doctor."
)


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
        module = importlib.import_module(f"cli.commands.{name.replace('-', '_')}")
    except ModuleNotFoundError as error:  # the worker's image has the operator's commands, and packages for no other
        sys.stderr.write(f"error: {name} needs {error.name}, which {sys.executable} does not have. {INSTALL}\n")
        return 1
    parser = argparse.ArgumentParser(prog=command(name), description=COMMANDS[name])
    module.add_arguments(parser)
    try:
        status: int = module.run(parser.parse_args(arguments[1:]))
    except KeyboardInterrupt:
        return INTERRUPTED
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
