"""One Lua script at the server: sent by its digest, and as text to a server that does not have it.

`#!lua` makes the server reject a script as a whole when it may not write (out of memory, replica, failing disk), so an
error from a script always means that nothing was changed. `flags=allow-oom` exempts a script from the first of these
checks: one that stops orders, reports the outcome of a call or frees memory adds little to what is stored. Keys and
channels are KEYS, which Cluster and ACLs check.
"""

import hashlib
from dataclasses import dataclass, field
from typing import Any

from bridge.bus.transport.connection import Refused
from bridge.bus.transport.pipeline import CommandPipeline
from bridge.bus.transport.protocol import Argument


@dataclass(frozen=True)
class Script:
    """Sent by its digest; a server that has forgotten it (NOSCRIPT: nothing was done) gets the text."""

    text: str
    sha: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "sha", hashlib.sha1(self.text.encode(), usedforsecurity=False).hexdigest())

    async def run(self, pipe: CommandPipeline, keys: tuple[str, ...], *arguments: Argument) -> Any:
        try:
            return await pipe.send("EVALSHA", self.sha, len(keys), *keys, *arguments)
        except Refused as error:
            if "NOSCRIPT" not in str(error) and "No matching script" not in str(error):
                raise
        return await pipe.send("EVAL", self.text, len(keys), *keys, *arguments)


# Writes nothing, and is refused as every write is: out of memory, with a failing disk, at a replica.
WRITABLE = Script("""#!lua
return 1
""")
