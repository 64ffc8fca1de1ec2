"""`operator`: the people who may approve live orders and release the kill switch, each with a passphrase.

As soon as a session has an operator, `approve` and `resume` ask for the passphrase, and the worker accepts no approval
without a sign-in.
"""

import argparse
import os
import sys
from functools import partial

from bridge.bus.identity.credentials import hashed, new_totp_secret, totp_step, totp_uri, weakness
from bridge.bus.identity.links import LASTS_MS, make_link
from bridge.bus.identity.operators import Operator, add_operator, operator_name, operator_names, passphrase_holders
from bridge.bus.identity.sign_ins import end_sign_ins_of, remove_operator, sign_ins
from bridge.bus.keys import Keys
from bridge.bus.oauth.grants import end_grants_of
from bridge.bus.transport.pipeline import CommandPipeline
from bridge.settings import public_url
from cli.operator.redis_target import Act, add_bus_arguments, with_bus
from cli.operator.sign_in import Typed, signed_in, typed
from cli.operator.typed_confirmation import at_terminal, hidden

CONSOLE = "http://127.0.0.1:8010"
ACTIONS = {
    "list": "the operators, and how many sign-ins each has",
    "add": "add an operator; asks for the passphrase",
    "remove": "remove an operator and end its sign-ins",
    "link": "print a link that signs the operator in once, at the console; good for 10 minutes",
    "sign-out": "end all sign-ins of an operator: what it approved and was not used yet counts no more",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = "\n".join(["actions:", *(f"  {name:<9} {what}" for name, what in ACTIONS.items())])
    parser.add_argument("action", choices=ACTIONS, metavar="ACTION")
    parser.add_argument("name", type=_name, nargs="?", help="1-32 of a-z 0-9 _ . -")
    parser.add_argument("--totp", action="store_true", help="add: ask for a one-time code of an authenticator too")
    told = "CONSOLE_URL of the console (http://127.0.0.1:8010), for link"
    parser.add_argument("--console", type=_console, default=os.environ.get("CONSOLE_URL") or CONSOLE, help=told)
    add_bus_arguments(parser)


def _console(written: str) -> str:
    try:
        return public_url(written)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _name(written: str) -> str:
    try:
        return operator_name(written)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def run(options: argparse.Namespace) -> int:
    if options.action == "list":
        return with_bus(options, _list)
    if options.name is None:
        sys.stderr.write(f"error: {options.action} needs the operator's name\n")
        return 1
    if options.action == "sign-out":  # takes rights away, and asks nothing
        return with_bus(options, partial(_sign_out, options.name))
    if not at_terminal(f"{options.action} of an operator"):
        return 1
    found: list[list[str]] = []
    status = with_bus(options, partial(_names, found))
    if status:
        return status
    # Between two connections: while an event loop runs, Ctrl-C would wait for the answer.
    try:
        who = typed(_asked(options, found[0]))
        new = _new_operator(options.name, options.totp) if options.action == "add" else None
    except (EOFError, KeyboardInterrupt):
        print("\nnothing was changed")
        return 1
    if options.action == "link":
        return with_bus(options, partial(_signed_in, who, partial(_link, options.name, options.console)))
    if options.action == "remove":
        return with_bus(options, partial(_signed_in, who, partial(_remove, options.name)))
    return 1 if new is None else with_bus(options, partial(_signed_in, who, partial(_add, new)))


def _asked(options: argparse.Namespace, holders: list[str]) -> list[str]:
    """Return the operators of whom one must sign in: a link acts as its operator, so nobody else may make it."""
    return [options.name] if options.action == "link" and options.name in holders else holders


async def _names(into: list[list[str]], pipe: CommandPipeline, keys: Keys) -> int:
    into.append(await passphrase_holders(pipe, keys))
    if into[0]:
        print(f"{keys.session} has operators: one of them signs in for this")
    return 0


def _new_operator(name: str, with_totp: bool) -> Operator | None:
    """Ask for the new operator's words; None where they are not good enough or not repeated, which is then told."""
    passphrase = hidden(f"New passphrase for {name}: ")
    if why := weakness(passphrase):
        sys.stderr.write(f"error: {why}\n")
        return None
    if hidden("The same again: ") != passphrase:
        sys.stderr.write("error: the two passphrases differ; nothing was changed\n")
        return None
    if not with_totp:
        return Operator(name, hashed(passphrase))
    secret = new_totp_secret()
    print(f"Add this to an authenticator app:\n  {totp_uri(secret, name)}")
    if totp_step(secret, hidden("The code that it shows: ")) is None:
        sys.stderr.write("error: that is not the code; nothing was changed. Is this machine's clock right?\n")
        return None
    return Operator(name, hashed(passphrase), secret)


async def _list(pipe: CommandPipeline, keys: Keys) -> int:
    names, current = await operator_names(pipe, keys), await sign_ins(pipe, keys)
    for name in names:
        print(f"{name}  {sum(each.operator == name for each in current.values())} sign-ins")
    print(f"{keys.session}: {len(names)} operators")
    return 0


async def _signed_in(who: Typed | None, act: Act, pipe: CommandPipeline, keys: Keys) -> int:
    """Do it as an operator who is signed in."""
    try:
        await signed_in(pipe, keys, who)
    except PermissionError as error:
        sys.stderr.write(f"error: {error}; nothing was changed\n")
        return 1
    return await act(pipe, keys)


async def _add(new: Operator, pipe: CommandPipeline, keys: Keys) -> int:
    if new.name not in await operator_names(pipe, keys):
        await end_grants_of(pipe, keys, new.name)  # of somebody of that name who was removed by hand
    if not await add_operator(pipe, keys, new):
        sys.stderr.write(f"error: there is an operator {new.name} already; remove it first\n")
        return 1
    print(f"{keys.session}: operator {new.name} added; approve and resume ask for a passphrase from now on")
    return 0


async def _remove(name: str, pipe: CommandPipeline, keys: Keys) -> int:
    if not await remove_operator(pipe, keys, name):
        sys.stderr.write(f"error: {keys.session} has no operator {name}\n")
        return 1
    print(f"{keys.session}: operator {name} removed")
    ended = await end_grants_of(pipe, keys, name)  # a removed operator may have these clients in hand
    if ended:
        print(f"{keys.session}: rights of clients that {name} allowed have ended: {', '.join(ended)}")
    return 0


async def _sign_out(name: str, pipe: CommandPipeline, keys: Keys) -> int:
    print(f"{keys.session}: {await end_sign_ins_of(pipe, keys, name)} sign-ins of {name} ended")
    return 0


async def _link(name: str, console: str, pipe: CommandPipeline, keys: Keys) -> int:
    link = await make_link(pipe, keys, name, console)
    if not link:
        sys.stderr.write(f"error: {keys.session} has no operator {name}\n")
        return 1
    print(f"{keys.session}: this link signs {name} in once, within {LASTS_MS // 60_000} minutes:\n  {link}")
    return 0
