"""The check of typed words: are they an operator's?"""

import asyncio

from bridge.bus.identity.credentials import NO_HASH, matches, totp_step
from bridge.bus.identity.operators import Operator, find_operator, take_totp_step
from bridge.bus.keys import Keys
from bridge.bus.transport.pipeline import CommandPipeline


async def authenticated(pipe: CommandPipeline, keys: Keys, name: str, passphrase: str, code: str) -> bool:
    """Return whether this is the operator's passphrase, and the one-time code where one is set; it is used from now on.

    An unknown name and an operator without a passphrase take as long as a wrong passphrase. Hashing runs beside the
    event loop. Raises BusError, and ValueError for a record that can't be read.
    """
    operator = await find_operator(pipe, keys, name)
    kept = operator.passphrase if operator else ""
    right = await asyncio.to_thread(matches, kept or NO_HASH, passphrase)
    if operator is None or not kept or not right:
        return False
    return not operator.totp or await _code_is_right(pipe, keys, operator, code)


async def _code_is_right(pipe: CommandPipeline, keys: Keys, operator: Operator, code: str) -> bool:
    step = totp_step(operator.totp, code)
    return step is not None and await take_totp_step(pipe, keys, operator.name, step)
