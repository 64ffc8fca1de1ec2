"""An operator's sign-in for one command: the passphrase, and a one-time code where one is set, typed at a terminal.

A session without operators asks for none, nor does one with the demo's alone. Wrong words lock nobody out: each try
costs a tenth of a second of hashing.
"""

import sys
from dataclasses import dataclass, field

from bridge.bus.identity.authentication import authenticated
from bridge.bus.identity.operators import operator_names, passphrase_holders
from bridge.bus.identity.sign_ins import begin_sign_in, sign_in_id
from bridge.bus.keys import Keys
from bridge.bus.transport.pipeline import CommandPipeline
from cli.operator.redis_target import caller
from cli.operator.typed_confirmation import hidden

VIA = "command line"
WRONG = "the name, the passphrase or the one-time code is wrong"


@dataclass(frozen=True)
class Typed:
    """The words that an operator has typed. `code` is empty where no one-time code was typed."""

    name: str
    passphrase: str = field(repr=False)
    code: str = field(repr=False)


@dataclass(frozen=True)
class SignedIn:
    """An operator for the records, and the id of the sign-in; empty where the session has no operators."""

    by: str
    sign_in: str = ""


def typed(names: list[str]) -> Typed | None:
    """Ask at the terminal who this is; None where the session has no operators with a
    passphrase, whose `names` these are. Call it outside of an event loop: there
    Ctrl-C would wait for the answer."""
    if not names:
        return None
    if len(names) == 1:
        name = names[0]
    else:
        print(f"Operator ({', '.join(names)}): ", end="", flush=True)
        name = sys.stdin.readline().strip().lower()
    passphrase = hidden(f"Passphrase of {name}: ")
    return Typed(name, passphrase, hidden("One-time code (Enter for none): "))


async def signed_in(pipe: CommandPipeline, keys: Keys, given: Typed | None) -> SignedIn:
    """Begin the sign-in of what was typed. Raises PermissionError where it is wrong, or where the session has
    operators with passphrases and nothing was typed. Where it has the demo's operator alone, that one is signed in."""
    if given is None:
        if await passphrase_holders(pipe, keys):
            raise PermissionError("an operator was added meanwhile; run the command again")
        names = await operator_names(pipe, keys)
        return await _begun(pipe, keys, names[0]) if names else SignedIn(caller())
    if not await authenticated(pipe, keys, given.name, given.passphrase, given.code):
        raise PermissionError(WRONG)
    return await _begun(pipe, keys, given.name)


async def _begun(pipe: CommandPipeline, keys: Keys, name: str) -> SignedIn:
    token = await begin_sign_in(pipe, keys, name, VIA)
    if not token:
        raise PermissionError(f"the operator {name} was removed meanwhile")
    return SignedIn(f"operator {name}", sign_in_id(token))
