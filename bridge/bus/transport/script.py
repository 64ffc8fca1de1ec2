"""One Lua script at the server: sent by its digest, and as text to a server that does not have it.

`#!lua` makes the server reject a script as a whole when it may not write (out of memory, replica, failing disk), so an
error from a script always means that nothing was changed. `flags=allow-oom` exempts a script from the first of these
checks: one that stops orders, reports the outcome of a call or frees memory adds little to what is stored. Keys and
channels are KEYS, which Cluster and ACLs check.

All scripts of a server share one Lua state. Its libraries' tables are read-only, but the settings of cjson are not: a
script of any user changes them for the scripts of all. So each script that uses cjson sets them first.
"""

import hashlib
from dataclasses import dataclass, field
from typing import Any

from bridge.bus.transport.connection import Refused
from bridge.bus.transport.pipeline import CommandPipeline
from bridge.bus.transport.protocol import Argument

# The defaults of cjson, by Redis' deps/lua/src/lua_cjson.c. A server of another make may lack some of these settings.
CJSON_SETTINGS = """
for name, value in pairs({decode_max_depth = 1000, encode_max_depth = 1000, encode_number_precision = 14,
    encode_invalid_numbers = false, decode_invalid_numbers = true}) do
    if cjson[name] then cjson[name](value) end
end
if cjson.encode_sparse_array then cjson.encode_sparse_array(false, 2, 10) end
"""


@dataclass(frozen=True)
class Script:
    """Sent by its digest; a server that has forgotten it (NOSCRIPT: nothing was done) gets the text."""

    text: str
    sha: str = field(init=False)

    def __post_init__(self) -> None:
        if "cjson." in self.text:
            first, _, rest = self.text.partition("\n")
            object.__setattr__(self, "text", f"{first}{CJSON_SETTINGS}{rest}")
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
